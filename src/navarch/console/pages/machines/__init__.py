"""Machines: one that is named goes; and those that went, with what for."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from navarch.cli.output import parse_time
from navarch.console.changes import conflict, done, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.pages.groups import group_of
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_DELETE = "/clusters/{cluster}/machines/{machine}/delete"
_GONE = 100  # machines that are shown of those that went
# What is told when a machine is to go. A place of the control plane keeps its name, and what is known of it is of the
# machine that has it: of those before it the history alone knows.
_GOING = ("ReleaseMachine", "MachineDeletionRequested")


@router.get("/clusters/{cluster}/repairs")
def repairs(visit: InProject, cluster: str) -> Response:
    """Machines that went or are about to, the newest first, and what for."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    machines = list(navarch.machines(found["id"], removed=True))
    places = {m["name"] for m in machines if m["role"] == "control-plane"}
    told = [e for e in navarch.events(found["id"]) if e["reason"] in _GOING and e["subject"] in places]
    gone = [m for m in machines if (m.get("departure") or m.get("kept_at")) and m["name"] not in places]
    gone.sort(key=lambda m: (m.get("removing_at") or m.get("kept_at") or m["created_at"], m["name"]), reverse=True)
    return visit.page(
        "machines/repairs.html",
        cluster=found,
        machines=[_lived(m) for m in gone[:_GONE]],
        count=len(gone),
        told=told[: -_GONE - 1 : -1],
        count_told=len(told),
    )


@router.get(_DELETE)
def show(visit: InProject, cluster: str, machine: str, keep_size: bool = True) -> Response:
    """What would become of it, and of its pods."""
    return _page(visit, cluster, machine, EMPTY, keep_size)


@router.post(_DELETE)
def delete(visit: InProject, form: Posted, cluster: str, machine: str) -> Response:
    """Ask it to go."""
    keep_size = form.text("then") != "fewer"
    if form.text("do") == "plan":
        return _page(visit, cluster, machine, form, keep_size)
    if_match = seen_generation(form)
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.delete_machine(cluster, machine, keep_size=keep_size, if_match=if_match),
        lambda wrong, status: _page(visit, cluster, machine, form, keep_size, wrong, status),
    )


def _page(
    visit: Visit,
    cluster: str,
    machine: str,
    form: Form,
    keep_size: bool,
    wrong: list[str] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = next((m for m in navarch.machines(cluster) if m["name"] == machine), None)
    if its is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    whole: Any = found if its["role"] == "control-plane" else group_of(found, its["group"])
    keep_size = keep_size or whole is found
    values = planned(lambda: navarch.plan_machine_deletion(cluster, machine, keep_size=keep_size))
    values |= {"wrong": wrong} if wrong else {}
    return visit.page(
        "machines/delete.html",
        status,
        cluster=found,
        machine=its,
        whole=whole,
        keep_size=keep_size,
        conflict=conflict(status, form, whole["spec"], {}),
        **values,
    )


def _lived(machine: Any) -> dict[str, Any]:
    end = machine.get("removing_at") or machine.get("kept_at")
    seconds = (parse_time(end) - parse_time(machine["created_at"])).total_seconds() if end else None
    failed = next((step for step in machine.get("boot") or [] if step["state"] == "failed"), None)
    return {**machine, "ended_at": end, "lived": seconds, "failed": failed}
