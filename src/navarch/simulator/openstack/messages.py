"""What a service is asked, what it answers, and how it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a token is for, and with which roles. Either `project_id` or `domain_id` is empty, or both, as for the
    `system`; `trust_id` is the trust's by which it was got."""

    user_id: str
    project_id: str = ""
    domain_id: str = ""
    roles: frozenset[str] = frozenset()
    trust_id: str = ""
    system: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether other projects' objects are shown and changed, too."""
        return "admin" in self.roles


NOBODY = Scope("")


@dataclass(slots=True)
class Request:
    """One request to a service. `path` begins below the service's root, as `/v2.0/networks`; `url` is the root's own.
    `scope` is its token's, `NOBODY` until that was read. `lag`: a list is answered as it was so many seconds ago."""

    method: str
    service: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    scope: Scope = NOBODY
    lag: float = 0.0

    def one(self, name: str, default: str = "") -> str:
        """A parameter of the query that may be there once; of several the last counts."""
        values = self.query.get(name)
        return values[-1] if values else default

    def part(self, name: str) -> Json:
        """What the body has under the resource's name, as `{"network": {...}}`. Raises Refused."""
        inner = self.body.get(name) if isinstance(self.body, dict) else None
        if not isinstance(inner, dict):
            raise Refused(400, f"Unable to find '{name}' in request body")
        return inner


@dataclass(slots=True)
class Answer:
    """What a service answers; `body` is a text where something before the service answers in its place, None for none
    at all."""

    status: int
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An error of a service. `kind` is its type where the service names one (Neutron)."""

    def __init__(self, status: int, message: str, kind: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.headers = status, message, kind, dict(headers or {})


def not_found(message: str, kind: str = "") -> Refused:
    """404."""
    return Refused(404, message, kind)


def conflict(message: str, kind: str = "") -> Refused:
    """409."""
    return Refused(409, message, kind)


def bad_request(message: str, kind: str = "") -> Refused:
    """400."""
    return Refused(400, message, kind)
