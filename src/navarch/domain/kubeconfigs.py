"""Kubeconfigs that were issued: whose they are, until when, and whether they were revoked."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

GROUP_PREFIX = "navarch:kubeconfig:"
"""With a kubeconfig's id behind it: a group that its certificate alone has, by which API servers know it."""


class KubeconfigState(StrEnum):
    """`revoking`: somebody revoked it, and no API server was seen to refuse it yet."""

    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """What is known of one. The credential itself is kept nowhere. `groups` are those that it was asked for with;
    `refused_at`: when the cluster was first seen to refuse it."""

    id: str
    user_id: str
    user_name: str
    groups: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str = ""
    refused_at: datetime | None = None

    @property
    def state(self) -> KubeconfigState:
        """Where it is."""
        if self.revoked_at is None:
            return KubeconfigState.ACTIVE
        return KubeconfigState.REVOKING if self.refused_at is None else KubeconfigState.REVOKED
