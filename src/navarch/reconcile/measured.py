"""Calls to clusters' Kubernetes APIs, with how long they take and how they end."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from navarch.addons.contract import (
    Access,
    Addons,
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
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode
from navarch.reconcile.metrics import WorkerMetrics


class MeasuredAddons:
    """Keeps `addons.contract.Addons` by handing every call on to `addons`, and tells `metrics` how long it took."""

    def __init__(self, addons: Addons, metrics: WorkerMetrics) -> None:
        self._addons, self._metrics = addons, metrics

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        return self._addons.digests(inputs)  # pure: no call

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        with self._metrics.kubernetes_call("apply"):
            self._addons.apply(access, inputs, name)

    def observe(self, access: Access, asks: Asks) -> KubeState:
        with self._metrics.kubernetes_call("observe"):
            return self._addons.observe(access, asks)

    def pods_wait(self, access: Access) -> bool:
        with self._metrics.kubernetes_call("pods-wait"):
            return self._addons.pods_wait(access)

    def count_pods(self, access: Access) -> int | None:
        with self._metrics.kubernetes_call("count-pods"):
            return self._addons.count_pods(access)

    def served(self, access: Access) -> Discovery:
        with self._metrics.kubernetes_call("served"):
            return self._addons.served(access)

    def answer(self, access: Access, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
        with self._metrics.kubernetes_call("answer"):
            return self._addons.answer(access, lookups, served)

    def install(self, access: Access, wanted: Installation, note: Callable[[tuple[Item, ...]], None]) -> Installing:
        with self._metrics.kubernetes_call("install"):
            return self._addons.install(access, wanted, note)

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        with self._metrics.kubernetes_call("uninstall"):
            return self._addons.uninstall(access, removal, note)

    def test(self, access: Access, trial: Trial, note: Callable[[tuple[Item, ...]], None]) -> str:
        with self._metrics.kubernetes_call("test"):
            return self._addons.test(access, trial, note)

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Figures:
        with self._metrics.kubernetes_call("figures"):
            return self._addons.figures(access, source, span, until)

    def workloads(self, access: Access, namespace: str) -> Workloads:
        with self._metrics.kubernetes_call("workloads"):
            return self._addons.workloads(access, namespace)

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        with self._metrics.kubernetes_call("drain"):
            return self._addons.drain(access, node, evict=evict)

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool = False) -> datetime | None:
        with self._metrics.kubernetes_call("note-drained"):
            return self._addons.note_drained(access, node, at, withdraw=withdraw)

    def uncordon(self, access: Access, node: str) -> None:
        with self._metrics.kubernetes_call("uncordon"):
            self._addons.uncordon(access, node)

    def mark_node(self, access: Access, step: MarkNode) -> None:
        with self._metrics.kubernetes_call("mark-node"):
            self._addons.mark_node(access, step)

    def revoke(self, access: Access, ids: Sequence[str]) -> bool:
        with self._metrics.kubernetes_call("revoke"):
            return self._addons.revoke(access, ids)

    def remove_member(self, access: Access, member_id: str) -> None:
        with self._metrics.kubernetes_call("remove-member"):
            self._addons.remove_member(access, member_id)

    def delete_node(self, access: Access, node: str) -> None:
        with self._metrics.kubernetes_call("delete-node"):
            self._addons.delete_node(access, node)

    def give_up_node(self, access: Access, node: str) -> None:
        with self._metrics.kubernetes_call("give-up-node"):
            self._addons.give_up_node(access, node)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        with self._metrics.kubernetes_call("serving-requests"):
            return self._addons.serving_requests(access)

    def tell_pods(self, access: Access, events: tuple[PodEvent, ...]) -> None:
        with self._metrics.kubernetes_call("tell-pods"):
            self._addons.tell_pods(access, events)

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        with self._metrics.kubernetes_call("decide-serving-request"):
            self._addons.decide_serving_request(access, name, objection)


def _keeps_the_contract(addons: MeasuredAddons) -> Addons:
    return addons  # mypy's proof that no method is missing or differs
