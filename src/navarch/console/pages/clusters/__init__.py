"""The list of clusters: searched, filtered and put in order by the API; rows change in place and never move."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from navarch.client.errors import Problem, Unavailable
from navarch.console import live
from navarch.console.visits import InProject, Visit

router = APIRouter()
PAGE = 50
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
        stream="/clusters/stream?" + urlencode([*filters, *(("shown", cluster_id) for cluster_id in shown)]),
        first_page="marker" not in dict(asked),
    )


@router.get("/clusters/stream")
def stream(
    visit: InProject,
    request: Request,
    shown: Annotated[list[str], Query(max_length=PAGE)] = [],  # noqa: B006
) -> Response:
    """What changes of the rows that a page shows, and how many there are that it does not."""
    filters = [(name, value) for name, value in _asked(request) if name in _FILTERS]
    return live.answer(visit, _changes(visit, filters, shown))


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


async def _changes(visit: Visit, filters: list[tuple[str, str]], shown: list[str]) -> AsyncIterator[bytes]:
    seen, synced = set[str](), False
    new = set[str]()
    try:
        async with visit.console.gateway.watch(visit.session.token, None, filters) as lines:
            async for name, data in live.parsed(lines):
                if name == "cluster" and data["id"] in shown:
                    seen.add(data["id"])
                    row = visit.html("clusters/_row.html", cluster=data)
                    yield live.event("fragment", id=f"cluster-{data['id']}", html=row)
                elif name == "cluster" and synced and data["id"] not in new | seen:
                    new.add(data["id"])
                    yield live.event("new", count=len(new))
                elif name == "cluster" and not synced:
                    seen.add(data["id"])  # on another page
                elif name == "deleted" and data["id"] in shown:
                    yield live.event("gone", id=f"cluster-{data['id']}")
                elif name == "synced":
                    synced = True
                    for cluster_id in shown:
                        if cluster_id not in seen:
                            yield live.event("gone", id=f"cluster-{cluster_id}")
    except (Problem, Unavailable):
        return  # the page comes back by itself
