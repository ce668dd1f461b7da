"""What changes in a project: one stream from the API for all of the console's pages of it.

The stream is asked for with the token of somebody who has such a page open, and only who has one hears of it. Whether a
person may still look is their own token's to say: who opens a page and who keeps one open asks the API by it
(`live.answer`). Where the one whose token carries the stream leaves, is signed out or refused, it goes on by another's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import structlog

from navarch.client.errors import ClientError, Problem
from navarch.client.follow import EventParser

Json = dict[str, Any]
Made = TypeVar("Made")
_DRAWN = 1000  # rows that are kept
_LINGER_SECONDS = 20.0  # after the last page: who goes from one to the next finds it still there
_LOOK_SECONDS = 30.0  # whether the one whose token carries it is still signed in
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_log = structlog.get_logger("navarch.console")
Watch = Callable[[str], AbstractAsyncContextManager[AsyncIterator[str]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody with a page open: their session's name and their token for the project."""

    session: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(slots=True)
class News:
    """What has changed since a page asked last. `clusters`: the newest of each; `touched`: ids of those whose machines
    or history have changed, too; `away`: whether the API does not answer, where that has changed."""

    clusters: dict[str, Json] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    away: bool | None = None

    def __bool__(self) -> bool:
        return bool(self.clusters or self.touched or self.gone) or self.away is not None


class Follower:
    """A page that follows. It holds no more than the newest of each cluster, however seldom it asks."""

    def __init__(self, feed: "Feed", reader: Reader, wanted: Callable[[str], bool]) -> None:
        self.feed, self.reader, self.wanted = feed, reader, wanted
        self._news, self._filled = News(), asyncio.Event()
        self.ended = False

    async def next(self) -> News | None:
        """What is new, once something is; None: the API does not let this one look any more."""
        await self._filled.wait()
        self._filled.clear()
        news, self._news = self._news, News()
        return None if self.ended else news

    def tell(self, change: Callable[[News], None]) -> None:
        """Add to what is new."""
        change(self._news)
        self._filled.set()

    def end(self) -> None:
        """There will be no more."""
        self.ended = True
        self._filled.set()


