"""One cluster at a glance: whether it works, what goes on, who must act; its groups, its machines, its history."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import groupby
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from navarch.client.errors import ClientError, Problem
from navarch.client.shapes import Machine
from navarch.console import live
from navarch.console.visits import InProject, Visit

router = APIRouter()
# What changes while one looks at it: each is an element of that id, and a template of that name.
FRAGMENTS = ("head", "now", "groups", "machines", "timeline", "history")
_HISTORY = 25
_PAUSE_SECONDS = 1.0  # between two pictures: what happens within it is told at once


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
    return {
        "cluster": found,
        "progress": navarch.progress(found["id"]),
        "zones": by_zone(list(navarch.machines(found["id"]))),
        "timeline": navarch.timeline(found["id"]),
        "events": events[: -_HISTORY - 1 : -1],
        "earlier": max(0, len(events) - _HISTORY),
        "now": navarch.now(),
    }


def by_zone(machines: list[Machine]) -> list[tuple[str, list[Machine]]]:
    """Machines in their zones: the control plane first, then by group and age."""

    def order(machine: Machine) -> tuple[str, bool, str, str]:
        return machine.get("zone") or "", machine["role"] != "control-plane", machine["group"], machine["created_at"]

    return [(zone, list(those)) for zone, those in groupby(sorted(machines, key=order), lambda m: m.get("zone") or "")]


async def _changes(visit: Visit, cluster: str) -> AsyncIterator[bytes]:
    """Fragments that are not as they were, at most once a second. The API's stream says that something changed; then
    everything is asked once, so that all fragments are of one moment."""
    shown: dict[str, str] = {}
    try:
        async with visit.console.gateway.watch(visit.session.token, cluster, [("events", "true")]) as lines:
            changed, gone = asyncio.Event(), asyncio.Event()

            async def read() -> None:
                async for name, _ in live.parsed(lines):
                    if name == "deleted":
                        gone.set()
                    if name != "synced":
                        changed.set()

            reading = asyncio.create_task(read())
            try:
                while not gone.is_set():
                    waiting = asyncio.create_task(changed.wait())
                    await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    if not changed.is_set():
                        return  # the API's stream has ended: the page comes back by itself
                    changed.clear()
                    if gone.is_set():
                        break
                    html = await run_in_threadpool(_fragments, visit, cluster)
                    for name, text in html.items():
                        if shown.get(name) != text:
                            shown[name] = text
                            yield live.event("fragment", id=name, html=text)
                    await asyncio.sleep(_PAUSE_SECONDS)
                yield live.event("gone", id="cluster")
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError, ClientError):
                    await reading
    except Problem as problem:
        if problem.status == 404:
            yield live.event("gone", id="cluster")
    except ClientError:
        return


def _fragments(visit: Visit, cluster: str) -> dict[str, str]:
    values = picture(visit, cluster)
    return {name: visit.html(f"cluster/_{name}.html", **values) for name in FRAGMENTS}
