"""The way into clusters: `contract.Addons` on their real Kubernetes APIs."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from navarch.addons import applying, catalogue, draining, errors, etcd, nodes, observing, signing
from navarch.addons.connection import Connections
from navarch.addons.contract import Access, Asks, Draining, Inputs, ServingRequest
from navarch.domain.errors import Temporary
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode


class KubernetesClusters:
    """Keeps `contract.Addons`. One per process: it holds `threads` threads, which all calls share, and the connections
    to the clusters it spoke to last. Safe to call from threads."""

    def __init__(self, *, threads: int = 16) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="kubernetes")
        self._connections = Connections()

    def __enter__(self) -> "KubernetesClusters":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads and drop the connections."""
        self._pool.shutdown()
        self._connections.close()

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        """See the contract. Raises Permanent where the node image lacks a component."""
        return tuple((name, catalogue.digest(catalogue.rendered(inputs, name))) for name in catalogue.wanted(inputs))

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        """See the contract."""
        try:
            applying.apply(self._connections.to(access), self._pool, catalogue.rendered(inputs, name))
        except errors.Absent as absent:
            # Of an apply it is the kind that is missing: a definition or an API that the server does not serve yet.
            raise Temporary(str(absent), reason=errors.NOT_ANSWERING, after=1.0) from absent

    def observe(self, access: Access, asks: Asks) -> KubeState:
        """See the contract."""
        return observing.observe(self._connections.to(access), self._pool, asks)

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        """See the contract."""
        return draining.drain(self._connections.to(access), self._pool, node, evict=evict)

    def note_drained(self, access: Access, node: str) -> None:
        """See the contract."""
        nodes.note_drained(self._connections.to(access), node)

    def uncordon(self, access: Access, node: str) -> None:
        """See the contract."""
        nodes.uncordon(self._connections.to(access), node)

    def mark_node(self, access: Access, step: MarkNode) -> None:
        """See the contract."""
        connection = self._connections.to(access)
        nodes.mark(connection, step.name, dict(step.labels), step.taints, step.lost_labels, step.lost_taints)

    def remove_member(self, access: Access, member_id: str) -> None:
        """See the contract."""
        etcd.remove(self._connections.to(access), member_id)

    def delete_node(self, access: Access, node: str) -> None:
        """See the contract."""
        self._connections.to(access).delete(f"/api/v1/nodes/{node}")

    def give_up_node(self, access: Access, node: str) -> None:
        """See the contract."""
        draining.give_up(self._connections.to(access), self._pool, node)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        """See the contract."""
        return signing.pending(self._connections.to(access))

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        """See the contract."""
        signing.decide(self._connections.to(access), name, objection)
