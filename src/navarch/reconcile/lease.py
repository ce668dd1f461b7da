"""Holding a cluster: what a worker may still do with it, by its own clock.

The store's token fences every write. OpenStack and Kubernetes know no token. So before each request to a cloud that
changes something, and before each step inside a cluster, the holder asks itself whether its lease can have ended: a
worker that was paused longer than that stops before it acts.
"""

from collections.abc import Callable
from threading import Lock

from navarch.store.contract import LeaseLost

LEASE = 20.0  # seconds; renewed while a cycle runs. What a dead worker held waits so long at most
# Seconds before its end from which a lease counts as lost. A request that was sent by then may go on for as long as
# `clouds.openstack.session` waits: what it still makes has the MAC address or the name by which a second one is found.
_MARGIN = 5.0


class Lease:
    """One claimed cluster. `elapsed` is a clock that never jumps; `since` what it said before the claim was asked for:
    the database's lease ends later than this one. Safe to use from threads."""

    def __init__(self, cluster_id: str, token: int, elapsed: Callable[[], float], since: float) -> None:
        self.cluster_id, self.token = cluster_id, token
        self._elapsed, self._until = elapsed, since + LEASE - _MARGIN
        self._lock = Lock()

    def renewed(self, since: float) -> None:
        """The store lengthened it; `since` as in `__init__`. One that had ended by then stays ended, even where
        nobody took the cluster meanwhile: its holder was away, and what it knows of the wish may be old."""
        with self._lock:
            if since < self._until:
                self._until = since + LEASE - _MARGIN

    def lose(self) -> None:
        """Another worker has it, or may have it from now on."""
        with self._lock:
            self._until = float("-inf")

    def check(self) -> None:
        """Raises LeaseLost where another worker may have the cluster."""
        with self._lock:
            held = self._elapsed() < self._until
        if not held:
            raise LeaseLost(f"the lease of cluster {self.cluster_id} may have ended: nothing more is done for it here")
