"""One look at a cluster: its version, and if that was answered, all the rest at the same time."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from navarch.addons import applying, catalogue, errors
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL
from navarch.domain.kube import Addon, KubeState, Node

Seen = Mapping[str, Any]


def observe(connection: Connection, pool: Executor) -> KubeState:
    """Version, nodes and the add-ons' state. Raises Temporary or Permanent."""
    # Alone and in the caller's own thread: an API that does not answer must not hold threads that all clusters share.
    version = connection.get("/version")["gitVersion"]
    reads: tuple[Callable[[], Any], ...] = (
        lambda: connection.get("/api/v1/nodes"),
        lambda: _notes(connection),
        lambda: connection.get(f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/deployments", labelSelector=ADDON_LABEL),
        lambda: connection.get(f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/daemonsets", labelSelector=ADDON_LABEL),
    )
    nodes, notes, deployments, daemon_sets = at_once(pool, lambda read: read(), reads)
    workloads = {
        **{("Deployment", w["metadata"]["name"]): w for w in deployments["items"]},
        **{("DaemonSet", w["metadata"]["name"]): w for w in daemon_sets["items"]},
    }
    return KubeState(
        version=version.removeprefix("v"),
        nodes=tuple(node(seen) for seen in nodes["items"]),
        addons=tuple(_addon(name, notes, workloads) for name in catalogue.names()),
    )


def node(seen: Seen) -> Node:
    """A node as Navarch sees it."""
    status = seen.get("status", {})
    conditions = {c["type"]: c["status"] for c in status.get("conditions", ())}
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    return Node(
        name=seen["metadata"]["name"],
        ready=conditions.get("Ready") == "True",
        unschedulable=bool(seen.get("spec", {}).get("unschedulable", False)),
        version=status.get("nodeInfo", {}).get("kubeletVersion", "").removeprefix("v"),
        address=addresses.get("InternalIP", ""),
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
    digest = notes.get(addon, "")
    if not digest:
        return Addon(addon, "", available=False, message="not applied")
    missing: list[str] = []
    for kind, name in catalogue.package(addon).workloads():
        seen = workloads.get((kind, name))
        missing.append(f"{name}: not there" if seen is None else shortfall(seen))
    message = "; ".join(filter(None, missing))
    return Addon(addon, digest, available=not message, message=message)


def _notes(connection: Connection) -> Mapping[str, str]:
    try:
        data: Mapping[str, str] = connection.get(applying.NOTES_PATH).get("data", {})
    except errors.Absent:
        return {}
    return data
