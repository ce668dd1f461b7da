"""The way into clusters: `contract.Addons` on their real Kubernetes APIs."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType

from navarch.addons import (
    applying,
    catalogue,
    draining,
    errors,
    etcd,
    figures,
    hooks,
    installing,
    looking_up,
    nodes,
    observing,
    pods,
    revoking,
    signing,
    telling,
    uninstalling,
    workloads,
)
from navarch.addons.connection import Connection, Connections
from navarch.addons.contract import (
    Access,
    Asks,
    Draining,
    Inputs,
    Installation,
    Installing,
    PodEvent,
    Removal,
    ServingRequest,
    Trial,
)
from navarch.addons.discovery import discover
from navarch.addons.kinds import Discovery
from navarch.addons.rendering import Rendering
from navarch.charts.rendering import Found, Lookup, Renderer
from navarch.domain.catalogue import Item
from navarch.domain.errors import Temporary
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode

_GLANCE_SECONDS, _INSIDE_SECONDS, _LOOK_SECONDS, _CHANGE_SECONDS = 3.0, 10.0, 15.0, 60.0
"""The most that one call takes, however many requests it makes and whatever is answered to them."""


class KubernetesClusters:
    """Keeps `contract.Addons`. One per process: it holds the connections to the clusters it spoke to last. Safe to call
    from threads, which wait for their own clusters only."""

    def __init__(self, renderer: Renderer | None = None) -> None:
        """`renderer`: of add-ons that every cluster has, and of nothing else, so that no customer's chart takes its
        places; None: none of them can be applied."""
        self._connections = Connections()
        self._rendering = Rendering(renderer)

    def __enter__(self) -> "KubernetesClusters":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connections."""
        self._connections.close()

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        """See the contract. Raises Permanent where the node image lacks a component."""
        return tuple((name, catalogue.package(name).digest(inputs)) for name in catalogue.names())

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        """See the contract."""
        rendered = self._rendering.rendered(catalogue.package(name), inputs)
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            applying.apply(connection, rendered)

    def observe(self, access: Access, asks: Asks) -> KubeState:
        """See the contract."""
        with self._spoken_to(access, _LOOK_SECONDS) as connection:
            return observing.observe(connection, asks)

    def pods_wait(self, access: Access) -> bool:
        """See the contract."""
        with self._spoken_to(access, _GLANCE_SECONDS) as connection:
            return pods.some_wait(connection)

    def count_pods(self, access: Access) -> int | None:
        """See the contract."""
        with self._spoken_to(access, _GLANCE_SECONDS) as connection:
            return connection.count("/api/v1/pods")

    def served(self, access: Access) -> Discovery:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return discover(connection)

    def answer(self, access: Access, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return looking_up.answer(connection, lookups, served)

    def install(self, access: Access, wanted: Installation, note: Callable[[tuple[Item, ...]], None]) -> Installing:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return installing.install(connection, wanted, note)

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return uninstalling.uninstall(connection, removal, note)

    def test(self, access: Access, trial: Trial, note: Callable[[tuple[Item, ...]], None]) -> str:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return hooks.test(connection, trial, note)

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Figures:
        """See the contract."""
        with self._spoken_to(access, _INSIDE_SECONDS) as connection:
            return figures.figures(connection, source, span, until)

    def workloads(self, access: Access, namespace: str) -> Workloads:
        """See the contract."""
        with self._spoken_to(access, _INSIDE_SECONDS) as connection:
            return workloads.workloads(connection, namespace)

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return draining.drain(connection, node, evict=evict)

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool = False) -> datetime | None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return nodes.note_drained(connection, node, at, withdraw=withdraw)

    def uncordon(self, access: Access, node: str) -> None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            nodes.uncordon(connection, node)

    def mark_node(self, access: Access, step: MarkNode) -> None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            nodes.mark(connection, step)

    def revoke(self, access: Access, ids: Sequence[str]) -> bool:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            return revoking.revoke(connection, ids)

    def remove_member(self, access: Access, member_id: str) -> None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            etcd.remove(connection, member_id)

    def delete_node(self, access: Access, node: str) -> None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            connection.delete(f"/api/v1/nodes/{node}")

    def give_up_node(self, access: Access, node: str) -> None:
        """See the contract."""
        with self._spoken_to(access, _CHANGE_SECONDS) as connection:
            draining.give_up(connection, node)

    def tell_pods(self, access: Access, events: tuple[PodEvent, ...]) -> None:
        """See the contract."""
        with self._spoken_to(access, _LOOK_SECONDS) as connection:
            telling.tell(connection, events)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        """See the contract."""
        with self._spoken_to(access, _LOOK_SECONDS) as connection:
            return signing.pending(connection)

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        """See the contract."""
        with self._spoken_to(access, _LOOK_SECONDS) as connection:
            signing.decide(connection, name, objection)

    @contextmanager
    def _spoken_to(self, access: Access, seconds: float) -> Iterator[Connection]:
        """A cluster, for a call of this length at most. What is not understood of its answers raises Temporary."""
        with errors.understanding(access.url):
            try:
                yield self._connections.to(access).within(seconds)
            except (errors.Absent, errors.Disputed, errors.Exists, errors.Protected) as unforeseen:
                # Of an apply it is the kind that is missing: a definition or an API that is not served yet. Of all else
                # it is an answer that no Kubernetes gives.
                raise Temporary(str(unforeseen), reason=errors.NOT_ANSWERING, after=1.0) from unforeseen
