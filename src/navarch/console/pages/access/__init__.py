"""Kubeconfigs: certificates that end by themselves, as files that are kept nowhere; who has one; taking it back. And
what the cluster's own controllers show to the cloud."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from navarch.client.errors import Problem
from navarch.client.shapes import IssuedKubeconfig
from navarch.console import following
from navarch.console.changes import done, told
from navarch.console.following import Picture
from navarch.console.forms import EMPTY, Form
from navarch.console.groups import lines
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/kubeconfig"
_REVOKE = "/clusters/{cluster}/kubeconfigs/{kubeconfig}/revoke"
ROLES = ("admin", "edit", "view")
HOURS = (1, 8, 24)
_OWN_GROUPS = "groups"  # in the place of a role
_ROLE_OF = {"navarch:admins": "admin", "navarch:editors": "edit", "navarch:viewers": "view"}
_CREDENTIALS = "/clusters/{cluster}/credentials"
_SHOWN = 100
_SECONDS_AN_HOUR = 3600
_TEMPLATES = {"issued": "access/_issued.html"}


@router.get(_PATH)
def show(visit: InProject, cluster: str) -> Response:
    """Role and time; and below, who has one."""
    return _page(visit, cluster, EMPTY)


@router.post(_PATH)
def issue(visit: InProject, form: Posted, cluster: str) -> Response:
    """The file."""
    found = visit.navarch.cluster(cluster)
    hours = form.text("hours")
    body: dict[str, Any] = {"ttl_seconds": int(hours) * _SECONDS_AN_HOUR if hours in map(str, HOURS) else 0}
    if form.text("role") == _OWN_GROUPS:
        body["groups"] = lines(form.text("groups")) or [""]  # none is no role either: the API says so
    else:
        body["role"] = form.text("role")
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


@router.get(_PATH + "/stream")
def stream(visit: InProject, cluster: str) -> Response:
    """Who has one, as that changes."""
    return following.stream(visit, cluster, "kubeconfigs", lambda its: Picture(_TEMPLATES, _issued(visit, its)))


@router.get(_REVOKE)
def leave(visit: InProject, cluster: str, kubeconfig: str) -> Response:
    """What would be refused from then on, and what would stay."""
    return _revoking(visit, cluster, kubeconfig, EMPTY)


@router.post(_REVOKE)
def revoke(visit: InProject, form: Posted, cluster: str, kubeconfig: str) -> Response:
    """Have the cluster refuse it, or all of its owner, or all that there are."""
    found = visit.navarch.cluster(cluster)
    issued = list(visit.navarch.kubeconfigs(found["id"]))
    if not any(its["id"] == kubeconfig for its in issued):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    chosen = _meant(issued, kubeconfig).get(form.text("which"), [kubeconfig])

    def ask() -> None:
        for its in chosen:
            try:
                visit.navarch.revoke_kubeconfig(found["id"], its)
            except Problem as problem:
                if problem.status != HTTPStatus.NOT_FOUND or its == kubeconfig:
                    raise  # of the others one may have ended meanwhile, which is as good

    return done(
        visit,
        f"/clusters/{cluster}/kubeconfig",
        ask,
        lambda wrong, status: _revoking(visit, cluster, kubeconfig, form, wrong, status),
    )


@router.get(_CREDENTIALS)
def credentials(visit: InProject, cluster: str) -> Response:
    """What the cluster's own controllers show to the cloud: since when, and what replacing it means."""
    return _credentials(visit, cluster)


@router.post(_CREDENTIALS)
def renew(visit: InProject, form: Posted, cluster: str) -> Response:
    """Have it replaced."""
    found = visit.navarch.cluster(cluster)
    return done(
        visit,
        f"/clusters/{cluster}/credentials",
        lambda: visit.navarch.renew_credentials(found["id"]),
        lambda wrong, status: _credentials(visit, cluster, wrong, status),
    )


def _credentials(visit: Visit, cluster: str, wrong: list[str] | None = None, status: int = HTTPStatus.OK) -> Response:
    found = visit.navarch.cluster(cluster)
    known = visit.navarch.credentials(found["id"])
    return visit.page("access/credentials.html", status, cluster=found, known=known, wrong=wrong or [])


def _page(
    visit: Visit, cluster: str, form: Form, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    values = _issued(visit, cluster)
    return visit.page(
        "access/kubeconfig.html", status, form=form, wrong=wrong or [], roles=ROLES, hours=HOURS, **values
    )


def _issued(visit: Visit, cluster: str) -> dict[str, Any]:
    """Who has one: the newest first."""
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    issued = [_shown(its) for its in navarch.kubeconfigs(found["id"])]
    return {"cluster": found, "issued": issued[: -_SHOWN - 1 : -1], "count": len(issued), "now": navarch.now()}


def _revoking(
    visit: Visit,
    cluster: str,
    kubeconfig: str,
    form: Form,
    wrong: list[str] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    issued = list(navarch.kubeconfigs(found["id"]))
    its = next((k for k in issued if k["id"] == kubeconfig), None)
    if its is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    counts = {which: len(those) for which, those in _meant(issued, kubeconfig).items()}
    return visit.page(
        "access/revoke.html",
        status,
        cluster=found,
        its=_shown(its),
        counts=counts,
        which=form.text("which") or "this",
        wrong=wrong or [],
    )


def _meant(issued: Iterable[IssuedKubeconfig], kubeconfig: str) -> dict[str, list[str]]:
    """Which are meant by each choice, of those that are not revoked: all of the owner's, all that there are."""
    active = [k for k in issued if k["state"] == "active"]
    owner = next((k["user_id"] for k in issued if k["id"] == kubeconfig), None)
    return {"owner": [k["id"] for k in active if k["user_id"] == owner], "all": [k["id"] for k in active]}


def _shown(issued: IssuedKubeconfig) -> dict[str, Any]:
    """With what it is for: roles by their names, and groups of somebody's own as they are."""
    return {**issued, "roles": [_ROLE_OF.get(group, group) for group in issued["groups"]]}
