"""A page about one cluster that changes while one looks at it: fragments take the place of those that are there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from navarch.client.errors import ClientError, Problem
from navarch.console import live
from navarch.console.visits import Visit

_PAUSE_SECONDS = 1.0  # between two pictures: what happens within it is told at once
_AGAIN_SECONDS = 3.0  # until an API that is away is asked again


class Picture:
    """Everything of one moment, for all pages that show it; made into HTML once in each language. `templates`: of each
    fragment, by the id of its element."""

    def __init__(self, templates: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._templates, self._values = templates, values
        self._drawn: dict[str, dict[str, bytes]] = {}

    def fragments(self, visit: Visit) -> dict[str, bytes]:
        """The events that put each fragment in its place. Nothing in them depends on who looks but the language."""
        if visit.language not in self._drawn:
            html = {name: visit.html(template, **self._values) for name, template in self._templates.items()}
            self._drawn[visit.language] = {n: live.event("fragment", id=n, html=text) for n, text in html.items()}
        return self._drawn[visit.language]


def stream(
    visit: Visit, cluster: str, page: str, make: Callable[[str], Picture], *, elsewhere: str | None = None
) -> Response:
    """What changes of a page. `page`: pages of one cluster that say the same here share their pictures; `make` asks for
    everything, of the cluster of that id. `elsewhere`: where to go once what the page is about is gone, and its cluster
    is not."""
    return live.answer(visit, _changes(visit, cluster, page, make, elsewhere))


async def _changes(
    visit: Visit, cluster: str, page: str, make: Callable[[str], Picture], elsewhere: str | None
) -> AsyncIterator[bytes]:
    """Fragments that are not as they were, at most once a second. The feed says that something changed; then everything
    is asked once for all such pages of the cluster, so that all fragments are of one moment."""
    shown: dict[str, int] = {}
    away = known = False

    async def made() -> Picture:
        return await run_in_threadpool(make, cluster)

    try:
        # By the person's own token, before anything is told that was read by another's.
        cluster = (await run_in_threadpool(visit.navarch.cluster, cluster))["id"]
        known = True
        with visit.console.feeds.follow(visit.session.project_id, visit.reader, {cluster}.__contains__) as follower:
            while True:
                try:
                    seen = await follower.feed.shared(cluster, page, made)
                except Problem:
                    raise
                except ClientError:
                    away = True
                    yield live.event("away", away=True)
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                if away and not follower.feed.away:
                    away = False
                    yield live.event("away", away=False)
                for name, fragment in seen.fragments(visit).items():
                    if shown.get(name) != hash(fragment):
                        shown[name] = hash(fragment)
                        yield fragment
                await asyncio.sleep(_PAUSE_SECONDS)
                news = await follower.next()
                if news is None:
                    yield live.ended(visit, signed_in=await live.still_signed_in(visit))
                    return
                if cluster in news.gone:
                    break
                if news.away is not None:
                    yield live.event("away", away=news.away)
        yield live.event("gone", id="cluster")
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            yield live.event("ended", to=elsewhere) if known and elsewhere else live.event("gone", id="cluster")
    except ClientError:
        return  # the page comes back by itself
