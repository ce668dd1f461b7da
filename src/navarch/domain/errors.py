"""Errors that cross rooms.

    NavarchError
    ├── Temporary          try again after `after` seconds; nothing a person must do yet
    │   └── Conflict       the object is busy or changed under us
    └── Permanent          trying again changes nothing until somebody acts: `reason`, `responsible` and `remedy` say
                           who and how

Foreign exceptions are mapped to these at one door each: `clouds.openstack.errors`, `addons.client`, `store.errors`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Responsible(StrEnum):
    """Who has to act before a condition can clear."""

    USER = "user"
    PROJECT_ADMIN = "project-admin"
    CLOUD_OPERATOR = "cloud-operator"
    NAVARCH_OPERATOR = "navarch-operator"


class NavarchError(Exception):
    """Base of all errors that Navarch raises on purpose."""


class Temporary(NavarchError):
    """A fault expected to pass. `reason` is a CamelCase word for the condition; `after` is in seconds."""

    def __init__(self, message: str, *, reason: str = "CloudNotAnswering", after: float = 5.0) -> None:
        super().__init__(message)
        self.message, self.reason, self.after = message, reason, after


class Conflict(Temporary):
    """The object is in use or being changed; look again soon."""

    def __init__(self, message: str, *, reason: str = "Conflict", after: float = 1.0) -> None:
        super().__init__(message, reason=reason, after=after)


class Permanent(NavarchError):
    """A fault that stays until somebody acts."""

    def __init__(self, message: str, *, reason: str, responsible: Responsible, remedy: str) -> None:
        super().__init__(message)
        self.message, self.reason, self.responsible, self.remedy = message, reason, responsible, remedy


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: `field` is a dotted path such as `spec.control_plane.replicas`."""

    field: str
    detail: str
