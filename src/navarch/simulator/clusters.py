"""The add-ons' contract on simulated clusters."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from navarch.addons import catalogue
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
from navarch.charts.objects import key_of
from navarch.charts.rendering import Found, Lookup
from navarch.domain.catalogue import Item
from navarch.domain.errors import NavarchError, Temporary
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode
from navarch.simulator import inside
from navarch.simulator.controllers import Login
from navarch.simulator.guests import Guests
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.nodes import NodeState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KubeCall:
    """One call to a cluster's Kubernetes API."""

    verb: str
    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class KubeFault:
    """What befalls a call; `done`: it had its effect nevertheless."""

    error: NavarchError
    done: bool = False


def _nothing(call: KubeCall) -> None:
    return None


class SimulatedClusters:
    """Keeps `addons.contract.Addons`. Safe to call from threads: each call is whole."""

    def __init__(
        self,
        guests: Guests,
        *,
        strike: Callable[[KubeCall], KubeFault | None] = _nothing,
        pause: Callable[[KubeCall], None] = _nothing,
    ) -> None:
        self._guests, self._strike, self._pause = guests, strike, pause

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        """What would be applied now."""
        return digests_of(inputs)

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        """Server-side apply."""
        login = Login.of(inputs.cloud_files.get("cloud.conf", ""))
        self.put(access, name, dict(digests_of(inputs))[name], version_of(inputs, name), login)

    def put(self, access: Access, name: str, digest: str, version: str, login: Login) -> None:
        """Have an add-on there as of this digest, with pods of this version, and the controllers with this login."""

        def effect(cluster: Kubernetes) -> None:
            cluster.controllers.login = login
            cluster.apply(name, digest, version)

        self._call(KubeCall("apply", access.url, name), access, effect)

    def observe(self, access: Access, asks: Asks) -> KubeState:
        """Version, nodes, add-ons, and what else is asked."""
        return self._call(
            KubeCall("observe", access.url),
            access,
            lambda cluster: KubeState(
                cluster.version,
                cluster.node_list(evictions=asks.evictions),
                cluster.addon_list(),
                cluster.member_list() if asks.etcd else None,
                () if asks.survey else None,
                cluster.pods_seen() if asks.pods else None,
                tuple(its for its in asks.revoked if its in cluster.refused),
                cluster.clock().replace(microsecond=0),
                cluster.chosen_list((name for name, _ in asks.chosen), asks.complaints),
            ),
        )

    def pods_wait(self, access: Access) -> bool:
        """Whether a pod has no node."""
        return self._call(KubeCall("glance", access.url), access, lambda cluster: bool(cluster.pods_seen().waiting))

    def count_pods(self, access: Access) -> int | None:
        """How many there are, wherever they are."""
        return self._call(KubeCall("count", access.url), access, lambda cluster: len(cluster.pods.shown()))

    def served(self, access: Access) -> Discovery:
        """What Helm takes for granted."""
        return Discovery("", ())

    def answer(self, access: Access, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
        """Nothing is there."""
        return tuple(Found(lookup, ()) for lookup in lookups)

    def install(self, access: Access, wanted: Installation, note: Callable[[tuple[Item, ...]], None]) -> Installing:
        """Make all objects at once."""
        items = items_of(wanted)
        note(items)
        self.put_in(access, wanted.name)
        return Installing(items)

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        """Remove all objects at once."""
        self.take_out(access, removal.name)
        return ()

    def test(self, access: Access, trial: Trial, note: Callable[[tuple[Item, ...]], None]) -> str:
        """Tests pass at once."""
        return self._call(KubeCall("test", access.url, trial.name), access, lambda cluster: "")

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Figures:
        """As if the add-on had measured all the time."""
        call = KubeCall("figures", access.url, source.service)
        return self._call(call, access, lambda cluster: inside.figures(cluster, source, span, until))

    def workloads(self, access: Access, namespace: str) -> Workloads:
        """What users deployed, and what clusters have anyway."""
        return self._call(
            KubeCall("workloads", access.url), access, lambda cluster: inside.workloads(cluster, namespace)
        )

    def put_in(self, access: Access, name: str) -> None:
        """Have a chosen add-on there."""
        self._call(KubeCall("install", access.url, name), access, lambda cluster: cluster.install(name))

    def take_out(self, access: Access, name: str) -> None:
        """Have it gone."""
        self._call(KubeCall("uninstall", access.url, name), access, lambda cluster: cluster.chosen.pop(name, None))

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        """Cordon and evict."""
        return self._call(KubeCall("drain", access.url, node), access, lambda cluster: cluster.drain(node, evict=evict))

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool = False) -> datetime | None:
        """Note that a node is empty."""

        def effect(cluster: Kubernetes) -> datetime | None:
            there = cluster.nodes.get(node)
            return there.note_drained(at, withdraw=withdraw) if there is not None else None

        return self._call(KubeCall("note drained", access.url, node), access, effect)

    def uncordon(self, access: Access, node: str) -> None:
        """Let pods onto a node again."""
        self._change("uncordon", access, node, NodeState.uncordon)

    def mark_node(self, access: Access, step: MarkNode) -> None:
        """Change labels and taints."""
        self._change("mark", access, step.name, lambda there: there.mark(step))

    def revoke(self, access: Access, ids: Sequence[str]) -> bool:
        """Refuse these kubeconfigs."""
        return self._call(KubeCall("revoke", access.url), access, lambda cluster: cluster.revoke(ids))

    def remove_member(self, access: Access, member_id: str) -> None:
        """Take a member out of etcd."""
        call = KubeCall("remove member", access.url, member_id)
        self._call(call, access, lambda cluster: cluster.remove_member(member_id))

    def delete_node(self, access: Access, node: str) -> None:
        """Remove a node object."""
        self._call(KubeCall("delete", access.url, node), access, lambda cluster: cluster.nodes.pop(node, None))

    def give_up_node(self, access: Access, node: str) -> None:
        """Remove the node object of a machine that is gone."""
        self._call(KubeCall("give up", access.url, node), access, lambda cluster: cluster.nodes.pop(node, None))

    def tell_pods(self, access: Access, events: tuple[PodEvent, ...]) -> None:
        """Write Events of pods."""
        self._call(KubeCall("tell pods", access.url), access, lambda cluster: cluster.pods.told.extend(events))

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        """Simulated kubelets renew nothing: they do not live for months."""
        return ()

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        """There is none."""

    def _change(self, verb: str, access: Access, node: str, effect: Callable[[NodeState], None]) -> None:
        """Change a node that is there."""

        def change(cluster: Kubernetes) -> None:
            there = cluster.nodes.get(node)
            if there is not None:
                effect(there)

        self._call(KubeCall(verb, access.url, node), access, change)

    def _call(self, call: KubeCall, access: Access, effect: Callable[[Kubernetes], T]) -> T:
        self._pause(call)
        strike = self._strike(call)
        if strike is not None and not strike.done:
            raise strike.error
        with self._guests.region.lock:
            answer = effect(self._at(access))
        if strike is not None:
            raise strike.error
        return answer

    def _at(self, access: Access) -> Kubernetes:
        """Whose API answers there."""
        address = access.url.removeprefix("https://").rpartition(":")[0]
        cluster = self._guests.cluster_at(address)
        if cluster is not None:
            if cluster.ca != access.ca:
                raise Temporary(f"{access.url}: certificate signed by unknown authority")
            return cluster
        raise Temporary(
            f"the Kubernetes API at {access.url} does not answer", reason="KubernetesNotAnswering", after=2.0
        )


def items_of(wanted: Installation) -> tuple[Item, ...]:
    """The inventory of an add-on whose objects are all there."""
    keys = (key_of(made) for made in wanted.objects)
    return tuple(Item(k.group, k.kind, k.namespace, k.name, "v1", "simulated", uid=str(k)) for k in keys)


def version_of(inputs: Inputs, name: str) -> str:
    """What the pods of an add-on run, of the release that is wanted; empty where it has none."""
    component = next(iter(catalogue.package(name).components.values()), "")
    return inputs.cluster.spec.release.tags.get(component, "").removeprefix("v")


def digests_of(inputs: Inputs) -> tuple[tuple[str, str], ...]:
    """(name, digest) of each add-on, as `Addons.digests` gives them."""
    releases = {inputs.cluster.spec.release, *(holder.release for holder in inputs.holders)}
    components = sorted({tuple(sorted(release.tags.items())) for release in releases})
    said = (components, inputs.api_address, inputs.mtu, sorted(inputs.cloud_files.items()))
    digest = hashlib.sha256(repr(said).encode()).hexdigest()[:16]
    return tuple((name, digest) for name in catalogue.names())
