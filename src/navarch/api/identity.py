"""Who calls: the contract with an identity service. `keystone.KeystoneIdentity` keeps it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from navarch.api.access_rules import AccessRule
from navarch.domain.errors import NavarchError, Temporary


class Unauthenticated(NavarchError):
    """The token is missing, unknown, expired or revoked."""


class Refused(NavarchError):
    """The token is valid, but whoever holds it is let in nowhere, whatever its roles; the message says why."""


class IdentityUnavailable(Temporary):
    """The identity service does not answer, or does not let Navarch validate tokens."""

    def __init__(self, message: str, after: float = 5.0) -> None:
        super().__init__(message, reason="IdentityUnavailable", after=after)


@dataclass(frozen=True, slots=True)
class Caller:
    """A validated token. `project_id` is None for a token that is not scoped to a project. `access_rules`: the only
    requests that it may make; None: any."""

    user_id: str
    user_name: str
    project_id: str | None
    roles: tuple[str, ...]
    expires_at: datetime
    system_scope: bool = False
    is_admin_project: bool = True
    user_domain_id: str = ""
    project_domain_id: str = ""
    access_rules: tuple[AccessRule, ...] | None = None

    def credentials(self) -> dict[str, Any]:
        """As oslo.policy rules see it."""
        return {
            "user_id": self.user_id,
            "project_id": self.project_id,
            "roles": list(self.roles),
            "system_scope": "all" if self.system_scope else None,
            "is_admin_project": self.is_admin_project,
            "user_domain_id": self.user_domain_id,
            "project_domain_id": self.project_domain_id,
        }


class Identity(Protocol):
    """Validates tokens. Safe to call from threads; bounded in time.

    A cluster's own controllers have a Keystone user each, which acts in the customer's project by a trust. Whoever gets
    hold of one cluster's credentials must not be the project before Navarch: such tokens are refused.
    """

    def known(self, token: str) -> Caller | None:
        """Whose token it is; None: somebody has to be asked. Never waits. Raises Unauthenticated, Refused."""
        ...

    def met(self, token: str) -> bool:
        """Whether it was valid when it was last asked about, and has not ended since. Never waits."""
        ...

    def caller(self, token: str) -> Caller:
        """Whose token it is. Raises Unauthenticated, Refused, IdentityUnavailable."""
        ...
