"""Another version: what there is, what is in the way of each, what it would do."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from navarch.console.changes import conflict, done, planned, seen_generation
from navarch.console.forms import EMPTY, Form
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/upgrade"


@router.get(_PATH)
def show(visit: InProject, cluster: str, to: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The versions above the cluster's; `to`: with the plan of that one."""
    return _page(visit, cluster, to, EMPTY)


@router.post(_PATH)
def upgrade(visit: InProject, form: Posted, cluster: str) -> Response:
    """Ask for it."""
    to = form.text("to")
    return done(
        visit,
        f"/clusters/{cluster}",
        lambda: visit.navarch.update_cluster(cluster, _patch(to), if_match=seen_generation(form)),
        lambda wrong, status: _page(visit, cluster, to, form, wrong, status),
    )


def _page(
    visit: Visit, cluster: str, to: str, form: Form, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
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
        back=ways_back(found, list(navarch.machines(cluster))),
        conflict=conflict(status, form, found["spec"], _patch(to)["spec"] if to else {}),
        **values,
    )


def ways_back(cluster: Any, machines: list[Any]) -> list[str]:
    """Versions that machines of the control plane still have and that are not wanted any more: what a rollout that is
    under way could turn back to. Whether it may is the API's to say, in the plan."""
    wanted = cluster["spec"]["kubernetes_version"]
    mine = {m["version"] for m in machines if m["role"] == "control-plane" and not m.get("removed")}
    return sorted(mine - {wanted})


def _patch(to: str) -> dict[str, Any]:
    return {"spec": {"kubernetes_version": to}}
