"""Following one cluster: told of each change by the service; asking once a second where streams do not get through."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

from navarch.client.errors import Problem, Unavailable
from navarch.client.shapes import Cluster, Machine, Progress
from navarch.client.texts import harmless

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

_POLL_SECONDS = 1.0
_LONGEST_STREAM_SECONDS = 3600
_TRIES = 2  # streams in a row that tell nothing though the service answers: something on the way holds them back


@dataclass(frozen=True, slots=True)
class Followed:
    """A cluster at one moment, with its machines in order of their making, and how far it is."""

    cluster: Cluster
    machines: list[Machine]
    progress: Progress


@dataclass
class Follower:
    """Follows the cluster of that id. `away` is told why nothing can be learnt for the moment."""

    navarch: "Navarch"
    cluster_id: str
    away: Callable[[Unavailable], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _cluster: Cluster | None = None
    _progress: Progress | None = None
    _machines: dict[str, Machine] = field(default_factory=dict)
    _last_event_id: str | None = None
    _in_vain: int = 0

    def follow(self, seconds: float) -> Iterator[Followed]:
        """How the cluster is, and again whenever it or a machine has changed, for so many seconds. Raises Problem: with
        status 404 when it is gone."""
        end, since = self.clock() + seconds, self.navarch.now().isoformat()
        while True:
            streams, told = self._in_vain < _TRIES, False
            try:
                if streams:
                    for followed in self._stream(end):
                        told, self._in_vain = True, 0
                        yield followed
            except Unavailable:
                pass  # whether the service is away is seen by asking it
            except Problem as problem:
                if problem.status != HTTPStatus.BAD_REQUEST:  # an older service, which has no such stream
                    raise
            if not told:
                try:
                    cluster = self.navarch.cluster(self.cluster_id)
                    machines = list(self.navarch.machines(self.cluster_id))
                    yield Followed(cluster, machines, self.navarch.progress(self.cluster_id, since=since))
                    self._in_vain += streams
                except Unavailable as error:
                    self.away(error)
            if self.clock() >= end:
                return
            self.sleep(min(_POLL_SECONDS, max(0.0, end - self.clock())))

    def _stream(self, end: float) -> Iterator[Followed]:
        seconds = min(_LONGEST_STREAM_SECONDS, max(1, ceil(end - self.clock())))
        cluster, machines, progress = None, dict[str, Machine](), self._progress
        synced = False
        with self.navarch.watch(self.cluster_id, seconds=seconds, last_event_id=self._last_event_id) as lines:
            for kind, data, event_id in events(lines):
                match kind:
                    case "cluster":
                        cluster = data
                    case "machine":
                        machines[data["name"]] = data
                    case "progress":
                        progress = data
                    case "deleted":
                        raise Problem(HTTPStatus.NOT_FOUND, "Not found", "the cluster is gone")
                    case "synced":
                        synced = True
                        if data["resumed"]:
                            cluster, machines = cluster or self._cluster, self._machines | machines
                    case _:
                        continue
                if synced and cluster is not None and progress is not None:
                    machines = {name: machine for name, machine in machines.items() if not machine.get("removed")}
                    self._cluster, self._machines, self._progress = cluster, machines, progress
                    self._last_event_id = event_id or self._last_event_id
                    yield Followed(cluster, list(machines.values()), progress)


def events(lines: Iterable[str]) -> Iterator[tuple[str, Any, str | None]]:
    """Server-sent events: name, data (JSON) and id."""
    parser = EventParser()
    for line in lines:
        event = parser.feed(line)
        if event is not None:
            yield event


class EventParser:
    """Makes events of lines."""

    def __init__(self) -> None:
        self._name, self._data = "", ""
        self._id: str | None = None

    def feed(self, line: str) -> tuple[str, Any, str | None] | None:
        """The event that a line ends: name, data (JSON) and id. None: there are more lines of it."""
        if not line:
            name, data, event_id = self._name, self._data, self._id
            self._name, self._data, self._id = "", "", None
            return (name, harmless(json.loads(data)), event_id) if name and data else None
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match key:
            case "event":
                self._name = value
            case "data":
                self._data += value
            case "id":
                self._id = value
        return None
