"""Switches of a cluster: stop and start, pause and resume, protect and no longer."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console.changes import conflict, done, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/switch/{switch}"


class Switch(StrEnum):
    """What can be switched."""

    STOP = "stop"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    PROTECT = "protect"
    UNPROTECT = "unprotect"


_PATCHES: dict[Switch, dict[str, Any]] = {
    Switch.STOP: {"spec": {"running": False}},
    Switch.START: {"spec": {"running": True}},
    Switch.PAUSE: {"spec": {"paused": True}},
    Switch.RESUME: {"spec": {"paused": False}},
    Switch.PROTECT: {"spec": {"protected": True}},
    Switch.UNPROTECT: {"spec": {"protected": False}},
}


@router.get(_PATH)
def show(visit: InProject, cluster: str, switch: Switch) -> Response:
    """What it would do, and the button."""
    return _page(visit, cluster, switch, EMPTY)


@router.post(_PATH)
def turn(visit: InProject, form: Posted, cluster: str, switch: Switch) -> Response:
    """Ask for it."""
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.update_cluster(cluster, _PATCHES[switch], if_match=seen_generation(form)),
        lambda wrong, status: _page(visit, cluster, switch, form, wrong, status),
    )


def _page(
    visit: Visit, cluster: str, switch: Switch, form: Form, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    found = visit.navarch.cluster(cluster)
    values = planned(lambda: visit.navarch.plan_update(cluster, _PATCHES[switch]))
    values |= {"wrong": wrong} if wrong else {}
    differs = conflict(status, form, found["spec"], _PATCHES[switch]["spec"])
    return visit.page("power/switch.html", status, cluster=found, switch=switch.value, conflict=differs, **values)
