"""The add-ons' contract kept by a simulator in another process; and its census."""

import socket
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

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
from navarch.addons.kinds import Discovery
from navarch.charts.rendering import Found, Lookup
from navarch.domain.catalogue import Item
from navarch.domain.errors import Temporary
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode
from navarch.simulator import wire
from navarch.simulator.clusters import digests_of, items_of, version_of
from navarch.simulator.controllers import Login
from navarch.simulator.pods import PodShown, Workload
from navarch.simulator.wire import Answer, Call, Census, Door

A = TypeVar("A", bound=Answer)
_ANSWER_SECONDS = 30.0


class Simulator:
    """The way to one: `place` is host:port or the path of a Unix socket. Safe to use from threads, each of which has a
    connection of its own, made when first needed and again after it broke."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._mine = threading.local()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def ask(self, call: Call, answer: type[A]) -> A:
        """One call. Raises what the simulator refused with, and Temporary where it does not answer."""
        try:
            said = wire.answer_in(self._exchange(wire.packed(wire.Asked(call))))
        except OSError as error:
            self._drop()
            raise Temporary(f"the simulator at {self._place} does not answer: {error}") from error
        if isinstance(said, wire.Refused):
            raise wire.raised(said)
        assert isinstance(said, answer)  # noqa: S101 - both ends are of one version
        return said

    def census(self) -> Census:
        """What is in the region."""
        return self.ask(wire.TakeCensus(), Census)

    def deploy(self, cluster_id: str, workload: Workload) -> None:
        """Have a cluster's users make a Deployment, or scale it. Raises Permanent where one of the name has other pods,
        Temporary while the cluster has no Kubernetes."""
        self.ask(wire.Deploy(cluster_id, workload), wire.Nothing)

    def want(self, cluster_id: str, *, service: str = "", claim: str = "") -> None:
        """Have a cluster's users make a Service with a balancer, or a claim with its volume. Raises Temporary while the
        cluster has no Kubernetes."""
        self.ask(wire.Want(cluster_id, service, claim), wire.Nothing)

    def complain(self, cluster_id: str, addon: str, said: str) -> None:
        """Have an add-on's programs complain, or be well again. Raises Temporary while it has no Kubernetes."""
        self.ask(wire.Complain(cluster_id, addon, said), wire.Nothing)

    def pods(self, cluster_id: str) -> tuple[PodShown, ...]:
        """The pods of a cluster's users. Raises Temporary while it has no Kubernetes."""
        return self.ask(wire.ShowPods(cluster_id), wire.PodList).pods

    def first_call(self, cluster_id: str, since: datetime) -> datetime | None:
        """When the cloud was first asked about a cluster after `since`; None: not yet."""
        return self.ask(wire.FirstCall(cluster_id, since), wire.Moment).at

    def meet_faults(self, share: float, *, slow: str = "", slow_seconds: float = 0.0, away: str = "") -> None:
        """Have the region's services fail like this from now on; see `openstack.faults.Misfortunes`."""
        self.ask(wire.MeetFaults(share, slow, slow_seconds, away), wire.Nothing)

    def close(self) -> None:
        """Let every connection go. No thread may be in a call."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _exchange(self, message: bytes) -> bytes:
        connection: socket.socket | None = getattr(self._mine, "connection", None)
        if connection is None or connection.fileno() < 0:
            connection = self._mine.connection = wire.connect(self._place, _ANSWER_SECONDS)
            with self._lock:
                self._open.add(connection)
        connection.sendall(message)
        (length,) = wire.LENGTH.unpack(_received(connection, wire.LENGTH.size))
        return _received(connection, length)

    def _drop(self) -> None:
        """Let this thread's connection go: an answer that comes late must not be taken for another's."""
        connection: socket.socket | None = getattr(self._mine, "connection", None)
        self._mine.connection = None
        if connection is not None:
            with self._lock:
                self._open.discard(connection)
            connection.close()


class SimulatedClustersClient:
    """Keeps `addons.contract.Addons`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        """See the contract."""
        return digests_of(inputs)

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        """See the contract."""
        digest, login = dict(digests_of(inputs))[name], Login.of(inputs.cloud_files.get("cloud.conf", ""))
        self._simulator.ask(wire.Apply(_door(access), name, digest, version_of(inputs, name), login), wire.Nothing)

    def observe(self, access: Access, asks: Asks) -> KubeState:
        """See the contract."""
        return self._simulator.ask(wire.ObserveKube(_door(access), asks), KubeState)

    def pods_wait(self, access: Access) -> bool:
        """See the contract."""
        return self._simulator.ask(wire.AskPods(_door(access)), wire.Heeded).now

    def count_pods(self, access: Access) -> int | None:
        """See the contract."""
        return self._simulator.ask(wire.CountPods(_door(access)), wire.Count).number

    def served(self, access: Access) -> Discovery:
        """See the contract."""
        return Discovery("", ())

    def answer(self, access: Access, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
        """See the contract. Nothing is there."""
        return tuple(Found(lookup, ()) for lookup in lookups)

    def install(self, access: Access, wanted: Installation, note: Callable[[tuple[Item, ...]], None]) -> Installing:
        """See the contract."""
        items = items_of(wanted)
        note(items)
        self._simulator.ask(wire.Install(_door(access), wanted.name), wire.Nothing)
        return Installing(items)

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        """See the contract. Hooks end at once, and well."""
        self._simulator.ask(wire.Uninstall(_door(access), removal.name), wire.Nothing)
        return ()

    def test(self, access: Access, trial: Trial, note: Callable[[tuple[Item, ...]], None]) -> str:
        """See the contract. They pass."""
        self._simulator.ask(
            wire.ObserveKube(_door(access), Asks()), KubeState
        )  # a cluster that does not answer says so
        return ""

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Figures:
        """See the contract."""
        return self._simulator.ask(wire.AskFigures(_door(access), source, span, until), Figures)

    def workloads(self, access: Access, namespace: str) -> Workloads:
        """See the contract."""
        return self._simulator.ask(wire.AskWorkloads(_door(access), namespace), Workloads)

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        """See the contract."""
        return self._simulator.ask(wire.Drain(_door(access), node, evict), wire.Drained).waits

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool = False) -> datetime | None:
        """See the contract."""
        return self._simulator.ask(wire.NoteDrained(_door(access), node, at, withdraw), wire.Moment).at

    def uncordon(self, access: Access, node: str) -> None:
        """See the contract."""
        self._simulator.ask(wire.Uncordon(_door(access), node), wire.Nothing)

    def mark_node(self, access: Access, step: MarkNode) -> None:
        """See the contract."""
        self._simulator.ask(wire.Mark(_door(access), step), wire.Nothing)

    def revoke(self, access: Access, ids: Sequence[str]) -> bool:
        """See the contract."""
        return self._simulator.ask(wire.Revoke(_door(access), tuple(ids)), wire.Heeded).now

    def remove_member(self, access: Access, member_id: str) -> None:
        """See the contract."""
        self._simulator.ask(wire.RemoveMember(_door(access), member_id), wire.Nothing)

    def delete_node(self, access: Access, node: str) -> None:
        """See the contract."""
        self._simulator.ask(wire.DeleteNode(_door(access), node), wire.Nothing)

    def give_up_node(self, access: Access, node: str) -> None:
        """See the contract."""
        self._simulator.ask(wire.DeleteNode(_door(access), node), wire.Nothing)

    def tell_pods(self, access: Access, events: tuple[PodEvent, ...]) -> None:
        """See the contract."""
        self._simulator.ask(wire.TellPods(_door(access), events), wire.Nothing)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        """Simulated kubelets renew nothing: they do not live for months."""
        return ()

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        """There is none."""


def _door(access: Access) -> Door:
    return Door(access.url, access.ca)


def _received(connection: socket.socket, length: int) -> bytes:
    """So many bytes. Raises OSError where the other side ends before."""
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise ConnectionResetError("it closed the connection")
        parts += part
    return bytes(parts)
