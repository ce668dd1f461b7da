"""One cluster at a glance: whether it works, what goes on, who must act; its groups, its machines, its history."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from navarch.client.errors import ClientError, Problem
from navarch.console import live
from navarch.console.pages.cluster.drawing import by_zone, drawing
from navarch.console.visits import InProject, Visit

router = APIRouter()
# What changes while one looks at it: each is an element of that id, and a template of that name.
FRAGMENTS = ("head", "now", "picture", "groups", "machines", "timeline", "history")
_HISTORY = 25
_PAUSE_SECONDS = 1.0  # between two pictures: what happens within it is told at once
_AGAIN_SECONDS = 3.0  # until an API that is away is asked again


@router.get("/clusters/{cluster}")
def show(visit: InProject, cluster: str) -> Response:
    """The whole page."""
    return visit.page("cluster/show.html", **picture(visit, cluster))


@router.get("/clusters/{cluster}/stream")
def stream(visit: InProject, cluster: str) -> Response:
    """What changes of it."""
    return live.answer(visit, _changes(visit, cluster))


def picture(visit: Visit, cluster: str) -> dict[str, Any]:
    """Everything that the page shows."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    events = list(navarch.events(found["id"]))
    machines = list(navarch.machines(found["id"]))
    return {
        "cluster": found,
        "progress": navarch.progress(found["id"]),
        "zones": by_zone(machines),
        "drawing": drawing(found, machines),
        "timeline": navarch.timeline(found["id"]),
        "events": events[: -_HISTORY - 1 : -1],
        "earlier": max(0, len(events) - _HISTORY),
        "now": navarch.now(),
    }


class Picture:
    """Everything of one moment, for all pages that show it; made into HTML once in each language."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._drawn: dict[str, dict[str, bytes]] = {}

    def fragments(self, visit: Visit) -> dict[str, bytes]:
        """The events that put each fragment in its place. Nothing in them depends on who looks but the language."""
        if visit.language not in self._drawn:
            html = {name: visit.html(f"cluster/_{name}.html", **self._values) for name in FRAGMENTS}
            self._drawn[visit.language] = {n: live.event("fragment", id=n, html=text) for n, text in html.items()}
        return self._drawn[visit.language]


async def _changes(visit: Visit, cluster: str) -> AsyncIterator[bytes]:
    """Fragments that are not as they were, at most once a second. The feed says that something changed; then everything
    is asked once for all pages of the cluster, so that all fragments are of one moment."""
    shown: dict[str, int] = {}
    away = False

    async def made() -> Picture:
        return Picture(await run_in_threadpool(picture, visit, cluster))

    try:
        # By the person's own token, before anything is told that was read by another's.
        cluster = (await run_in_threadpool(visit.navarch.cluster, cluster))["id"]
        with visit.console.feeds.follow(visit.session.project_id, visit.reader, {cluster}.__contains__) as follower:
            while True:
                try:
                    seen = await follower.feed.shared(cluster, made)
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
            yield live.event("gone", id="cluster")
    except ClientError:
        return  # the page comes back by itself
