"""What the API asks of the store about what clusters have in their cloud."""

from typing import Protocol

from navarch.domain.inventory import Inventory


class Inventories(Protocol):
    """Part of `contract.ApiStore`."""

    def inventory(self, cluster_id: str, *, max_age: float | None = None, wait: float = 0.0) -> Inventory | None:
        """What the cluster has in its cloud, as a worker saw it last; None: none has looked yet. `max_age` (seconds):
        where that was longer ago, a worker is asked to look, and waited for up to `wait` seconds; whoever it was that
        looked last counts then."""
        ...
