"""Changing what is there: looked at first, done with the state that the person saw, told where somebody was faster."""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

from navarch.client.errors import FieldProblem, Problem
from navarch.console.forms import Form
from navarch.console.plans import shown_plan
from navarch.console.visits import Visit, see
from navarch.console.words import value

Json = dict[str, Any]
_SHOWN = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def planned(ask: Callable[[], Json]) -> Json:
    """The plan of a change for a template: `plan`, or what is `wrong` with asking for it."""
    try:
        return {"plan": shown_plan(ask()), "wrong": []}
    except Problem as problem:
        return {"plan": None, "wrong": told(problem)}


def done(
    visit: Visit, following: str, ask: Callable[[], object], again: Callable[[list[str], int], Response]
) -> Response:
    """Ask for it and go on; where it is refused, `again` shows the page with what is wrong."""
    try:
        ask()
    except Problem as problem:
        return again(told(problem), problem.status)
    return see(following)


def told(problem: Problem) -> list[str]:
    """What is wrong, in sentences. Raises the problem again where it is not about what was asked for."""
    if problem.status not in _SHOWN:
        raise problem
    return [f"{e.field}: {e.detail}" if e.field else e.detail for e in problem.errors] or [problem.message]


def field_problems(problem: Problem) -> list[FieldProblem]:
    """What is wrong, each at its field where the API names one. Raises as `told` does where it names none."""
    return list(problem.errors) or [FieldProblem("", message) for message in told(problem)]


def seen_generation(form: Form) -> int | None:
    """The state that the person saw, as If-Match. A form that does not say so is refused by the API's word alone."""
    text = form.text("generation")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def conflict(status: int, form: Form, now: Mapping[str, Any], patch: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """Where somebody was faster (`status` 412): each field that is not as the person saw it, or that they ask for, as
    they saw it, as it is now, and as they ask for it. None: nobody was."""
    if status != HTTPStatus.PRECONDITION_FAILED:
        return None
    try:
        document = json.loads(form.text("seen"))
    except ValueError:
        document = {}
    before, current, asked = flat(document if isinstance(document, dict) else {}), flat(now), flat(patch)
    fields = [f for f in sorted({*before, *current, *asked}) if before.get(f) != current.get(f) or f in asked]
    return [
        {
            "field": name,
            "seen": value(before.get(name)),
            "now": value(current.get(name)),
            "asked": value(asked[name]) if name in asked else value(current.get(name)),
        }
        for name in fields
    ]


def flat(document: Mapping[str, Any], beginning: str = "") -> dict[str, Any]:
    """A document's fields by their dotted names."""
    found: dict[str, Any] = {}
    for key, its in document.items():
        if isinstance(its, Mapping) and its:
            found |= flat(its, f"{beginning}{key}.")
        else:
            found[f"{beginning}{key}"] = its
    return found


def difference(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    """The merge patch (RFC 7396) that makes `now` as `wanted`, of the fields that `wanted` has; what is as it was is
    not in it."""
    patch: Json = {}
    for key, its in wanted.items():
        before = now.get(key)
        if isinstance(its, Mapping) and isinstance(before, Mapping):
            inner = difference(before, its)
            if inner:
                patch[key] = inner
        elif its != before:
            patch[key] = dict(its) if isinstance(its, Mapping) else its
    return patch