class Feed:
    """Of one project. Lives in the event loop alone. `known`: ids of its clusters; `versions`: how often each that
    pages follow has changed, for what is made once for all of them (`shared`)."""

    def __init__(self, watch: Watch, signed_in: Callable[[str], Awaitable[bool]]) -> None:
        self._watch, self._signed_in = watch, signed_in
        self.followers: dict[Follower, None] = {}  # in the order in which they came
        self._left: Reader | None = None  # the last who followed, whose token carries it while nobody does
        self._left_at = 0.0
        self._refused: set[str] = set()
        self.known: set[str] = set()
        self.synced = asyncio.Event()
        self.away = False
        self.versions: dict[str, int] = {}
        self._made: dict[tuple[str, str], tuple[int, Any]] = {}
        self._drawn: dict[object, tuple[Json, bytes]] = {}
        self._making: dict[tuple[str, str], asyncio.Lock] = {}

    async def shared(self, cluster: str, what: str, make: Callable[[], Awaitable[Made]]) -> Made:
        """What `make` gives, asked once for each change of the cluster, whoever wants `what` of it."""
        key = cluster, what
        async with self._making.setdefault(key, asyncio.Lock()):
            version = self.versions.setdefault(cluster, 0)
            if key not in self._made or self._made[key][0] != version:
                self._made[key] = version, await make()
            made: Made = self._made[key][1]
            return made

    def drawn(self, key: object, data: Json, draw: Callable[[], bytes]) -> bytes:
        """What `draw` gives, asked once for this very `data`, however many pages show it."""
        held = self._drawn.get(key)
        if held is None or held[0] is not data:
            if len(self._drawn) >= _DRAWN:
                self._drawn.clear()
            held = self._drawn[key] = data, draw()
        return held[1]

    def admit(self, reader: Reader) -> None:
        """The API let this one look just now."""
        self._refused.discard(reader.token)

    def leave(self, follower: Follower) -> None:
        """It follows no more."""
        self.followers.pop(follower, None)
        self._left, self._left_at = follower.reader, time.monotonic()
        wanted = {c for c in self.versions if any(f.wanted(c) for f in self.followers)}
        self.versions = {c: number for c, number in self.versions.items() if c in wanted}
        self._made = {key: made for key, made in self._made.items() if key[0] in wanted}
        self._making = {key: lock for key, lock in self._making.items() if key[0] in wanted or lock.locked()}

    async def run(self) -> None:
        """Until nobody has followed for a while."""
        pause = _FIRST_PAUSE_SECONDS
        while (carrier := await self._carrier()) is not None:
            reading = asyncio.create_task(self._read(carrier))
            began = time.monotonic()
            try:
                while not reading.done():
                    await asyncio.wait({reading}, timeout=_LOOK_SECONDS)
                    if not reading.done() and await self._carrier() != carrier:
                        break
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading
            if reading.cancelled():
                continue
            if time.monotonic() - began > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            if self.away:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _carrier(self) -> Reader | None:
        """By whose token it is read: whoever follows and is signed in; for a while the last who did."""
        recent = self._left if time.monotonic() - self._left_at < _LINGER_SECONDS else None
        readers = dict.fromkeys([*(f.reader for f in self.followers), *([recent] if recent else [])])
        for reader in readers:
            if reader.token not in self._refused and await self._signed_in(reader.session):
                return reader
        return None

    async def _read(self, carrier: Reader) -> None:
        try:
            async with self._watch(carrier.token) as lines:
                await self._take(lines)
        except Problem as problem:
            if problem.status in _NOT_ALLOWED:
                self._refused.add(carrier.token)
                for follower in [f for f in self.followers if f.reader.token == carrier.token]:
                    follower.end()
                return
            self._is_away(str(problem))
        except ClientError as error:
            self._is_away(error.message)
        except Exception:  # noqa: BLE001 - its pages would wait for ever
            _log.exception("the stream of changes cannot be read")
            self._is_away("")

    async def _take(self, lines: AsyncIterator[str]) -> None:
        parser, there, synced = EventParser(), set[str](), False
        async for line in lines:
            found = parser.feed(line)
            if found is None:
                continue
            name, data, _ = found
            if name == "synced":
                synced = True
                for cluster in self.known - there:
                    self._gone(cluster)
                self.known = there
                self.synced.set()
                self._is_back()
            elif name == "cluster":
                (self.known if synced else there).add(data["id"])
                self._changed(data["id"], data)
            elif name == "deleted":
                self.known.discard(data["id"])
                self._gone(data["id"])
            elif name in ("machine", "event"):
                self._changed(data["cluster_id"], None)

    def _changed(self, cluster: str, data: Json | None) -> None:
        def add(news: News) -> None:
            news.touched.add(cluster)
            if data is not None:
                news.clusters[cluster] = data

        for follower in self._following(cluster):
            follower.tell(add)

    def _gone(self, cluster: str) -> None:
        def add(news: News) -> None:
            news.clusters.pop(cluster, None)
            news.gone.add(cluster)

        for follower in self._following(cluster):
            follower.tell(add)

    def _following(self, cluster: str) -> Iterator[Follower]:
        if cluster in self.versions:
            self.versions[cluster] += 1
        return (follower for follower in tuple(self.followers) if follower.wanted(cluster))

    def _is_away(self, why: str) -> None:
        if not self.away:
            _log.warning("the stream of changes broke", said=why)
        self._tell_away(away=True)

    def _is_back(self) -> None:
        self._tell_away(away=False)

    def _tell_away(self, *, away: bool) -> None:
        if self.away == away:
            return
        self.away = away

        def add(news: News) -> None:
            news.away = away

        for follower in self.followers:
            follower.tell(add)


class Feeds:
    """The feeds of one console, by project. `watch`: the API's stream by a token; `signed_in`: whether a session of
    that name is still there."""

    def __init__(self, watch: Watch, signed_in: Callable[[str], Awaitable[bool]]) -> None:
        self._watch, self._signed_in = watch, signed_in
        self._feeds: dict[str, Feed] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @contextmanager
    def follow(self, project: str, reader: Reader, wanted: Callable[[str], bool]) -> Iterator[Follower]:
        """Hear of the clusters of a project that are `wanted`. The caller has seen that the reader may look."""
        feed = self._feeds.get(project)
        if feed is None:
            feed = self._feeds[project] = Feed(self._watch, self._signed_in)
        follower = Follower(feed, reader, wanted)
        feed.followers[follower] = None
        feed.admit(reader)
        if project not in self._tasks:
            task = self._tasks[project] = asyncio.create_task(feed.run())
            task.add_done_callback(lambda _: self._forget(project))
        try:
            yield follower
        finally:
            feed.leave(follower)

    def _forget(self, project: str) -> None:
        """It has ended: nobody who may look has followed for a while. Who came at its last moment begins anew."""
        self._tasks.pop(project, None)
        feed = self._feeds.pop(project, None)
        for follower in tuple(feed.followers) if feed else ():
            follower.end()

    async def close(self) -> None:
        """End them all."""
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
