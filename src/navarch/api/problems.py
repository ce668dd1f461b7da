"""Refusals: RFC 9457 `application/problem+json`, and the one table from errors to them."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from navarch.api.identity import Refused, Unauthenticated
from navarch.domain.errors import FieldError, NavarchError, Permanent, Temporary
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.store.contract import IdempotencyMismatch, NotFound, Stale, TicketRefused, TooMany, Unreadable

MEDIA_TYPE = "application/problem+json"
_LISTED = 100  # a body of nothing but mistakes is not answered with ten times as much


class FieldProblem(BaseModel):
    """One thing wrong with a request."""

    field: str = Field(description="Dotted path, such as spec.control_plane.replicas.")
    detail: str = Field(description="What is wrong with it, and what would be right.")


class ProblemBody(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description="A stable name of the kind of problem: urn:navarch:problem:...")
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default=[], description="Every bad field; at most 100.")
    request_id: str = Field(description="Tell it to the operator: it is in logs and events.")


class Problem(Exception):
    """Raised by a handler to refuse. `kind` is the end of the type's URN."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})

    def response(self, request_id: str) -> JSONResponse:
        """The answer."""
        body = ProblemBody(
            type=f"urn:navarch:problem:{self.kind}",
            title=self.kind.replace("-", " ").capitalize(),
            status=self.status,
            detail=self.detail,
            errors=[FieldProblem(field=e.field, detail=e.detail) for e in self.errors],
            request_id=request_id,
        )
        return JSONResponse(body.model_dump(), self.status, self.headers, media_type=MEDIA_TYPE)


def invalid(errors: Iterable[FieldError]) -> Problem:
    """422 with every bad field, as far as a person would read."""
    found = tuple(errors)
    # Of very many mistakes not all are looked for, so they are not counted.
    many, listed = (f"more than {_LISTED}", f"; the first {_LISTED} are listed") if len(found) > _LISTED else ("", "")
    count = "one field is" if len(found) == 1 else f"{many or len(found)} fields are"
    detail = f"{count} not acceptable; nothing was changed{listed}"
    return Problem(422, "invalid-request", detail, errors=found[:_LISTED])


def not_found(what: str = "") -> Problem:
    """404, the same whether it is another project's or nobody's."""
    return Problem(404, "not-found", f"no such {what or 'resource'} in this project")


def not_now(detail: str, after: float) -> Problem:
    """503 with Retry-After."""
    return Problem(503, "not-available", detail, headers=_retry_after(after))


def _retry_after(seconds: float) -> dict[str, str]:
    """In whole seconds, as HTTP has it."""
    return {"Retry-After": str(max(1, round(seconds)))}


def from_error(error: NavarchError) -> Problem:
    """What an error of the rooms below means to a caller."""
    match error:
        case Unauthenticated():
            return Problem(
                401, "unauthenticated", "a valid token in X-Auth-Token is needed",
                headers={"WWW-Authenticate": 'Keystone uri="see the service catalogue"'},
            )  # fmt: skip
        case Refused():
            return Problem(403, "forbidden", str(error))
        case Missing():
            return not_found(error.message)
        case NotFound():
            return not_found()
        case Invalid():
            return invalid(error.errors)
        case InTheWay():
            headers = _retry_after(error.after) if error.after is not None else {}
            return Problem(409, error.kind, error.message, errors=error.errors, headers=headers)
        case Stale():
            detail = (
                f"it was changed meanwhile: generation is {error.generation} now; read it again, then send the new ETag"
            )
            return Problem(412, "stale", detail)
        case TooMany():
            return Problem(422, "too-many", str(error))
        case IdempotencyMismatch():
            return Problem(422, "idempotency-mismatch", str(error))
        case TicketRefused():
            return Problem(403, "ticket-refused", str(error))
        case Unreadable():
            return Problem(
                500, "unreadable", "what is written of this cluster cannot be read; it runs on. Tell Navarch's operator"
            )
        case Temporary():
            return not_now(error.message, error.after)
        case Permanent():
            return Problem(500, "internal", f"{error.message}. {error.remedy}")
        case _:
            return Problem(500, "internal", "an internal error; it was logged")


_DESCRIPTIONS = {
    400: "The request cannot be read: malformed JSON, a bad parameter.",
    401: "No valid token.",
    403: "The token's roles do not allow this.",
    404: "There is no such thing in this project.",
    405: "The path exists, the method does not.",
    409: "It cannot be done in the state that this is in.",
    410: "It is gone for good.",
    412: "It was changed meanwhile (If-Match).",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request can be read but not accepted: `errors` lists every reason.",
    425: "Too early: ask again after Retry-After seconds.",
    429: "Too many requests.",
    500: "A fault of Navarch.",
    503: "Something that Navarch needs is away: ask again after Retry-After seconds.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses for these refusals."""
    told = {*statuses, 429} if 401 in statuses else set(statuses)  # who shows too many invalid tokens has to wait
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}
        for status in sorted(told)
    }


_REFERENCE = {"$ref": "#/components/schemas/ProblemBody"}
