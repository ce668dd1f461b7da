"""The one door through which a Kubernetes API's refusals, and the HTTP client's troubles, come in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import httpcore

from navarch.addons.foreign import text
from navarch.domain.errors import Conflict, Permanent, Responsible, Temporary

NOT_ANSWERING = "KubernetesNotAnswering"
REFUSES = "KubernetesRefusesNavarch"
INVALID = "KubernetesRejectedObject"
TOO_MUCH = "KubernetesAnswersTooMuch"
LATE = "no answer in time"

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BUSY = frozenset({408, 410, 425, 429, 500, 502, 503, 504})  # 410: a list changed too much between two pages


class Absent(Exception):
    """The object is not there. Never leaves this room: whoever asks knows what it means."""


class Protected(Exception):
    """A disruption budget does not let the pod go now; says which and why. Never leaves this room."""


class Exists(Exception):
    """The object is there already. Never leaves this room."""


class Disputed(Exception):
    """Others had set fields that are applied; `fields`: which, each with who. Never leaves this room."""

    def __init__(self, said: str, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(said)
        self.fields = fields


def no_answer(error: Exception, what: str) -> Temporary:
    """The error for a request that got no answer."""
    late = isinstance(error, httpcore.TimeoutException)
    seen = LATE if late else text(error, 200) or type(error).__name__
    return Temporary(f"The Kubernetes API did not answer {what}: {seen}.", reason=NOT_ANSWERING, after=1.0)


def too_much(what: str, why: str) -> Temporary:
    """The error for an answer that Navarch does not read to its end: its memory is for all clusters."""
    return Temporary(f"The Kubernetes API's answer to {what} {why}: it is not read.", reason=TOO_MUCH, after=60.0)


def no_kubernetes(what: str, why: str) -> Temporary:
    """The error for an answer that Kubernetes would not give."""
    return Temporary(f"What answers {what} is no Kubernetes API: {why}.", reason=NOT_ANSWERING, after=5.0)


@contextmanager
def understanding(what: str) -> Iterator[None]:
    """Within the block, an answer is taken apart. Raises Temporary where it is not what Kubernetes answers."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise no_kubernetes(what, f"{type(error).__name__}: {text(error, 100)}") from error


def refused(
    status: int, reason: str, message: str, what: str, causes: tuple[tuple[str, str, str], ...] = ()
) -> NoReturn:
    """Raise what an answer other than 2xx means. `reason`, `message` and `causes` (reason, message, field) are those of
    the answer's Status object."""
    budgets = [said for cause, said, _ in causes if cause == "DisruptionBudget"]
    if status == 429 and budgets:
        raise Protected(" ".join(budgets))
    said = f"The Kubernetes API refused {what}: {message or reason or f'HTTP {status}'}"
    if status == 404:
        raise Absent(said)
    if status == 409 and reason == "AlreadyExists":
        raise Exists(said)
    disputed = tuple((field, _manager(told)) for cause, told, field in causes if cause == "FieldManagerConflict")
    if status == 409 and disputed:
        raise Disputed(said, disputed)
    if status == 409:
        raise Conflict(said)
    if status in _BUSY:
        raise Temporary(said, reason=NOT_ANSWERING, after=1.0)
    if status in (401, 403):
        raise Permanent(
            said,
            reason=REFUSES,
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Check that Navarch's clock is right and that nobody changed the cluster's CA or its authorisation.",
        )
    raise Permanent(
        said,
        reason=INVALID,
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="The object does not fit this cluster: see the message, and report it with Navarch's version.",
    )


def _manager(told: str) -> str:
    """Whose field it is, of `conflict with "kubectl-edit" using apps/v1`."""
    found = _QUOTED.search(told)
    return text(found[1] if found else told, 60)
