import threading
import time
from pathlib import Path

import pytest

from navarch_images.cache import Cache


def test_a_scratch_folder_is_gone_afterwards_even_when_the_work_failed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(RuntimeError), cache.scratch("work") as folder:
        (folder / "half").write_text("")
        raise RuntimeError
    assert not folder.exists()


def test_the_first_to_finish_wins_and_the_second_gets_the_same(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for text in ("first", "second"):
        made = tmp_path / "made"
        made.write_text(text)
        place = cache.publish(made, "bundles", "digest")
    assert place.read_text() == "first"


def test_what_inputs_gave_is_remembered(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.recall("node", "key") is None
    cache.remember("node", "key", "digest")
    assert cache.recall("node", "key") == "digest"
    assert cache.recall("bundle", "key") is None


def test_the_place_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAVARCH_CACHE", str(tmp_path))
    assert Cache.default().root == tmp_path
    monkeypatch.delenv("NAVARCH_CACHE")
    assert Cache.default().root == Path("/var/cache/navarch")


def test_a_sweep_keeps_what_it_is_told_to_and_clears_what_killed_builds_left(tmp_path: Path) -> None:
    for name in ("bundles/old", "bundles/new", "images/only", "work/node.123", "debian/tree"):
        (tmp_path / name).mkdir(parents=True)
    assert Cache(tmp_path).sweep({"bundles": {"new"}, "images": {"only"}}) == 1
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")}
    assert left == {"bundles/new", "images/only", "debian/tree"}


def test_the_second_of_two_builds_waits_for_the_first(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []
    started = threading.Event()

    def second() -> None:
        started.set()
        with Cache(tmp_path).alone(said.append):
            order.append("second")

    with Cache(tmp_path).alone(said.append):
        thread = threading.Thread(target=second)
        thread.start()
        started.wait(5)
        time.sleep(0.1)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == ["another build is running; waiting for it"]
