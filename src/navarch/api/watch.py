"""Server-sent events: `?watch=true`.

| event | data | when |
| --- | --- | --- |
| `cluster` | a cluster | for each that is there, then whenever one changes or is new |
| `machine` | a machine, with `cluster_id` | of one cluster: for each that is there, then whenever one changes |
| | | of a list where `machines=true` asks for them: whenever one changes |
| `progress` | how far it is | where one cluster is watched: at first, and before each change that moves it |
| `event` | a line of a timeline, with `cluster_id` | where `events=true` asks for them: whenever one is new |
| `deleted` | `{"id": …}` of a cluster | it is gone, or is no longer among those that were asked for |
| `synced` | `{"resumed": …}` | once, after all that is there (`resumed`: that changed since `Last-Event-ID`) |

From `synced` on each event has an id. Who comes back with it as `Last-Event-ID` is told what changed since; some of it
may be known already. A comment comes every 15 seconds so that proxies keep the line open. The stream ends with the
token, after `watch_seconds`, when the cluster is gone, and where its watcher does not read.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from navarch.api.access import service_of
from navarch.api.streams import Stream, Streams, Watched
from navarch.domain.selection import Selection
from navarch.service.access import Access
from navarch.service.feed import Change, ClusterChanged, ClusterGone, EventHappened, MachineChanged
from navarch.service.refusals import Missing
from navarch.store.contract import ApiStore, Stored

_KEEP_ALIVE_SECONDS = 15.0
_UNREAD_SECONDS = 30.0  # until a watcher that does not read is cut
_PAGE = 1000
_EVENTS = 2000  # that a watcher who comes back is told; who was away longer reads the timelines anew
_EVENT_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Options:
    """How a watch is asked for. `last_event_id`: what was told last; `events`, `machines`:
    whether timelines are told, and of a list also machines."""

    last_event_id: str | None
    timeout_seconds: int | None
    events: bool
    machines: bool


class EventStream(StreamingResponse):
    """A stream as an answer, for so many seconds at most."""

    def __init__(self, streams: Streams, stream: Stream, seconds: float) -> None:
        self._streams, self._stream = streams, stream
        super().__init__(
            self._events(seconds),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self.stream_response(_bounded(send)))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        stopping = False
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            stopping = True
        finally:
            self._streams.close(self._stream)
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait({sending, leaving})
        if stopping:  # the server, which has waited long enough: end as any stream does, its watcher comes back
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not sending.cancelled():
            sending.result()

    async def _events(self, seconds: float) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            events = await self._stream.next(min(_KEEP_ALIVE_SECONDS, end - loop.time()))
            if events is None:
                return
            yield events or b": still here\n\n"


def watch_clusters(
    request: Request,
    access: Access,
    selection: Selection,
    options: Options,
) -> EventStream:
    """The project's clusters that are selected. Raises Problem, Unavailable."""

    def wanted(stored: Stored) -> bool:
        return selection.has(stored.cluster, stored.status)

    def read(after: int | None) -> Sequence[Change] | None:
        store = access.service.store
        if after is None:
            return [ClusterChanged(s) for s in _all_clusters(store, access.project_id, selection=selection)]
        gone = store.gone(after, project_id=access.project_id)
        if gone is None:
            return None
        happened = _happened(access, after, None) if options.events else []
        if happened is None:
            return None
        changed = _all_clusters(store, access.project_id, changed_after=after)
        return [
            *(ClusterChanged(stored) for stored in changed),
            *(ClusterGone(mark.change, mark.cluster_id, mark.project_id) for mark in gone),
            *happened,
        ]

    stream = Stream((access.project_id, None), wanted, timelines=options.events, machines=options.machines)
    return _opened(request, access, stream, read, options)


def watch_cluster(request: Request, access: Access, stored: Stored, options: Options) -> EventStream:
    """One cluster, its machines and how far it is. Raises Problem, Missing, Unavailable."""
    store, id_ = access.service.store, stored.cluster.id

    def read(after: int | None) -> Sequence[Change] | None:
        page = store.clusters_by_id([id_])  # anew: it may have changed before the stream was open
        if not page.clusters and not page.unreadable:
            raise Missing("cluster")
        machines = store.numbered_machines([id_], removed=after is not None)
        changes: list[Change] = [ClusterChanged(cluster) for cluster in page.clusters]
        changes += [MachineChanged(m.change, stored, m.machine) for m in machines]
        if after is None or not options.events:
            return changes
        happened = _happened(access, after, id_)
        return None if happened is None else [*changes, *happened]

    watched = Watched(access.service.now)
    stream = Stream((access.project_id, id_), watched=watched, timelines=options.events)
    return _opened(request, access, stream, read, options)


def _opened(
    request: Request,
    access: Access,
    stream: Stream,
    read: Callable[[int | None], Sequence[Change] | None],
    options: Options,
) -> EventStream:
    last_event_id = None if options.machines else options.last_event_id  # which machines changed is not kept
    streams: Streams = request.app.state.streams
    number = streams.open(stream)
    try:
        after = int(last_event_id) if last_event_id and _EVENT_ID.fullmatch(last_event_id) else None
        if after is not None and after > access.service.store.last_change():
            after = None  # of another database, or of this one before it was put back to what it was
        changes = read(after)
        if changes is None:
            after, changes = None, read(None)
        stream.begin(changes or (), number, after=after)
    except BaseException:
        streams.close(stream)
        raise
    most = service_of(request).settings.watch_seconds
    left = (access.until - access.service.now()).total_seconds()
    return EventStream(streams, stream, min(most, left, options.timeout_seconds or most))


def _happened(access: Access, after: int, cluster_id: str | None) -> list[EventHappened] | None:
    """What the timelines say after that change; None: more than is told."""
    store = access.service.store
    found = store.events_changed(after, project_id=access.project_id, cluster_id=cluster_id, limit=_EVENTS + 1)
    if len(found) > _EVENTS:
        return None
    return [EventHappened(one.change, one.cluster_id, one.project_id, one.event) for one in found]


def _all_clusters(store: ApiStore, project_id: str | None, **which: Any) -> Iterator[Stored]:
    marker: str | None = None
    while True:
        page = store.clusters(project_id=project_id, marker=marker, limit=_PAGE, **which)
        yield from page.clusters
        marker = page.marker
        if marker is None:
            return


def _bounded(send: Send) -> Send:
    """Raises ClientDisconnect where nobody reads."""

    async def bounded(message: Message) -> None:
        try:
            async with asyncio.timeout(_UNREAD_SECONDS):
                await send(message)
        except TimeoutError:
            raise ClientDisconnect from None

    return bounded
