"""Following changes: one reader of the database, for any number of followers.

The reader asks for what changed after a number. Since a transaction may end after one with a higher number
(`ChangeStore`), the number that it asks after stays behind for as long as a transaction may take, and what was seen
meanwhile is remembered. It looks when the database notifies, and once in a while also where it does not.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from navarch.domain.errors import Temporary
from navarch.domain.machines import Machine
from navarch.store.contract import ChangeStore, Mark, Stored, StoredEvent

_OVERLAP_SECONDS = 20.0  # the store ends every statement after 15
_OVERLAP = 10_000  # numbers, where it is not known which ones were given out in that time
_log = structlog.get_logger("navarch.service")


@dataclass(frozen=True, slots=True)
class ClusterChanged:
    """What people see of a cluster has changed, or it is new."""

    stored: Stored

    @property
    def number(self) -> int:
        """The change's number."""
        return self.stored.change


@dataclass(frozen=True, slots=True)
class ClusterGone:
    """A cluster is gone for good."""

    number: int
    cluster_id: str
    project_id: str


@dataclass(frozen=True, slots=True)
class MachineChanged:
    """A machine of a cluster has changed, is new, or (`removed`) is gone."""

    number: int
    stored: Stored
    machine: Machine


@dataclass(frozen=True, slots=True)
class EventHappened:
    """A cluster's timeline has one line more."""

    number: int
    cluster_id: str
    project_id: str
    event: StoredEvent


Change = ClusterChanged | ClusterGone | MachineChanged | EventHappened


_Key = tuple[str, str, int]  # cluster, machine, event


class Followers(Protocol):
    """Who follows changes. Called in the feed's thread."""

    def projects(self) -> Collection[str] | None:
        """Whose clusters are followed; None: everybody's. Empty: nobody follows anything."""
        ...

    def clusters(self) -> Collection[str]:
        """Clusters whose machines are followed."""
        ...

    def timelines(self) -> Collection[str] | None:
        """Projects whose clusters' timelines are followed; None: everybody's."""
        ...

    def tell(self, changes: Sequence[Change], resume: int) -> None:
        """This has changed. With it, nothing before the change numbered `resume` is missing. It may be told a second
        time."""
        ...


class Feed:
    """Reads while there are followers. `interval` in seconds: how long it waits for a notification; `rest`: how long it
    pauses after a reading, so that many changes at once are read together."""

    def __init__(
        self,
        store: ChangeStore,
        followers: Followers,
        *,
        interval: float = 1.0,
        rest: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._followers, self._clock = store, followers, clock
        self._interval, self._rest = interval, rest
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._resume = self._highest = 0
        self._reached: deque[tuple[float, int]] = deque()  # (when, the highest number that was seen by then)
        self._seen: dict[_Key, int] = {}  # numbers above `resume`

    def follow(self) -> int:
        """To be called when a follower has come: what changes from now on is told. Gives the number to resume at for
        who reads everything now. Raises Unavailable."""
        with self._lock:
            if self._thread is None:
                self.begin()
                self._thread = threading.Thread(target=self._run, name="navarch-feed", daemon=True)
                self._thread.start()
            return self._resume

    def begin(self) -> None:
        """Take what is there as told. Raises Unavailable."""
        self._highest = self._store.last_change()
        self._resume = max(0, self._highest - _OVERLAP)
        self._reached = deque([(self._clock(), self._highest)])
        marks = self._store.changes(self._resume, with_events=None)  # of events none is told a second time later
        self._seen = {_key(mark): mark.change for mark in marks}

    def look(self) -> None:
        """Read once, and tell. Raises Unavailable."""
        now = self._clock()
        marks = self._store.changes(
            self._resume, with_machines=self._followers.clusters(), with_events=self._followers.timelines()
        )
        fresh = [mark for mark in marks if self._seen.get(_key(mark)) != mark.change]
        changes = tuple(self._read(fresh))
        for mark in fresh:
            self._seen[_key(mark)] = mark.change
            self._highest = max(self._highest, mark.change)
        self._reached.append((now, self._highest))
        while self._reached[0][0] <= now - _OVERLAP_SECONDS:
            self._resume = self._reached.popleft()[1]
        self._seen = {key: number for key, number in self._seen.items() if number > self._resume}
        self._followers.tell(changes, self._resume)

    def _read(self, marks: Sequence[Mark]) -> Iterator[Change]:
        projects = self._followers.projects()
        machines = [mark for mark in marks if mark.machine]
        events = [mark.event for mark in marks if mark.event]
        changed = [
            m for m in marks
            if not (m.machine or m.gone or m.event) and (projects is None or m.project_id in projects)
        ]  # fmt: skip
        ids = {mark.cluster_id for mark in (*machines, *changed)}
        clusters = {s.cluster.id: s for s in self._store.clusters_by_id(ids).clusters} if ids else {}
        for mark in marks:
            if mark.gone:
                yield ClusterGone(mark.change, mark.cluster_id, mark.project_id)
        for id_ in dict.fromkeys(mark.cluster_id for mark in changed):
            if id_ in clusters:
                yield ClusterChanged(clusters[id_])
        if machines:
            of, names = {mark.cluster_id for mark in machines}, {mark.machine for mark in machines}
            for found in self._store.numbered_machines(of, names=names, removed=True):
                if found.cluster_id in clusters:
                    yield MachineChanged(found.change, clusters[found.cluster_id], found.machine)

        for happened in self._store.events_by_id(events) if events else ():
            yield EventHappened(happened.change, happened.cluster_id, happened.project_id, happened.event)

    def _run(self) -> None:
        notified = 0
        while True:
            notified = self._store.wait_for_change(notified, self._interval)
            with self._lock:
                projects = self._followers.projects()
                if projects is not None and not projects:
                    self._thread = None
                    return
            try:
                self.look()
            except Temporary as error:
                _log.warning("changes cannot be read", error=str(error))  # nothing is lost: they are read later
            except Exception:  # noqa: BLE001 - who follows would be told nothing any more
                _log.exception("changes cannot be told")
            time.sleep(self._rest)


def _key(mark: Mark) -> _Key:
    return mark.cluster_id, mark.machine, mark.event
