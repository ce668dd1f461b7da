"""The order of the end-to-end stories, without telling them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.e2e.order import FILES, HERE, arrange


def item(file: str, name: str, *takes: str, destructive: bool = False, folder: Path = HERE) -> Any:
    marker = object() if destructive else None
    return SimpleNamespace(
        path=folder / file, name=name, fixturenames=["request", *takes], get_closest_marker=lambda _: marker
    )


def arranged(*items: Any) -> list[str]:
    found = list(items)
    arrange(found)
    return [each.name for each in found]


def test_files_come_in_their_order_and_stories_of_a_file_as_they_are_written() -> None:
    late, early = FILES[3], FILES[1]
    assert arranged(item(late, "c"), item(early, "a"), item(late, "d"), item(early, "b")) == ["a", "b", "c", "d"]


def test_the_stories_of_a_cluster_come_before_those_of_the_next() -> None:
    both = item(FILES[0], "both", "three", "one")
    assert arranged(both, item(FILES[3], "second", "three"), item(FILES[4], "first", "one")) == [
        "first",
        "both",
        "second",
    ]


def test_destructive_stories_of_a_cluster_come_after_its_others_and_before_the_next() -> None:
    items = (item(FILES[4], "three", "three"), item(FILES[0], "end of one", "one", destructive=True))
    assert arranged(*items, item(FILES[5], "one", "one")) == ["one", "end of one", "three"]


def test_destructive_stories_come_in_the_order_of_their_files() -> None:
    items = (item(FILES[0], "first of the ends", destructive=True), item(FILES[2], "last", destructive=True))
    assert arranged(*items, item(FILES[5], "gives back")) == ["gives back", "first of the ends", "last"]


def test_other_tests_of_the_run_stay_as_they_were_behind_the_stories() -> None:
    elsewhere = Path("tests/unit")
    others = (item("test_z.py", "z", folder=elsewhere), item("test_a.py", "a", folder=elsewhere))
    assert arranged(*others, item(FILES[0], "story")) == ["story", "z", "a"]


def test_a_file_without_a_place_is_refused_by_name() -> None:
    with pytest.raises(pytest.UsageError, match=r"test_new\.py"):
        arranged(item("test_new.py", "new"))


def test_every_file_has_a_place_and_every_place_a_file() -> None:
    assert sorted(FILES) == sorted(path.name for path in HERE.glob("test_*.py"))
