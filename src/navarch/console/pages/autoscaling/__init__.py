"""Autoscaling of a node group: its limits, what it thinks and why, and what it decided last."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.client.errors import FieldProblem, Problem
from navarch.console import following, groups
from navarch.console.changes import conflict, field_problems, planned, seen_generation
from navarch.console.following import Picture
from navarch.console.forms import EMPTY, Form
from navarch.console.groups import number
from navarch.console.pages.groups import group_of
from navarch.console.visits import InProject, Posted, Visit, see

router = APIRouter()
_PATH = "/clusters/{cluster}/groups/{group}/autoscaling"
_AT = "g0"
_LIMITS = ("min", "max")
# What it did, of a node group; and what it could do for no pod.
_DECISIONS = (
    "TriggeredScaleUp", "ScaleDown", "ScaledToLimit", "GaveUpMachines", "FailedToScaleUpGroup", "SpareKept",
    "SpareNotKept", "DeviceNotShown",
)  # fmt: skip
_SHOWN = 20
_FEW, _MOST = 10, 100  # machines: of a slider, and of a node group
_TEMPLATES = {"thoughts": "autoscaling/_thoughts.html"}


@router.get(_PATH)
def show(visit: InProject, cluster: str, group: str) -> Response:
    """The limits, with what there is."""
    return _page(visit, cluster, group, EMPTY)


@router.get(_PATH + "/stream")
def stream(visit: InProject, cluster: str, group: str) -> Response:
    """What it thinks, as that changes."""
    return following.stream(
        visit, cluster, f"autoscaling {group}", lambda its: Picture(_TEMPLATES, _thoughts(visit, its, group))
    )


@router.post(_PATH + "/plan")
def plan(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """What other limits would do."""
    return visit.page("plan.html", **_plan(visit, cluster, group, form))


@router.post(_PATH)
def change(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """Ask for them."""
    if form.text("do") == "plan":
        return _page(visit, cluster, group, form)
    try:
        visit.navarch.update_node_group(cluster, group, _patch(form), if_match=seen_generation(form))
    except Problem as problem:
        errors = field_problems(problem)
        return _page(visit, cluster, group, form, errors, problem.status)
    return see(f"/clusters/{cluster}/groups/{group}/autoscaling")


def _page(
    visit: Visit,
    cluster: str,
    group: str,
    form: Form,
    errors: list[FieldProblem] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    values = _thoughts(visit, cluster, group)
    its = values["group"]
    fields, beside = groups.by_field(errors or [], _AT)
    planning = _plan(visit, cluster, group, form) if form.fields else {"plan": None, "wrong": []}
    return visit.page(
        "autoscaling/autoscaling.html",
        status,
        **values,
        form=form if form.fields else groups.filled(group, its["spec"], _AT),
        fields=fields,
        beside=beside,
        plan=planning["plan"],
        refused=planning["wrong"],
        conflict=conflict(status, form, its["spec"], _patch(form)["spec"]),
    )


def _thoughts(visit: Visit, cluster: str, group: str) -> dict[str, Any]:
    """The group, with what autoscaling says of it: the newest decisions first."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = group_of(found, group)
    events = [e for e in navarch.events(found["id"]) if e["reason"] in _DECISIONS and e["subject"] == group]
    decisions = events[: -_SHOWN - 1 : -1]
    return {"cluster": found, "group": its, "decisions": decisions, "now": navarch.now(), "scale": _scale(its)}


def _scale(group: dict[str, Any]) -> int:
    """How many machines the picture of the limits and their slider have room for."""
    limits = group["spec"]["autoscaling"]
    most: int = max(group["spec"]["replicas"], limits["max"] if limits else 0)
    return min(_MOST, max(_FEW, 2 * most))


def _plan(visit: Visit, cluster: str, group: str, form: Form) -> dict[str, Any]:
    return planned(lambda: visit.navarch.plan_node_group_update(cluster, group, _patch(form)))


def _patch(form: Form) -> dict[str, Any]:
    """Without limits the number of machines is a person's again. Room to keep free that was emptied is none."""
    limits = {name: number(form.text(f"{_AT}.autoscaling.{name}")) for name in _LIMITS}
    given: dict[str, Any] = {name: its for name, its in limits.items() if its != ""}
    if given:
        spare = {name: number(form.text(f"{_AT}.autoscaling.spare.{name}")) for name in groups.SPARE}
        given["spare"] = {name: 0 if its == "" else its for name, its in spare.items()}
    return {"spec": {"autoscaling": given or None}}
