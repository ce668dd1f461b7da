"""Another version: what there is, what is in the way of each, what it would do."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from navarch.console.changes import done, planned, seen_generation
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/upgrade"


@router.get(_PATH)
def show(visit: InProject, cluster: str, to: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The versions above the cluster's; `to`: with the plan of that one."""
    return _page(visit, cluster, to)


@router.post(_PATH)
def upgrade(visit: InProject, form: Posted, cluster: str) -> Response:
    """Ask for it."""
    to = form.text("to")
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.update_cluster(cluster, _patch(to), if_match=seen_generation(form)),
        lambda wrong, status: _page(visit, cluster, to, wrong, status),
    )


def _page(visit: Visit, cluster: str, to: str, wrong: list[str] | None = None, status: int = HTTPStatus.OK) -> Response:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    values = planned(lambda: navarch.plan_update(cluster, _patch(to))) if to else {"plan": None, "wrong": []}
    values |= {"wrong": wrong} if wrong else {}
    return visit.page(
        "upgrade/upgrade.html",
        status,
        cluster=found,
        upgrades=list(navarch.upgrades(cluster)),
        to=to,
        faster=status == HTTPStatus.PRECONDITION_FAILED,
        **values,
    )


def _patch(to: str) -> dict[str, Any]:
    return {"spec": {"kubernetes_version": to}}
