"""What is asked of the store about the credentials of clusters' controllers; parts of `contract.ApiStore` and
`contract.WorkerStore`."""

from datetime import datetime
from typing import Protocol

from navarch.domain.credentials import Credentials
from navarch.domain.status import Event


class CredentialStore(Protocol):
    """The API's part."""

    def credentials(self, cluster_id: str) -> Credentials:
        """What is known of a cluster's. Raises NotFound."""
        ...

    def request_credentials(self, cluster_id: str, event: Event, *, request_id: str | None = None) -> Credentials:
        """Write down that somebody asked for others at the event's time, with the event, and have the cluster looked at
        now; while they are asked for, asking again changes nothing. Raises NotFound."""
        ...


class RenewedCredentials(Protocol):
    """The worker's part. Whether others are asked for comes with the claim."""

    def reseal(self, cluster_id: str, token: int, name: str, content: bytes) -> None:
        """Keep a secret in the place of what was kept under the name. Raises LeaseLost."""
        ...

    def note_renewed_credentials(self, cluster_id: str, token: int, at: datetime) -> None:
        """Write down that they were replaced, and nobody asks for others. Raises LeaseLost."""
        ...
