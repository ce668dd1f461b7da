"""One look at a cluster: its version, and if that was answered, all the rest at the same time."""

from collections.abc import Callable, Mapping
from typing import Any

from navarch.addons import applying, catalogue, errors, foreign
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL
from navarch.domain.kube import Addon, KubeState, Node

Seen = Mapping[str, Any]
_NODES_A_PAGE, _MOST_NODES = 50, 1000


def observe(connection: Connection) -> KubeState:
    """Version, nodes and the add-ons' state. Raises Temporary or Permanent."""
    # First and alone: where nobody answers, one request finds out.
    version = foreign.version(connection.get("/version").get("gitVersion"))
    if not version:
        raise errors.no_kubernetes("GET /version", "it names no version")
    reads: tuple[Callable[[], Any], ...] = (
        lambda: _nodes(connection),
        lambda: _notes(connection),
        lambda: _workloads(connection, "deployments"),
        lambda: _workloads(connection, "daemonsets"),
    )
    nodes, notes, deployments, daemon_sets = at_once(lambda read: read(), reads)
    workloads = {
        **{("Deployment", name): seen for name, seen in deployments.items()},
        **{("DaemonSet", name): seen for name, seen in daemon_sets.items()},
    }
    return KubeState(
        version=version, nodes=nodes, addons=tuple(_addon(name, notes, workloads) for name in catalogue.names())
    )


def node(seen: Seen) -> Node:
    """A node as Navarch sees it."""
    status = seen.get("status", {})
    conditions = {c["type"]: c["status"] for c in status.get("conditions", ())}
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    return Node(
        name=foreign.name(seen["metadata"]["name"]),
        ready=conditions.get("Ready") == "True",
        unschedulable=bool(seen.get("spec", {}).get("unschedulable", False)),
        version=foreign.version(status.get("nodeInfo", {}).get("kubeletVersion")),
        address=foreign.address(addresses.get("InternalIP")),
    )


def shortfall(workload: Seen) -> str:
    """What a Deployment or DaemonSet lacks, in words; empty where it has all it wants."""
    status = workload.get("status", {})
    current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    name = workload["metadata"]["name"]
    if not current:
        return f"{name}: not looked at yet"
    if "replicas" in workload.get("spec", {}):
        wanted = workload["spec"]["replicas"]
        have = min(status.get("availableReplicas", 0), status.get("updatedReplicas", 0))
        return "" if have >= wanted else f"{name}: {have} of {wanted} replicas available"
    wanted = status.get("desiredNumberScheduled", 0)
    have = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
    # Each of ours has a place on some node of any cluster: wanting none means that no node is there yet.
    if not wanted:
        return f"{name}: no node yet"
    return "" if have >= wanted else f"{name}: ready on {have} of {wanted} nodes"


def _addon(addon: str, notes: Mapping[str, str], workloads: Mapping[tuple[str, str], Seen]) -> Addon:
    digest = foreign.text(notes.get(addon, ""), 100)
    if not digest:
        return Addon(addon, "", available=False, message="not applied")
    missing: list[str] = []
    for kind, name in catalogue.package(addon).workloads():
        seen = workloads.get((kind, name))
        missing.append(f"{name}: not there" if seen is None else shortfall(seen))
    message = foreign.text("; ".join(filter(None, missing)))
    return Addon(addon, digest, available=not message, message=message)


def _nodes(connection: Connection) -> tuple[Node, ...]:
    """All nodes. Of more than Navarch could have made, none is believed to be missing: the look fails."""
    seen = connection.list("/api/v1/nodes", page=_NODES_A_PAGE, pages=_MOST_NODES // _NODES_A_PAGE)
    return tuple(made for made in map(node, seen) if made.name)


def _workloads(connection: Connection, plural: str) -> Mapping[str, Seen]:
    """The add-ons' Deployments or DaemonSets by name. There are a dozen; what others mark as ours may hide them."""
    path = f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/{plural}"
    listed = connection.list(path, page=100, pages=1, whole=False, labelSelector=ADDON_LABEL)
    return {seen["metadata"]["name"]: seen for seen in listed}


def _notes(connection: Connection) -> Mapping[str, str]:
    try:
        data: Mapping[str, str] = connection.get(applying.NOTES_PATH).get("data", {})
    except errors.Absent:
        return {}
    return data
