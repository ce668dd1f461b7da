"""Images of the catalogue's entries: built when an entry names them, and only with the digest that it names."""

import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from navarch_images import entries
from navarch_images.cache import Cache
from navarch_images.errors import EntryError, ReleaseError
from navarch_images.programs import Built
from navarch_images.release import Component, offer, parse_offer

ZEROS = f"sha256:{'0' * 64}"
STORE = "registry.navarch.internal/victoria-metrics:v1.151.0"
CHART = """\
annotations:
  artifacthub.io/images: |
    - name: victoria-metrics
      image: {image}
    - name: theirs
      image: docker.io/library/nginx:1.27@sha256:{other}
"""


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of components that were asked for; each becomes programs of a few bytes."""
    asked: list[str] = []

    def build_all(components: Sequence[Component], cache: Cache, tell: Any) -> list[Built]:
        made = []
        for component in components:
            asked.append(component.name)
            folder = tmp_path / "components" / component.name
            folder.mkdir(parents=True, exist_ok=True)
            for name in component.binaries:
                (folder / name).write_text(component.version)
            (folder / "libraries.json").write_text(str({name: {} for name in component.binaries}).replace("'", '"'))
            made.append(Built(component, f"key-{component.name}", folder))
        return made

    monkeypatch.setattr(entries, "build_all", build_all)
    return asked


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def chart(folder: Path, image: str = f"{STORE}@{ZEROS}") -> Path:
    made = folder / "entry"
    (made / "templates").mkdir(parents=True)
    (made / "Chart.yaml").write_text(CHART.format(image=image, other="1" * 64))
    (made / "templates" / "_names.tpl").write_text(f"image: {image}\n")
    return made


def silent(_text: str) -> None:
    pass


def test_images_of_others_are_not_ours_to_build(tmp_path: Path) -> None:
    assert entries.named_by(chart(tmp_path)) == {STORE: ZEROS}


def test_only_what_an_entry_names_is_built_and_the_same_again_is_not(
    tmp_path: Path, cache: Cache, built: list[str]
) -> None:
    entry = chart(tmp_path)
    (pinned,) = entries.pin_images(entry, cache, silent)
    assert built == ["victoria-metrics"]
    archive = cache.root.joinpath("catalogue").glob("*/images/*.tar")
    before = {path: path.stat().st_mtime_ns for path in archive}
    assert entries.archives_of(entry, cache, silent) == [pinned]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert pinned.path in before


def test_a_digest_is_written_wherever_the_entry_names_the_image(tmp_path: Path, cache: Cache, built: list[str]) -> None:
    entry = chart(tmp_path)
    (pinned,) = entries.pin_images(entry, cache, silent)
    assert f"{STORE}@{pinned.digest}" in (entry / "Chart.yaml").read_text()
    assert (entry / "templates" / "_names.tpl").read_text() == f"image: {STORE}@{pinned.digest}\n"
    assert f"nginx:1.27@sha256:{'1' * 64}" in (entry / "Chart.yaml").read_text()


def test_another_digest_than_the_entry_names_is_told_with_what_to_do(
    tmp_path: Path, cache: Cache, built: list[str]
) -> None:
    with pytest.raises(EntryError, match=r"names other digests: .*victoria-metrics:v1\.151\.0 is sha256:.*pin-images"):
        entries.archives_of(chart(tmp_path), cache, silent)


def test_an_image_runs_as_the_user_that_the_offer_says(tmp_path: Path, cache: Cache, built: list[str]) -> None:
    """cert-manager makes the solver's pods with `runAsNonRoot` alone: who it is must be a number in the image."""
    solver = next(i for i in offer().images if i.name == "cert-manager-acmesolver")
    (pinned,) = entries.pin_images(chart(tmp_path, f"{offer().reference(solver)}@{ZEROS}"), cache, silent)
    with tarfile.open(pinned.path) as tar:
        blobs = {m.name: json.loads(tar.extractfile(m).read()) for m in tar if m.size < 4096 and "/" in m.name}  # type: ignore[union-attr]
    (config,) = [blob["config"] for blob in blobs.values() if "rootfs" in blob]
    assert config["User"] == solver.user == "65534:65534"


def test_another_user_makes_another_image(
    tmp_path: Path, cache: Cache, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = chart(tmp_path)
    (root,) = entries.pin_images(entry, cache, silent)
    mine = offer()
    images = tuple(replace(image, user="7:7") for image in mine.images)
    monkeypatch.setattr(entries, "offer", lambda: replace(mine, images=images))
    (other,) = entries.pin_images(entry, cache, silent)
    assert (other.path == root.path, other.digest == root.digest) == (False, False)


def test_what_nothing_makes_is_named(tmp_path: Path, cache: Cache, built: list[str]) -> None:
    entry = chart(tmp_path, f"registry.navarch.internal/ghost:1@{ZEROS}")
    with pytest.raises(EntryError, match=r"nothing here makes registry\.navarch\.internal/ghost:1"):
        entries.archives_of(entry, cache, silent)
    assert not built


def test_a_folder_that_is_no_chart_is_told(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(EntryError, match="is no chart"):
        entries.archives_of(tmp_path, cache, silent)


def test_every_image_of_our_entries_is_made_here_and_the_charts_use_what_they_name() -> None:
    """The digests themselves are compared when the images are built."""
    mine = {offer().reference(image) for image in offer().images}
    ours = Path(__file__).parents[2] / "addons"
    named: set[str] = set()
    for entry in ours.iterdir():
        images = entries.named_by(entry)
        named |= set(images)
        for template in entry.rglob("*.tpl"):
            for reference, digest in entries.named_by_text(template.read_text()).items():
                assert images[reference] == digest, template
    assert mine <= named  # nothing is on offer that no entry uses
    assert ZEROS not in {digest for entry in ours.iterdir() for digest in entries.named_by(entry).values()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base": True, "files": ["a:/usr/a"]}, "image a: it may have no base layer"),
        ({"certificates": True}, "image a: it may have no base layer"),
        ({"component": "ghost"}, "no component ghost"),
        ({"files": ["b:/b"]}, "no binary b"),
        ({"user": "nobody"}, "image a: a user reads 'uid:gid' and is not root, not 'nobody'"),
        ({"user": "0:0"}, "is not root"),
    ],
)
def test_an_offer_that_leads_nowhere_is_refused(change: dict[str, Any], said: str) -> None:
    component = {
        "source": "go/a",
        "module": "example.org/a",
        "version": "1",
        "licence": "MIT",
        "binaries": {"a": "x/a"},
    }
    image = {"component": "a", "files": ["a:/a"], "entrypoint": ["/a"], **change}
    with pytest.raises(ReleaseError, match=said):
        parse_offer({"registry": "r", "component": {"a": component}, "image": {"a": image}})
