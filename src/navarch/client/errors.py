"""What can go wrong between a program and the service.

    ClientError
    ├── NotConfigured     no usable credentials or address: clouds.yaml, OS_* or an option is missing or wrong
    ├── NotAuthorised     Keystone refused the credentials
    ├── Unavailable       no answer, or "not now" (429, 502, 503, 504) more often than is worth waiting for
    └── Problem           the service answered with a refusal: RFC 9457, with every bad field

keystoneauth's and httpx's exceptions are mapped to these in `keystone` and `http`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ClientError(Exception):
    """Base: `message` is for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotConfigured(ClientError):
    """Credentials or the service's address are missing or cannot be read."""


class NotAuthorised(ClientError):
    """Keystone refused the credentials."""


class Unavailable(ClientError):
    """The service or Keystone did not answer, or said "not now" until patience ran out.

    `final`: asking again is no use."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with a request: `field` is a dotted path such as `spec.control_plane.replicas`."""

    field: str
    detail: str


class Problem(ClientError):
    """The service refused. `status` is HTTP's, `errors` every bad field, `request_id` what to tell the operator."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        errors: tuple[FieldProblem, ...] = (),
        request_id: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title or f"HTTP {status}")
        self.status, self.title, self.detail, self.errors, self.request_id = status, title, detail, errors, request_id
        self.extra = dict(extra or {})

    @classmethod
    def parse(cls, status: int, body: Any, request_id: str = "", reason: str = "") -> "Problem":
        """From a decoded body: problem+json, FastAPI's or Keystone's shape, or anything else."""
        if not isinstance(body, dict):
            return cls(status, reason or f"HTTP {status}", "", request_id=request_id)
        error = body.get("error")
        if isinstance(error, dict):  # keystonemiddleware's and other OpenStack services' shape
            body = {"title": error.get("title", ""), "detail": error.get("message", "")}
        errors = tuple(
            FieldProblem(str(e.get("field", "")), str(e.get("detail", "")))
            for e in body.get("errors") or ()
            if isinstance(e, dict)
        )
        detail = body.get("detail")
        known = {"type", "title", "status", "detail", "errors", "instance", "request_id"}
        return cls(
            status,
            str(body.get("title") or reason or f"HTTP {status}"),
            detail if isinstance(detail, str) else "",
            errors,
            str(body.get("request_id") or request_id or ""),
            {k: v for k, v in body.items() if k not in known},
        )
