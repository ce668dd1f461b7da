"""What a cluster's own controllers show to the cloud, and having it replaced; how long its authorities last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AUTHORITY_LIFETIME = timedelta(days=3650)
"""Of a cluster's three certificate authorities, from its making."""


class CredentialsState(StrEnum):
    """`renewing`: somebody asked for others, and the old ones may still be good."""

    CURRENT = "current"
    RENEWING = "renewing"


@dataclass(frozen=True, slots=True)
class Credentials:
    """`requested_at`: since when others are asked for; None: nobody asks. `renewed_at`: when they were last replaced;
    None: they are those that the cluster was made with."""

    requested_at: datetime | None = None
    renewed_at: datetime | None = None

    @property
    def state(self) -> CredentialsState:
        """In one word."""
        return CredentialsState.CURRENT if self.requested_at is None else CredentialsState.RENEWING


FIRST = Credentials()
"""Those that a cluster was made with."""
