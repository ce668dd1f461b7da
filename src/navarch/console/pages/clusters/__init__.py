"""The list of clusters: searched, filtered and put in order by the API; rows change in place and never move."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from navarch.client.errors import ClientError, Problem
from navarch.console import live
from navarch.console.pages.clusters.selecting import fits
from navarch.console.visits import InProject, Visit

router = APIRouter()
PAGE = 50
_SYNCED_SECONDS = 20.0  # until the feed of a project knows what is there
PHASES = ("Progressing", "Ready", "Degraded", "Blocked", "Paused", "Stopping", "Stopped", "Deleting")
RESPONSIBLE = ("user", "project-admin", "cloud-operator", "navarch-operator")
SORTS = ("created", "-created", "name", "-name", "phase", "version", "-version")
_FILTERS = ("search", "phase", "responsible", "kubernetes_version")


@router.get("/clusters")
def show(visit: InProject, request: Request) -> Response:
    """A page of the list. Its address holds everything that it depends on."""
    asked = _asked(request)
    wrong = ""
    try:
        found = visit.navarch.cluster_page([*asked, ("limit", str(PAGE))])
    except Problem as problem:
        if problem.status != 400:
            raise
        wrong = "; ".join(error.detail for error in problem.errors) or problem.message
        found = {"clusters": [], "total": 0}
    filters = [(name, value) for name, value in asked if name in _FILTERS]
    shown = [cluster["id"] for cluster in found["clusters"]]
    return visit.page(
        "clusters/list.html",
        clusters=found["clusters"],
        total=found["total"],
        unreadable=found.get("unreadable") or [],
        following=_next(found, asked),
        asked=dict(asked),
        filtered=bool(filters),
        wrong=wrong,
        phases=PHASES,
        responsible=RESPONSIBLE,
        sorts=SORTS,
        stream="/clusters/stream?" + urlencode([*asked, *(("shown", cluster_id) for cluster_id in shown)]),
        first_page="marker" not in dict(asked),
    )


@router.get("/clusters/stream")
def stream(
    visit: InProject,
    request: Request,
    shown: Annotated[list[str], Query(max_length=PAGE)] = [],  # noqa: B006
) -> Response:
    """What changes of the rows that a page shows, and how many there are that it does not."""
    return live.answer(visit, _changes(visit, _asked(request), shown))


def _asked(request: Request) -> list[tuple[str, str]]:
    """The parameters of the API's list that an address has. What is empty is not asked for."""
    known = (*_FILTERS, "sort", "marker")
    asked = [(k, v.strip()) for k, v in request.query_params.multi_items() if k in known and v.strip()]
    return asked if any(name == "sort" for name, _ in asked) else [*asked, ("sort", "-created")]


def _next(found: Any, asked: list[tuple[str, str]]) -> str | None:
    """The address of the page after this one."""
    if not found.get("next"):
        return None
    marker = dict(parse_qsl(urlsplit(found["next"]).query)).get("marker", "")
    return "/clusters?" + urlencode([*((k, v) for k, v in asked if k != "marker"), ("marker", marker)])


async def _changes(visit: Visit, asked: list[tuple[str, str]], shown: list[str]) -> AsyncIterator[bytes]:
    """Of the rows that are shown; and how many clusters there are that the page would show if it were asked for anew.
    Where all that fit were shown, those that have come to fit since are among them."""
    filters = [(name, value) for name, value in asked if name in _FILTERS]
    new = set[str]()
    known = set[str]()
    whole = False

    def wanted(cluster: str) -> bool:
        return cluster in shown or cluster not in known or (whole and bool(filters))

    def row(cluster: Any) -> bytes:
        def draw() -> bytes:
            html = visit.html("clusters/_row.html", cluster=cluster)
            return live.event("fragment", id=f"cluster-{cluster['id']}", html=html)

        return feed.drawn((cluster["id"], visit.language), cluster, draw)

    try:
        # By the person's own token, before anything is told that was read by another's.
        await run_in_threadpool(visit.navarch.cluster_page, [("limit", "1")])
        with visit.console.feeds.follow(visit.session.project_id, visit.reader, wanted) as follower:
            feed = follower.feed
            async with asyncio.timeout(_SYNCED_SECONDS):
                await feed.synced.wait()
            known |= feed.known
            found = await run_in_threadpool(visit.navarch.cluster_page, [*asked, ("limit", str(PAGE))])
            whole = found["total"] <= PAGE
            there = {cluster["id"]: cluster for cluster in found["clusters"]}
            for cluster_id in shown:
                if cluster_id in there:
                    yield row(there[cluster_id])
                elif cluster_id not in known:
                    yield live.event("gone", id=f"cluster-{cluster_id}")
            while (news := await follower.next()) is not None:
                if news.away is not None:
                    yield live.event("away", away=news.away)
                for cluster_id in news.gone.intersection(shown):
                    yield live.event("gone", id=f"cluster-{cluster_id}")
                for cluster_id, cluster in news.clusters.items():
                    if cluster_id in shown:
                        yield row(cluster)
                fresh = {i for i, c in news.clusters.items() if i not in shown and wanted(i) and fits(filters, c)}
                if not fresh <= new:
                    new |= fresh
                    yield live.event("new", count=len(new))
            yield live.ended(visit, signed_in=await live.still_signed_in(visit))
    except (ClientError, TimeoutError):
        return  # the page comes back by itself
