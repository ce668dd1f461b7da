"""CoreDNS: names inside the cluster. Three pods wherever there is to be more than one node: while a node is drained its
PodDisruptionBudget lets one of them go at a time, and two answer. They need two nodes, and so can be moved as long as
any two are there."""

from collections.abc import Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import CONTROL_PLANE_TAINT, Package
from navarch.addons.rendering import Object

_PODS = {"k8s-app": "kube-dns"}
_REPELLING = ("NoSchedule", "NoExecute")


def _values(inputs: Inputs) -> Mapping[str, Any]:
    return {
        "dns_address": inputs.cluster.spec.network.dns_address,
        "replicas": 3 if _places(inputs) > 1 else 2,
        "apart": _apart(strictly=_places(inputs) > 1),
        "tolerations": _tolerations(inputs),
    }


def _places(inputs: Inputs) -> int:
    """How many nodes the cluster is to have where an ordinary system pod may run."""
    workers = sum(
        group.spec.replicas
        for group in inputs.cluster.node_groups
        if not any(taint.effect in _REPELLING for taint in group.spec.taints)
    )
    return inputs.cluster.spec.control_plane.replicas + workers


def _apart(*, strictly: bool) -> Object:
    """Spread the pods over the nodes. Strictly wherever there is to be more than one node: the first node of a new
    cluster is ready before the others, and a mere preference would let it take all pods for good."""
    spread: Object = {
        "topologyKey": "kubernetes.io/hostname",
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _PODS},
        # Pods of one template: beside the last pods of the one before, the first of the next may be.
        "matchLabelKeys": ["pod-template-hash"],
        # A node that is drained takes none, and does not count as one that has none.
        "nodeTaintsPolicy": "Honor",
    }
    return {**spread, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2} if strictly else spread


def _tolerations(inputs: Inputs) -> list[Object]:
    tolerated: list[Object] = [
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"key": CONTROL_PLANE_TAINT, "effect": "NoSchedule"},
    ]
    spec = inputs.cluster.spec
    zones = {*spec.control_plane.zones, *(zone for group in inputs.cluster.node_groups for zone in group.spec.zones)}
    if len(zones) < 2:
        # In several zones the pods wait until the cloud controller has said which node is in which.
        taint = "node.cloudprovider.kubernetes.io/uninitialized"
        tolerated.append({"key": taint, "operator": "Exists", "effect": "NoSchedule"})
    return tolerated


ADDON = Package(__name__, after=("calico", "kube-proxy"), images={"coredns": "coredns"}, values=_values)
