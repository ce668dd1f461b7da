"""A kubeconfig: a certificate that ends by itself, for a role, as a file. It is kept nowhere."""

import re
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.client.errors import Problem
from navarch.console.changes import told
from navarch.console.forms import EMPTY, Form
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/kubeconfig"
ROLES = ("admin", "edit", "view")
HOURS = (1, 8, 24)
_SECONDS_AN_HOUR = 3600


@router.get(_PATH)
def show(visit: InProject, cluster: str) -> Response:
    """Role and time."""
    return _page(visit, cluster, EMPTY)


@router.post(_PATH)
def issue(visit: InProject, form: Posted, cluster: str) -> Response:
    """The file."""
    found = visit.navarch.cluster(cluster)
    hours = form.text("hours")
    body = {"role": form.text("role"), "ttl_seconds": int(hours) * _SECONDS_AN_HOUR if hours in map(str, HOURS) else 0}
    try:
        issued = visit.navarch.issue_kubeconfig(found["id"], body)
    except Problem as problem:
        return _page(visit, cluster, form, told(problem), problem.status)
    name = re.sub(r"[^a-z0-9.-]", "_", found["name"])
    return Response(
        issued["kubeconfig"],
        media_type="application/yaml",
        headers={"Content-Disposition": f'attachment; filename="{name}.kubeconfig"'},
    )


def _page(
    visit: Visit, cluster: str, form: Form, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    found = visit.navarch.cluster(cluster)
    return visit.page(
        "access/kubeconfig.html", status, cluster=found, form=form, wrong=wrong or [], roles=ROLES, hours=HOURS
    )
