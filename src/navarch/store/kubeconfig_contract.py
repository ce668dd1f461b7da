"""What is asked of the store about kubeconfigs; parts of `contract.ApiStore` and `contract.WorkerStore`."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from navarch.domain.kubeconfigs import Kubeconfig
from navarch.domain.status import Event


class KubeconfigStore(Protocol):
    """The API's part. Kubeconfigs that have ended are not there any more."""

    def add_kubeconfig(self, cluster_id: str, kubeconfig: Kubeconfig, event: Event, *, most: int) -> None:
        """Write down one that is to be handed out, with its event. Raises NotFound, and TooMany where the cluster has
        `most` of them."""
        ...

    def kubeconfigs(self, cluster_id: str, *, now: datetime) -> tuple[Kubeconfig, ...]:
        """A cluster's, oldest first."""
        ...

    def kubeconfig(self, cluster_id: str, kubeconfig_id: str, *, now: datetime) -> Kubeconfig:
        """One of them. Raises NotFound."""
        ...

    def revoke_kubeconfig(
        self, cluster_id: str, kubeconfig_id: str, event: Event, *, by: str, request_id: str | None = None
    ) -> Kubeconfig:
        """Write down that somebody revoked it at the event's time, with the event, and have its cluster looked at now;
        revoking it again changes nothing. Raises NotFound."""
        ...


class RevokedKubeconfigs(Protocol):
    """The worker's part. Which were revoked comes with the claim."""

    def note_refused(self, cluster_id: str, token: int, ids: Collection[str], at: datetime) -> None:
        """Write down that the cluster refuses them from then on. Raises LeaseLost."""
        ...
