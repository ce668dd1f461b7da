"""Streams to pages: fragments of HTML that take the place of those that are there, by their ids.

| event | data | what the page does |
| --- | --- | --- |
| `fragment` | `{"id": …, "html": …}` | replaces the element of that id |
| `gone` | `{"id": …}` | greys it: rows never jump |
| `new` | `{"count": …}` | offers to show so many more |
| `away` | `{"away": …}` | says that the service does not answer, and that it shows what was last seen; or no longer |
| `ended` | `{"to": …}` | goes there: nobody is signed in any more, or may not look any more |

A comment comes every 15 seconds. Whether its session is still there, and whether the API lets it look, is asked for
twice a minute, once for all pages of a session. A stream ends after an hour.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from navarch.client.errors import ClientError, Problem
from navarch.console.visits import Visit, sign_in_path

KEEP_ALIVE_SECONDS = 15.0
_LOOK_SECONDS, _LONGEST_SECONDS = 30.0, 3600.0
_REMEMBERED_SECONDS, _REMEMBERED = 20.0, 2000
_COMMENT = b": still here\n\n"


def event(name: str, **data: Any) -> bytes:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def answer(visit: Visit, events: AsyncIterator[bytes]) -> StreamingResponse:
    """A stream as an answer, for as long as its session lasts and the API lets it look."""
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_while_allowed(visit, events), media_type="text/event-stream", headers=headers)


def ended(visit: Visit, *, signed_in: bool) -> bytes:
    """Where a page goes whose stream has ended: to sign in, or to itself, which then says what is the matter."""
    page = visit.request.url.path.removesuffix("/stream")
    return event("ended", to=page if signed_in else sign_in_path(page))


@dataclass(slots=True)
class Remembered:
    """Answers by a key, for a while: many pages of one person ask the same."""

    _held: dict[str, tuple[float, bool]] = field(default_factory=dict)

    async def ask(self, key: str, asked: Callable[[], Awaitable[bool]]) -> bool:
        """What `asked` says, or said not long ago."""
        now = time.monotonic()
        when, said = self._held.get(key, (0.0, False))
        if said and now - when < _REMEMBERED_SECONDS:
            return said
        if len(self._held) >= _REMEMBERED:
            self._held.clear()
        said = await asked()
        self._held[key] = now, said
        return said


_SIGNED_IN, _ALLOWED = Remembered(), Remembered()


async def _while_allowed(visit: Visit, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events with comments between them."""
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
                signed_in = await still_signed_in(visit)
                if not signed_in or not await _still_allowed(visit):
                    yield ended(visit, signed_in=signed_in)
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


async def still_signed_in(visit: Visit) -> bool:
    """Whether the session is still there."""
    name = visit.reader.session

    def asked() -> bool:
        return visit.console.sessions.find(name) is not None

    return await _SIGNED_IN.ask(name, lambda: run_in_threadpool(asked))


async def _still_allowed(visit: Visit) -> bool:
    """Whether the API takes the person's own token. One that is away refuses nobody."""

    def asked() -> bool:
        try:
            visit.navarch.cluster_page([("limit", "1")])
        except Problem as problem:
            return problem.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        except ClientError:
            return True
        return True

    return await _ALLOWED.ask(visit.session.token, lambda: run_in_threadpool(asked))
