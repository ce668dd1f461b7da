"""Open streams of changes: what each follows and has been told. What is sent is in `watch`."""

import asyncio
import contextlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from navarch.api.problems import not_now
from navarch.api.settings import ApiSettings
from navarch.api.views import cluster_json, event_view, machine_view, progress_view
from navarch.domain.machines import Machine
from navarch.domain.progress import progress_of
from navarch.service.feed import Change, ClusterChanged, ClusterGone, EventHappened, Feed, MachineChanged
from navarch.store.contract import ApiStore, Stored

_UNREAD_BYTES = 4 * 1024 * 1024  # beyond the first list; a watcher that leaves more unread is cut
_AT_ONCE_BYTES = 256 * 1024
Place = tuple[str | None, str | None]  # project and cluster; None: all


class Watched:
    """What is known of one cluster that is watched, to say how far it is. `now` is the service's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._since = now, now()
        self._stored: Stored | None = None
        self._machines: dict[str, Machine] = {}

    def learn(self, change: Change) -> bool:
        """Take a change in; gives whether it is news, which may be of how far the cluster is."""
        match change:
            case ClusterChanged(stored):
                before, self._stored = self._stored, stored
                return stored != before
            case MachineChanged(_, _, machine) if machine.removed:
                return self._machines.pop(machine.name, None) is not None
            case MachineChanged(_, _, machine):
                known = self._machines.get(machine.name)
                self._machines[machine.name] = machine
                return machine != known
            case _:
                return False

    def progress(self) -> bytes | None:
        """How far it is, as JSON; None: nothing is known of it."""
        if self._stored is None:
            return None
        cluster, status = self._stored.cluster, self._stored.status
        seen = progress_of(cluster, status, tuple(self._machines.values()), self._now(), since=self._since)
        return progress_view(seen).model_dump_json().encode()


class Stream:
    """What one watcher follows, what it knows, and what is still to be sent. Filled from the feed's thread, emptied in
    the event loop. `place`: the clusters of which project, and which of them; `wanted`: whether one is among those
    asked for; `watched`: the one whose progress is told; `timelines`, `machines`: whether events are, and machines of
    more than one cluster."""

    def __init__(
        self,
        place: Place,
        wanted: Callable[[Stored], bool] = lambda stored: True,
        *,
        watched: Watched | None = None,
        timelines: bool = False,
        machines: bool = False,
    ) -> None:
        self.place, self.timelines, self.machines = place, timelines, machines
        self._wanted, self._watched = wanted, watched
        self._lock = threading.Lock()
        self._progress = b""
        self._known: dict[str, int] = {}  # the last change of each cluster and machine, by id or name
        self._resumed = False
        self._early: list[tuple[Sequence[tuple[Change, bytes]], int]] | None = []  # told before it began
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes, self._most_bytes = 0, _UNREAD_BYTES
        self._ended = self._cut = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._filled = asyncio.Event()

    def begin(self, changes: Sequence[Change], number: int, *, after: int | None) -> None:
        """What is there; where the watcher was here before, what of it has changed after the change numbered `after`.
        What the feed has told meanwhile follows."""
        with self._lock:
            resumed = self._resumed = after is not None
            self._learn(changes, None)
            for change in changes:
                if after is None or change.number > after:
                    self._put(self._events(change, _event_of(change, None), None))
            self._put([_event("synced", json.dumps({"resumed": resumed}).encode(), number)])
            self._most_bytes += self._unsent_bytes  # a long list is no fault of its watcher
            early, self._early = self._early or [], None
            for told, at in early:
                self._tell(told, at)

    def clusters(self) -> Collection[str]:
        """The clusters whose machines are told."""
        if self.place[1] is not None:
            return (self.place[1],)
        with self._lock:
            return tuple(self._known) if self.machines else ()

    def tell(self, changes: Sequence[tuple[Change, bytes]], number: int) -> None:
        """These things have changed; each with its event. `number` is the id of them all."""
        with self._lock:
            if self._early is not None:
                self._early.append((changes, number))
                return
            self._tell(changes, number)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the stream with it
                self._loop.call_soon_threadsafe(self._filled.set)

    async def next(self, seconds: float) -> bytes | None:
        """The events that are to be sent next; empty where there are none for so long; None: there will be no more."""
        self._loop = asyncio.get_running_loop()
        self._filled.clear()
        content = self._take()
        if not content and not self._ended and not self._cut:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._filled.wait()
            content = self._take()
        return content or (None if self._ended or self._cut else b"")

    def _tell(self, changes: Sequence[tuple[Change, bytes]], number: int) -> None:
        self._learn([change for change, _ in changes], number)
        for change, event in changes:
            self._put(self._events(change, event, number))

    def _learn(self, changes: Sequence[Change], number: int | None) -> None:
        """Tell how far the cluster is, before what has changed in it: who sees that it is done knows the rest."""
        if self._watched is None:
            return
        moved = [self._watched.learn(change) for change in changes]
        if any(moved):
            progress = self._watched.progress()
            if progress is not None and progress != self._progress:
                self._progress = progress
                self._put([_event("progress", progress, number)])

    def _events(self, change: Change, event: bytes, number: int | None) -> Iterator[bytes]:
        match change:
            case ClusterChanged(stored) if self._known.get(stored.cluster.id, -1) < stored.change:
                if self._wanted(stored):
                    self._known[stored.cluster.id] = stored.change
                    yield event
                elif self._known.pop(stored.cluster.id, None) is not None or self._resumed:
                    yield _deleted(stored.cluster.id, number)
            case ClusterGone(_, id_, _):
                self._ended = self.place[1] is not None
                if self._known.pop(id_, None) is not None or self._resumed or self._ended:
                    yield event
            case MachineChanged(_, stored, _) if self.machines:
                if stored.cluster.id in self._known or self._resumed:
                    yield event
            case MachineChanged(at, _, machine) if self._known.get(machine.name, -1) < at:
                self._known[machine.name] = at
                yield event
            case EventHappened(_, id_, _, _) if self.timelines and (id_ in self._known or self._resumed):
                yield event

    def _put(self, events: Iterable[bytes]) -> None:
        for event in events:
            self._unsent.append(event)
            self._unsent_bytes += len(event)
        if self._unsent_bytes > self._most_bytes and self._early is None:
            self._cut = True
            self._unsent.clear()

    def _take(self) -> bytes:
        with self._lock:
            taken: list[bytes] = []
            size = 0
            while self._unsent and size < _AT_ONCE_BYTES:
                taken.append(self._unsent.popleft())
                size += len(taken[-1])
            self._unsent_bytes -= size
            return b"".join(taken)


class Streams:
    """The open streams of one process, and the feed that they follow: its `Followers`."""

    def __init__(self, store: ApiStore, settings: ApiSettings) -> None:
        self._settings = settings
        self._feed = Feed(store, self, interval=settings.watch_interval)
        self._lock = threading.Lock()
        self._open: dict[Place, set[Stream]] = {}
        self._of_project: Counter[str | None] = Counter()

    def open(self, stream: Stream) -> int:
        """Let it follow; gives the number of the change from which on it is told. Raises Problem where there are too
        many, and Unavailable."""
        project = stream.place[0]
        with self._lock:
            if self._of_project.total() >= self._settings.watchers:
                raise not_now("too many streams are open; poll instead", 30)
            if self._of_project[project] >= self._settings.watchers_per_project:
                raise not_now("too many streams of this project are open; poll instead", 30)
            self._of_project[project] += 1
            self._open.setdefault(stream.place, set()).add(stream)
        try:
            return self._feed.follow()
        except BaseException:
            self.close(stream)
            raise

    def close(self, stream: Stream) -> None:
        """It follows no more. Again: nothing."""
        with self._lock:
            streams = self._open.get(stream.place, set())
            if stream in streams:
                streams.remove(stream)
                self._of_project[stream.place[0]] -= 1
                if not streams:
                    del self._open[stream.place]

    def projects(self) -> Collection[str] | None:
        """See `Followers`."""
        with self._lock:
            projects = {project for project, _ in self._open}
        return None if None in projects else {project for project in projects if project is not None}

    def clusters(self) -> Collection[str]:
        """See `Followers`."""
        with self._lock:
            streams = [stream for its in self._open.values() for stream in its]
        return {cluster for stream in streams for cluster in stream.clusters()}

    def timelines(self) -> Collection[str] | None:
        """See `Followers`."""
        with self._lock:
            projects = {place[0] for place, its in self._open.items() if any(stream.timelines for stream in its)}
        return None if None in projects else {project for project in projects if project is not None}

    def tell(self, changes: Sequence[Change], resume: int) -> None:
        """See `Followers`. Each change is made an event once, however many are told."""
        told: dict[Stream, list[tuple[Change, bytes]]] = {}
        for change in changes:
            streams = self._followers_of(change)
            if streams:
                event = _event_of(change, resume)
                for stream in streams:
                    told.setdefault(stream, []).append((change, event))
        for stream, its in told.items():
            stream.tell(its, resume)

    def _followers_of(self, change: Change) -> list[Stream]:
        if isinstance(change, ClusterGone | EventHappened):
            project, cluster = change.project_id, change.cluster_id
        else:
            project, cluster = change.stored.cluster.project_id, change.stored.cluster.id
        places: list[Place] = [(project, cluster), (None, cluster), (project, None), (None, None)]
        with self._lock:
            found = [stream for place in places for stream in self._open.get(place, ())]
        if isinstance(change, MachineChanged):
            return [stream for stream in found if stream.machines or stream.place[1] is not None]
        return found


def _event_of(change: Change, number: int | None) -> bytes:
    match change:
        case ClusterChanged(stored):
            return _event("cluster", cluster_json(stored), number)
        case MachineChanged(_, stored, machine):
            shown = machine_view(machine).model_dump(mode="json") | {"cluster_id": stored.cluster.id}
            return _event("machine", json.dumps(shown).encode(), number)
        case EventHappened(_, cluster_id, _, event):
            shown = event_view(event).model_dump(mode="json") | {"cluster_id": cluster_id}
            return _event("event", json.dumps(shown).encode(), number)
        case ClusterGone(_, cluster_id, _):
            return _deleted(cluster_id, number)


def _deleted(cluster_id: str, number: int | None) -> bytes:
    return _event("deleted", json.dumps({"id": cluster_id}).encode(), number)


def _event(kind: str, data: bytes, number: int | None) -> bytes:
    id_ = b"" if number is None else f"id: {number}\n".encode()
    return b"event: " + kind.encode() + b"\n" + id_ + b"data: " + data + b"\n\n"
