"""Streams to pages: fragments of HTML that take the place of those that are there, by their ids.

| event | data | what the page does |
| --- | --- | --- |
| `fragment` | `{"id": …, "html": …}` | replaces the element of that id |
| `gone` | `{"id": …}` | greys it: rows never jump |
| `new` | `{"count": …}` | offers to show so many more |
| `ended` | `{"to": …}` | goes there: nobody is signed in any more, or the cluster is gone |

A comment comes every 15 seconds. A stream looks twice a minute whether its session is still there, and ends after an
hour.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from navarch.client.follow import EventParser
from navarch.console.sessions import COOKIE
from navarch.console.visits import Visit

KEEP_ALIVE_SECONDS = 15.0
_LOOK_SECONDS, _LONGEST_SECONDS = 30.0, 3600.0
_COMMENT = b": still here\n\n"


def event(name: str, **data: Any) -> bytes:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def answer(visit: Visit, events: AsyncIterator[bytes]) -> StreamingResponse:
    """A stream as an answer, for as long as its session lasts."""
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_while_signed_in(visit, events), media_type="text/event-stream", headers=headers)


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    """The API's events: name and data."""
    parser = EventParser()
    async for line in lines:
        found = parser.feed(line)
        if found is not None:
            yield found[0], found[1]


async def _while_signed_in(visit: Visit, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events with comments between them; the end of the session is the end of the stream."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _LONGEST_SECONDS
    look = loop.time() + _LOOK_SECONDS
    following = asyncio.ensure_future(anext(events, None))
    try:
        yield _COMMENT
        while loop.time() < end:
            await asyncio.wait({following}, timeout=KEEP_ALIVE_SECONDS)
            if loop.time() >= look:
                look = loop.time() + _LOOK_SECONDS
                if not await run_in_threadpool(_still_signed_in, visit.request, visit):
                    yield event("ended", to=f"/sign-in?next={visit.request.url.path.removesuffix('/stream')}")
                    return
            if not following.done():
                yield _COMMENT
                continue
            sent = following.result()
            if sent is None:
                return
            yield sent
            following = asyncio.ensure_future(anext(events, None))
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following


def _still_signed_in(request: Request, visit: Visit) -> bool:
    return visit.console.sessions.find(request.cookies.get(COOKIE, "")) is not None
