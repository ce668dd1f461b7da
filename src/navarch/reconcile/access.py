"""The way into clusters: the worker's certificate for each, made anew before it ends."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from navarch.addons.contract import Access
from navarch.bootstrap.kubeconfig import SERVER_NAME, admin_access
from navarch.domain.infrastructure import Endpoint
from navarch.domain.machines import API_STARTS_IN
from navarch.domain.observed import Observed
from navarch.domain.spec import API_PORT, Cluster, Role
from navarch.reconcile.dependencies import Dependencies, read_password, read_secrets
from navarch.reconcile.remembered import Remembered

ACCESS_IS_RENEWED = timedelta(minutes=40)  # the worker's client certificate is good for an hour


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How a cluster's Kubernetes API is reached, and the password of the cluster's controllers, as it was renewed last
    at `renewed_at`."""

    api: Access
    password: str = field(repr=False)
    made_at: datetime
    renewed_at: datetime | None


class Keyring:
    """Makes access to clusters, and keeps it while it is good, whoever held the cluster since. Safe to use from
    threads."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._kept: Remembered[ClusterAccess] = Remembered()

    def __contains__(self, cluster_id: str) -> bool:
        return self._kept.get(cluster_id) is not None

    def access(self, cluster: Cluster, seen: Observed, endpoint: Endpoint) -> ClusterAccess | None:
        """The way into a cluster; None while its API cannot answer yet, or its keys were not made."""
        known = endpoint.internal_address and endpoint.public_address
        if cluster.deleting or not known or not _may_answer(seen):
            return None
        now, url = self._dependencies.clock.now(), f"https://{endpoint.public_address}:{API_PORT}"
        kept = self._kept.get(cluster.id)
        renewed_at = seen.record.credentials.renewed_at  # by another worker, since this one made its own
        is_good = kept is not None and (kept.api.url, kept.renewed_at) == (url, renewed_at)
        if kept is not None and is_good and now - kept.made_at <= ACCESS_IS_RENEWED:
            return kept
        secrets = read_secrets(self._dependencies, cluster.id)
        password = read_password(self._dependencies, cluster.id)
        if secrets is None or password is None:
            return None
        ca, certificate, private = admin_access(secrets, now)
        made = ClusterAccess(Access(url, ca, certificate, private, SERVER_NAME), password, now, renewed_at)
        self._kept.put(cluster.id, made)
        return made

    def forget(self, cluster_id: str) -> None:
        """Drop what is kept."""
        self._kept.drop(cluster_id)


def _may_answer(seen: Observed) -> bool:
    """Whether a machine of the control plane has come so far that its API server may run."""
    return any(
        m.role is Role.CONTROL_PLANE and any(report.step in API_STARTS_IN for report in m.boot)
        for m in seen.record.live
    )
