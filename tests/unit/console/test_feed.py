"""One stream for all pages of a project: who hears of what, by whose token it is read, and what becomes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from navarch.client.errors import Problem, Unavailable
from navarch.console import feed as feeds
from navarch.console.feed import Feeds, Follower, News, Reader

ANN, ROB, BEA = (Reader(f"session-{name}", f"token-{name}") for name in ("ann", "rob", "bea"))


class PlayedApi:
    """Streams of two projects. `refused`: tokens that it does not take; `away`: it does not answer."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.lines: dict[str, asyncio.Queue[str | None]] = {}
        self.there: dict[str, list[str]] = {"alpha": ["c1", "c2"], "beta": ["b1"]}
        self.refused: set[str] = set()
        self.gone: set[str] = set()  # sessions
        self.away = False

    def project(self, token: str) -> str:
        return "beta" if token == BEA.token else "alpha"

    @asynccontextmanager
    async def watch(self, token: str) -> AsyncIterator[AsyncIterator[str]]:
        if self.away:
            raise Unavailable("no")
        if token in self.refused:
            raise Problem(401, "Unauthorized")
        self.opened.append(token)
        project = self.project(token)
        queue = self.lines[project] = asyncio.Queue()
        for cluster in self.there[project]:
            self.say(project, "cluster", id=cluster)
        self.say(project, "synced", resumed=False)

        async def read() -> AsyncIterator[str]:
            while (line := await queue.get()) is not None:
                yield line
            raise Unavailable("it broke")

        yield read()

    def say(self, project: str, kind: str, **data: Any) -> None:
        for line in (f"event: {kind}", f"data: {json.dumps(data)}", ""):
            self.lines[project].put_nowait(line)

    def hang_up(self, project: str) -> None:
        self.lines[project].put_nowait(None)

    async def signed_in(self, session: str) -> bool:
        return session not in self.gone


def run(story: Callable[[PlayedApi, Feeds], Coroutine[Any, Any, None]]) -> None:
    """Tell it, within a few seconds."""

    async def told() -> None:
        api = PlayedApi()
        made = Feeds(api.watch, api.signed_in)
        try:
            async with asyncio.timeout(5):
                await story(api, made)
        finally:
            await made.close()

    asyncio.run(told())


async def next_of(follower: Follower) -> News:
    news = await follower.next()
    assert news is not None
    return news


async def all_of(follower: Follower, *, until: Callable[[News], bool]) -> None:
    while not until(await next_of(follower)):
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(feeds, "_FIRST_PAUSE_SECONDS", 0.01)


def test_many_pages_are_one_stream() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, {"c1"}.__contains__) as one, made.follow("alpha", ROB, lambda _: True) as two:
            await one.feed.synced.wait()
            api.say("alpha", "cluster", id="c1", name="now")
            await all_of(one, until=lambda news: news.clusters.get("c1", {}).get("name") == "now")
            await all_of(two, until=lambda news: news.clusters.get("c1", {}).get("name") == "now")
            assert api.opened == [ANN.token]

    run(story)


def test_nobody_hears_of_another_project() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        everything = lambda _: True  # noqa: E731
        with made.follow("alpha", ANN, everything) as ours, made.follow("beta", BEA, everything) as theirs:
            await ours.feed.synced.wait()
            await theirs.feed.synced.wait()
            assert set((await next_of(ours)).touched) == {"c1", "c2"}
            assert set((await next_of(theirs)).touched) == {"b1"}
            api.say("beta", "cluster", id="b1", name="secret")
            api.say("alpha", "machine", cluster_id="c2")
            news = await next_of(ours)
            assert news.touched == {"c2"}
            assert not news.clusters
            assert sorted(api.opened) == [ANN.token, BEA.token]

    run(story)


def test_it_goes_on_by_anothers_token_when_its_first_reader_signs_out() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, lambda _: True) as one:
            await one.feed.synced.wait()
            with made.follow("alpha", ROB, {"c1"}.__contains__) as two:
                await asyncio.sleep(0)
                api.gone.add(ANN.session)
                while api.opened != [ANN.token, ROB.token]:
                    await asyncio.sleep(0.01)
                api.say("alpha", "deleted", id="c1")
                await all_of(two, until=lambda news: news.gone == {"c1"})

    run(story)


def test_who_is_refused_hears_no_more_and_the_others_do() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        api.refused.add(ANN.token)
        with made.follow("alpha", ANN, lambda _: True) as one, made.follow("alpha", ROB, lambda _: True) as two:
            assert await one.next() is None
            await two.feed.synced.wait()
            assert api.opened == [ROB.token]

    run(story)


def test_with_nobody_left_who_is_signed_in_it_ends() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, lambda _: True) as one:
            await one.feed.synced.wait()
            api.gone.add(ANN.session)
            while await one.next() is not None:
                pass

    run(story)


def test_an_api_that_is_away_is_told_once_and_what_went_meanwhile_afterwards() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, lambda _: True) as one:
            await one.feed.synced.wait()
            api.away = True
            api.hang_up("alpha")
            await all_of(one, until=lambda news: news.away is True)
            api.there["alpha"].remove("c2")
            api.away = False
            news = News()
            while news.away is not False:
                news = await next_of(one)
            assert news.gone == {"c2"}

    run(story)


def test_a_page_that_does_not_ask_holds_no_more_than_the_newest() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, lambda _: True) as one:
            await one.feed.synced.wait()
            for number in range(500):
                api.say("alpha", "cluster", id="c1", name=number)
            while not api.lines["alpha"].empty():
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            news = await next_of(one)
            assert len(news.clusters) == 2
            assert news.clusters["c1"]["name"] == 499

    run(story)


def test_what_is_made_for_a_cluster_is_made_once_for_each_change() -> None:
    async def story(api: PlayedApi, made: Feeds) -> None:
        calls: list[int] = []

        async def make() -> int:
            calls.append(len(calls))
            await asyncio.sleep(0)
            return len(calls)

        with made.follow("alpha", ANN, {"c1"}.__contains__) as one:
            await one.feed.synced.wait()
            assert await asyncio.gather(*(one.feed.shared("c1", "page", make) for _ in range(10))) == [1] * 10
            api.say("alpha", "event", cluster_id="c1")
            await all_of(one, until=lambda news: news.touched == {"c1"} and not news.clusters)
            assert await one.feed.shared("c1", "page", make) == 2
            assert await one.feed.shared("c1", "page", make) == 2
            assert await one.feed.shared("c1", "another page", make) == 3

    run(story)


def test_a_feed_that_nobody_follows_ends_and_who_comes_later_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LINGER_SECONDS", 0.0)

    async def story(api: PlayedApi, made: Feeds) -> None:
        with made.follow("alpha", ANN, lambda _: True) as one:
            await one.feed.synced.wait()
        while made._tasks:
            await asyncio.sleep(0.01)
        with made.follow("alpha", ROB, lambda _: True) as two:
            await two.feed.synced.wait()
            assert two.feed is not one.feed
            assert api.opened == [ANN.token, ROB.token]

    run(story)
