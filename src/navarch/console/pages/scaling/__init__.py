"""Another number of machines for a node group."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console.changes import conflict, done, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.groups import number
from navarch.console.pages.groups import group_of
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/groups/{group}/scale"


@router.get(_PATH)
def show(visit: InProject, cluster: str, group: str) -> Response:
    """The form, with the number that there is."""
    return _page(visit, cluster, group, EMPTY)


@router.post(_PATH + "/plan")
def plan(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """What the number would do."""
    return visit.page("plan.html", **_plan(visit, cluster, group, form))


@router.post(_PATH)
def scale(visit: InProject, form: Posted, cluster: str, group: str) -> Response:
    """Ask for it."""
    if form.text("do") == "plan":
        return _page(visit, cluster, group, form)
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.update_node_group(cluster, group, _patch(form), if_match=seen_generation(form)),
        lambda wrong, status: _page(visit, cluster, group, form, wrong, status),
    )


def _page(
    visit: Visit, cluster: str, group: str, form: Form, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    found = visit.navarch.cluster(cluster)
    node_group = group_of(found, group)
    values = _plan(visit, cluster, group, form) if form.text("count") else {"plan": None, "wrong": []}
    values |= {"wrong": wrong} if wrong else {}
    return visit.page(
        "scaling/scale.html",
        status,
        cluster=found,
        group=node_group,
        form=form,
        conflict=conflict(status, form, node_group["spec"], _patch(form)["spec"]),
        **values,
    )


def _plan(visit: Visit, cluster: str, group: str, form: Form) -> dict[str, Any]:
    return planned(lambda: visit.navarch.plan_node_group_update(cluster, group, _patch(form)))


def _patch(form: Form) -> dict[str, Any]:
    return {"spec": {"replicas": number(form.text("count"))}}
