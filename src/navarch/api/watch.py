"""Server-sent events: `?watch=true`.

Each event is `cluster` with the whole cluster as data, first for what is there, then for each change, or `deleted` with
the id. A comment comes every 15 seconds so that proxies keep the line open; the stream ends when the token does.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from navarch.api.access import service_of
from navarch.api.problems import not_now
from navarch.api.settings import ApiSettings
from navarch.domain.errors import Temporary
from navarch.service.access import Access

_KEEP_ALIVE_SECONDS = 15.0
Snapshot = Callable[[], Mapping[str, str | None]]


class Watchers:
    """How many streams are open."""

    def __init__(self, most: int) -> None:
        self._most, self._open = most, 0

    def enter(self) -> None:
        """Count one more. Raises Problem where there are too many."""
        if self._open >= self._most:
            raise not_now("too many streams are open; poll instead", 30)
        self._open += 1

    def leave(self) -> None:
        """Count one less."""
        self._open -= 1


def stream(request: Request, access: Access, snapshot: Snapshot) -> StreamingResponse:
    """The answer. `snapshot` gives JSON texts by cluster id (None: it is there, and cannot be read), and is called in a
    thread."""
    watchers: Watchers = request.app.state.watchers
    watchers.enter()
    return StreamingResponse(
        _events(service_of(request).settings, access, snapshot, watchers),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(settings: ApiSettings, access: Access, snapshot: Snapshot, watchers: Watchers) -> AsyncIterator[str]:
    seen: Mapping[str, str | None] = {}
    end = time.monotonic() + settings.watch_seconds
    said = time.monotonic()
    try:
        while time.monotonic() < end and access.until > access.service.now():
            try:
                now = await run_in_threadpool(snapshot)
            except Temporary:
                now = seen  # the database is away for a moment: nothing new can be said
            for id_, text in now.items():
                if text is not None and seen.get(id_) != text:
                    yield f"event: cluster\ndata: {text}\n\n"
                    said = time.monotonic()
            for id_ in seen.keys() - now.keys():
                yield f"event: deleted\ndata: {json.dumps({'id': id_})}\n\n"
                said = time.monotonic()
            seen = now
            if time.monotonic() - said > _KEEP_ALIVE_SECONDS:
                yield ": still here\n\n"
                said = time.monotonic()
            await asyncio.sleep(settings.watch_interval)
    finally:
        watchers.leave()
