"""Node groups: added, changed in every field, taken away."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from navarch.client.errors import FieldProblem, Problem
from navarch.console import groups
from navarch.console.changes import conflict, done, field_problems, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.visits import InProject, Posted, Visit, see

router = APIRouter()
_NEW = "/clusters/{cluster}/groups/new"
_CHANGE = "/clusters/{cluster}/groups/{group}/change"
_DELETE = "/clusters/{cluster}/groups/{group}/delete"
_AT = "g0"
Json = dict[str, Any]


@router.get(_NEW)
def new(visit: InProject, cluster: str) -> Response:
    """The form of one more."""
    return _form(visit, cluster, None, EMPTY)


@router.post(_NEW + "/plan")
def plan_new(visit: InProject, form: Posted, cluster: str) -> Response:
    """What it would do."""
    return visit.page("plan.html", **_plan(visit, cluster, None, form))


@router.post(_NEW)
def add(visit: InProject, form: Posted, cluster: str) -> Response:
    """Ask for it."""
    if form.text("do") == "plan":
        return _form(visit, cluster, None, form)
    return _asked(visit, cluster, None, form, lambda: visit.navarch.create_node_group(cluster, _body(form)))


@router.get(_CHANGE)
def show(visit: InProject, cluster: str, group: str) -> Response:
    """The form, with what there is."""
    return _form(visit, cluster, group, EMPTY)


@router.post(_CHANGE + "/plan")
def plan(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """What the change would do."""
    return visit.page("plan.html", **_plan(visit, cluster, group_of(visit.navarch.cluster(cluster), group), form))


@router.post(_CHANGE)
def change(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """Ask for it."""
    if form.text("do") == "plan":
        return _form(visit, cluster, group, form)
    found = group_of(visit.navarch.cluster(cluster), group)
    patch = {"spec": groups.patch(found["spec"], form, _AT)}
    if_match = seen_generation(form)
    return _asked(
        visit, cluster, group, form,
        lambda: visit.navarch.update_node_group(cluster, group, patch, if_match=if_match),
    )  # fmt: skip


@router.get(_DELETE)
def leave(visit: InProject, cluster: str, group: str) -> Response:
    """What would go."""
    return _leaving(visit, cluster, group)


@router.post(_DELETE)
def delete(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """Ask it to go."""
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.delete_node_group(cluster, group),
        lambda wrong, status: _leaving(visit, cluster, group, wrong, status),
    )


def group_of(cluster: Mapping[str, Any], name: str) -> Json:
    """A cluster's node group. Raises HTTPException where it has none of that name."""
    found = next((g for g in cluster.get("node_groups") or [] if g["name"] == name), None)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return dict(found)


def _body(form: Form) -> Json:
    return {"name": form.text(f"{_AT}.name"), "spec": groups.typed(form, _AT)}


def _plan(visit: Visit, cluster: str, found: Json | None, form: Form) -> Json:
    if found is None:
        body = _body(form)
        return planned(lambda: visit.navarch.plan_node_group(cluster, body | {"name": body["name"] or "new"}))
    patch = {"spec": groups.patch(found["spec"], form, _AT)}
    return planned(lambda: visit.navarch.plan_node_group_update(cluster, found["name"], patch))


def _asked(visit: Visit, cluster: str, group: str | None, form: Form, ask: Any) -> Response:
    try:
        ask()
    except Problem as problem:
        errors = field_problems(problem)
        return _form(visit, cluster, group, form, errors, problem.status)
    return see(f"/clusters/{cluster}")


def _form(
    visit: Visit,
    cluster: str,
    group: str | None,
    form: Form,
    errors: list[FieldProblem] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    """As it was filled in, or as the group is."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = group_of(found, group) if group else None
    filled = form if form.fields else groups.filled(group, its["spec"], _AT) if its and group else EMPTY
    fields, beside = groups.by_field(errors or [], _AT)
    wish = groups.patch(its["spec"], filled, _AT) if its else {}
    values = _plan(visit, found["id"], its, filled) if form.fields or not its else {"plan": None, "wrong": []}
    return visit.page(
        "groups/form.html",
        status,
        cluster=found,
        group=its,
        form=filled,
        fields=fields,
        beside=beside,
        conflict=conflict(status, form, its["spec"] if its else {}, wish),
        refused=values["wrong"],
        plan=values["plan"],
        flavors=navarch.catalogue("flavors"),
        all_zones=navarch.catalogue("zones"),
        versions=navarch.catalogue("versions"),
        volume_types=navarch.catalogue("volume_types"),
    )


def _leaving(
    visit: Visit, cluster: str, group: str, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    found = visit.navarch.cluster(cluster)
    machines = [m for m in visit.navarch.machines(cluster) if m["group"] == group and m["role"] == "worker"]
    its = group_of(found, group)
    return visit.page("groups/delete.html", status, cluster=found, group=its, machines=machines, wrong=wrong or [])
