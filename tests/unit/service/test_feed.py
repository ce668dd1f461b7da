"""The reader of changes: nothing is missed, and nothing is read that nobody follows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from tests.unit.domain.clusters import cluster

from navarch.domain.status import Status
from navarch.service.feed import Change, ClusterChanged, ClusterGone, Feed
from navarch.store.contract import ChangeStore, Mark, Page, Stored, Unavailable


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


@dataclass
class Rows:
    """A store: the last change of each cluster, by number of the cluster."""

    changes_: dict[int, int] = field(default_factory=dict)
    gone_: dict[int, int] = field(default_factory=dict)
    given: int = 0
    away: bool = False
    read: list[Collection[str]] = field(default_factory=list)

    def last_change(self) -> int:
        return self.given

    def changes(
        self, after: int, *, with_machines: Collection[str] = (), with_events: Collection[str] | None = ()
    ) -> tuple[Mark, ...]:
        if self.away:
            raise Unavailable
        marks = [Mark(change, id_of(number), f"p{number % 2}") for number, change in self.changes_.items()]
        marks += [Mark(change, id_of(number), f"p{number % 2}", gone=True) for number, change in self.gone_.items()]
        return tuple(sorted((mark for mark in marks if mark.change > after), key=lambda mark: mark.change))

    def clusters_by_id(self, ids: Collection[str]) -> Page:
        self.read.append(ids)
        found = {id_of(number): change for number, change in self.changes_.items()}
        return Page(tuple(Stored(replace(cluster(), id=i), Status(), change=found[i]) for i in ids if i in found))


@dataclass
class Listeners:
    """Followers of these projects, and what they were told."""

    of: frozenset[str] | None = None
    told: list[tuple[str, int]] = field(default_factory=list)
    resume: int = 0

    def projects(self) -> Collection[str] | None:
        return self.of

    def clusters(self) -> Collection[str]:
        return ()

    def timelines(self) -> Collection[str] | None:
        return ()

    def tell(self, changes: Sequence[Change], resume: int) -> None:
        self.resume = resume
        for change in changes:
            assert isinstance(change, ClusterChanged | ClusterGone)
            id_ = change.cluster_id if isinstance(change, ClusterGone) else change.stored.cluster.id
            self.told.append((id_, change.number))


class Scene:
    def __init__(self, of: frozenset[str] | None = None, **rows: Any) -> None:
        self.now, self.rows, self.listeners = 0.0, Rows(**rows), Listeners(of)
        self.feed = Feed(cast(ChangeStore, self.rows), self.listeners, clock=lambda: self.now)
        self.feed.begin()

    def told(self, *, after: float = 0.0) -> list[tuple[str, int]]:
        self.now += after
        self.listeners.told = []
        self.feed.look()
        return self.listeners.told


def test_what_is_there_already_is_not_told_and_what_changes_is_told_once() -> None:
    scene = Scene(changes_={1: 5, 2: 6}, given=6)
    assert scene.told() == []
    scene.rows.changes_[1] = 7
    assert scene.told() == [(id_of(1), 7)]
    assert scene.told() == []
    assert scene.told(after=60) == []
    assert scene.rows.read == [{id_of(1)}]


def test_a_number_that_is_seen_after_a_higher_one_is_told() -> None:
    scene = Scene(changes_={1: 1, 2: 2}, given=4)  # 3 and 4 are given out, and their transactions go on
    scene.rows.changes_[2] = 4
    assert scene.told() == [(id_of(2), 4)]
    scene.rows.changes_[1] = 3
    assert scene.told(after=15) == [(id_of(1), 3)]


def test_the_number_to_resume_at_stays_behind_as_long_as_a_transaction_may_take() -> None:
    scene = Scene(changes_={1: 1}, given=20_000)
    scene.told()
    assert scene.listeners.resume == 10_000
    scene.rows.changes_[1] = 20_001
    scene.told(after=10)
    assert scene.listeners.resume == 10_000
    scene.told(after=11)
    assert scene.listeners.resume == 20_000
    scene.told(after=20)
    assert scene.listeners.resume == 20_001


def test_what_nobody_follows_is_not_read() -> None:
    scene = Scene(frozenset({"p1"}), changes_={1: 1, 2: 2}, given=2)
    scene.rows.changes_ |= {1: 3, 2: 4}
    assert scene.told() == [(id_of(1), 3)]
    assert scene.rows.read == [{id_of(1)}]


def test_a_cluster_that_is_gone_is_told() -> None:
    scene = Scene(changes_={1: 1}, given=1)
    del scene.rows.changes_[1]
    scene.rows.gone_[1] = 2
    assert scene.told() == [(id_of(1), 2)]


def test_a_store_that_is_away_for_a_moment_loses_nothing() -> None:
    scene = Scene(changes_={1: 1}, given=1)
    scene.rows.away, scene.rows.changes_[1] = True, 2
    with pytest.raises(Unavailable):
        scene.told()
    scene.rows.away = False
    assert scene.told(after=120) == [(id_of(1), 2)]
