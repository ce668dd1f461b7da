"""Changing what is there: looked at first, done with the state that the person saw, told where somebody was faster."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

from navarch.client.errors import Problem
from navarch.console.forms import Form
from navarch.console.plans import shown_plan
from navarch.console.visits import Visit, see

_SHOWN = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def planned(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
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


def seen_generation(form: Form) -> int | None:
    """The state that the person saw, as If-Match. A form that does not say so is refused by the API's word alone."""
    text = form.text("generation")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None
