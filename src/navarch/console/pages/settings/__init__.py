"""A cluster's settings: when it runs, when Navarch may begin something by itself, who may reach it, how changes go."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.client.errors import FieldProblem, Problem
from navarch.console import wishes
from navarch.console.changes import conflict, field_problems, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.pages.creation.wish import by_field
from navarch.console.visits import InProject, Posted, Visit, see

router = APIRouter()
_PATH = "/clusters/{cluster}/settings"


@router.get(_PATH)
def show(visit: InProject, cluster: str) -> Response:
    """The form, with what there is."""
    return _page(visit, cluster, EMPTY)


@router.post(_PATH + "/plan")
def plan(visit: InProject, form: Posted, cluster: str) -> Response:
    """What the change would do."""
    return visit.page("plan.html", **_plan(visit, visit.navarch.cluster(cluster), form))


@router.post(_PATH)
def change(visit: InProject, form: Posted, cluster: str) -> Response:
    """Ask for it."""
    if form.text("do") == "plan":
        return _page(visit, cluster, form)
    navarch = visit.navarch
    patch = wishes.patch(navarch.cluster(cluster), form)
    try:
        navarch.update_cluster(cluster, patch, if_match=seen_generation(form))
    except Problem as problem:
        errors = field_problems(problem)
        return _page(visit, cluster, form, errors, problem.status)
    return see(f"/clusters/{cluster}")


def _page(
    visit: Visit,
    cluster: str,
    form: Form,
    errors: list[FieldProblem] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    found: Any = visit.navarch.cluster(cluster)
    filled = form if form.fields else wishes.filled(found)
    fields, beside = by_field(errors or [])
    values = _plan(visit, found, form) if form.fields else {"plan": None, "wrong": []}
    patch = wishes.patch(found, filled)
    return visit.page(
        "settings/settings.html",
        status,
        cluster=found,
        form=filled,
        fields=fields,
        beside=beside,
        conflict=conflict(status, form, found["spec"], patch.get("spec") or {}),
        refused=values["wrong"],
        plan=values["plan"],
    )


def _plan(visit: Visit, cluster: Any, form: Form) -> dict[str, Any]:
    return planned(lambda: visit.navarch.plan_update(cluster["id"], wishes.patch(cluster, form)))
