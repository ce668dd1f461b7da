"""One cluster at a glance: whether it works, what goes on, who must act; its groups, its machines, its history."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console import following
from navarch.console.belongings import shown
from navarch.console.following import Picture
from navarch.console.pages.cluster.drawing import by_zone, drawing
from navarch.console.visits import InProject, Visit

router = APIRouter()
# What changes while one looks at it: each is an element of that id, and a template of that name.
FRAGMENTS = ("head", "now", "picture", "groups", "machines", "objects", "timeline", "history")
_TEMPLATES = {name: f"cluster/_{name}.html" for name in FRAGMENTS}
_HISTORY = 25


@router.get("/clusters/{cluster}")
def show(visit: InProject, cluster: str) -> Response:
    """The whole page."""
    return visit.page("cluster/show.html", **picture(visit, cluster))


@router.get("/clusters/{cluster}/stream")
def stream(visit: InProject, cluster: str) -> Response:
    """What changes of it."""
    return following.stream(visit, cluster, "cluster", lambda its: Picture(_TEMPLATES, picture(visit, its)))


def picture(visit: Visit, cluster: str) -> dict[str, Any]:
    """Everything that the page shows."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    events = list(navarch.events(found["id"]))
    machines = list(navarch.machines(found["id"]))
    objects = navarch.objects(found["id"])
    return {
        "cluster": found,
        "progress": navarch.progress(found["id"]),
        "zones": by_zone(machines),
        "drawing": drawing(found, machines, objects["objects"]),
        "belongings": shown(objects),
        "timeline": navarch.timeline(found["id"]),
        "events": events[: -_HISTORY - 1 : -1],
        "earlier": max(0, len(events) - _HISTORY),
        "now": navarch.now(),
    }
