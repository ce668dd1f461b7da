"""Asking for a cluster: a name is enough. Beside the form is what would be done, and the same as command and JSON."""

import json
import re
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from statistics import median
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.cli.output import parse_time
from navarch.client.errors import FieldProblem, Problem
from navarch.console.commands import addons_file
from navarch.console.commands import creation as command_of
from navarch.console.forms import EMPTY, Form
from navarch.console.groups import MOST_GROUPS
from navarch.console.pages.creation import addons
from navarch.console.pages.creation.addons import Ticked
from navarch.console.pages.creation.wish import by_field, number_of_groups, request_of, without
from navarch.console.plans import shown_plan
from navarch.console.visits import InProject, Posted, Visit, see

router = APIRouter()
_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_UNNAMED = "unnamed"  # stands in the plan until there is a name: quotas do not depend on it


@router.get("/clusters/new")
def show(visit: InProject) -> Response:
    """The form."""
    return _page(visit, EMPTY, str(uuid.uuid4()))


@router.post("/clusters/new/plan")
def plan(visit: InProject, form: Posted) -> Response:
    """What the form as it stands would do."""
    chosen = addons.ticked(visit.navarch, form, form.texts("addons"))
    return visit.page("creation/_plan.html", **_plan(visit, form, chosen))


@router.post("/clusters/new/addon/{entry}")
def show_values(visit: InProject, form: Posted, entry: str) -> Response:
    """The fields of an add-on's values, below its box, for the Kubernetes that is chosen."""
    (its,) = addons.ticked(visit.navarch, form, [entry])
    return visit.page("creation/_values.html", form=form, its=its, wrong={})


@router.post("/clusters/new")
def create(visit: InProject, form: Posted) -> Response:
    """Ask for it. The form's key makes a second click, or Back and again, the same request."""
    key = form.text("key") if _KEY.fullmatch(form.text("key")) else str(uuid.uuid4())
    do = form.text("do")
    if do == "plan":  # where no script asks for the plan as one types, and a draft that is taken up
        return _page(visit, form, key)
    if do == "add":
        groups = min(number_of_groups(form) + 1, MOST_GROUPS)
        return _page(visit, Form({**form.fields, "groups": [str(groups)]}), key)
    if do.startswith("drop-") and do[5:].isdecimal():
        return _page(visit, without(form, int(do[5:])), key)
    if not form.text("name"):
        return _page(visit, form, key, [FieldProblem("name", "give it a name")])
    chosen = addons.ticked(visit.navarch, form, form.texts("addons"))
    if unread := addons.unread(chosen):
        return _page(visit, form, key, unread)
    try:
        made = visit.navarch.create_cluster(request_of(form, addons.asked(chosen)), idempotency_key=key)
    except Problem as problem:
        if problem.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise
        errors = list(problem.errors) or [FieldProblem("", problem.message)]
        return _page(visit, form, key, errors)
    return see(f"/clusters/{made['id']}")


def _page(visit: Visit, form: Form, key: str, errors: list[FieldProblem] | None = None) -> Response:
    """The form as it was filled in: no field is ever reset."""
    navarch = visit.navarch
    chosen = addons.ticked(navarch, form, form.texts("addons"))
    fields, beside = by_field(addons.at_fields(chosen, errors or []))
    return visit.page(
        "creation/new.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        form=form,
        key=key,
        versions=navarch.catalogue("versions"),
        flavors=navarch.catalogue("flavors"),
        all_zones=navarch.catalogue("zones"),
        volume_types=navarch.catalogue("volume_types"),
        external_networks=navarch.catalogue("external_networks"),
        entries=[entry for entry in navarch.entries() if not entry.get("required")],
        ticked={its.name: its for its in chosen},
        groups=number_of_groups(form),
        usual=usual_seconds(navarch.cluster_page([("limit", "50"), ("sort", "-created")])["clusters"]),
        wrong=fields,
        beside=beside,
        words=addons.words,
        **_plan(visit, form, chosen),
    )


def usual_seconds(clusters: list[Any]) -> tuple[float, int] | None:
    """How long the project's last clusters took until they were Ready: the median, and of how many. None: none did."""
    took = [
        (parse_time(c["status"]["ready_at"]) - parse_time(c["created_at"])).total_seconds()
        for c in clusters
        if c["status"].get("ready_at")
    ]
    return (median(took), len(took)) if took else None


def _plan(visit: Visit, form: Form, chosen: Sequence[Ticked]) -> dict[str, Any]:
    body = request_of(form, addons.asked(chosen))
    shown = request_of(form, addons.asked(chosen, hidden=True))
    unread = [f"{addons.words(problem.field)}: {problem.detail}" for problem in addons.unread(chosen)]
    values: dict[str, Any] = {
        "command": command_of(shown),
        "addons_file": addons_file(shown),
        "document": json.dumps(shown, indent=2, ensure_ascii=False),
        "plan": None,
        "refused": unread,
    }
    try:
        planned = visit.navarch.plan_cluster(body | {"name": body["name"] or _UNNAMED})
    except Problem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise
        fields, beside = by_field(addons.at_fields(chosen, problem.errors))
        said = [f"{addons.words(name)}: {text}" for name, texts in fields.items() for text in texts]
        return values | {"refused": [*unread, *said, *beside] or [problem.message]}
    return values if unread else values | {"plan": shown_plan(planned)}
