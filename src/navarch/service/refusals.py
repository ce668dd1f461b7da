"""Why something that was asked is not done. Each API says it in its own way.

The store's own errors (NotFound, Stale, TooMany, IdempotencyMismatch, Unreadable, Unavailable) pass as they are.
"""

from navarch.domain.errors import FieldError, NavarchError, Temporary


class Rejected(NavarchError):
    """Base. `errors`: the fields that are the reason."""

    def __init__(self, message: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.errors = message, errors


class Invalid(Rejected):
    """The request can be read, and some of its fields are not acceptable: all of them are in `errors`."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("fields are not acceptable", errors)


class Missing(Rejected):
    """There is no such thing where the caller may look. The message is its kind."""


class InTheWay(Rejected):
    """It cannot be done in the state that things are in. `kind` is a stable word for a program; `after`: the seconds
    after which it may be, where that is known."""

    def __init__(
        self, kind: str, message: str, errors: tuple[FieldError, ...] = (), *, after: float | None = None
    ) -> None:
        super().__init__(message, errors)
        self.kind, self.after = kind, after


class NotYet(Temporary):
    """Something that Navarch has to know first is not known yet; `after` is in seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message, reason="NotYet", after=after)
