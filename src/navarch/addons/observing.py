"""One look at a cluster: its version, and if that was answered, all the rest at the same time."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from navarch.addons import applying, catalogue, draining, errors, etcd, nodes
from navarch.addons.connection import Connection
from navarch.addons.contract import Asks
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.kube import Addon, EtcdMember, KubeState, Node
from navarch.domain.spec import Taint

Seen = Mapping[str, Any]


def observe(connection: Connection, pool: Executor, asks: Asks) -> KubeState:
    """Version, nodes, the add-ons' state, and what else is asked. Raises Temporary or Permanent."""
    # Alone and in the caller's own thread: an API that does not answer must not hold threads that all clusters share.
    version = connection.get("/version")["gitVersion"]
    reads: tuple[Callable[[], Any], ...] = (
        lambda: connection.get("/api/v1/nodes"),
        lambda: _notes(connection),
        lambda: connection.get(f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/deployments", labelSelector=ADDON_LABEL),
        lambda: connection.get(f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/daemonsets", labelSelector=ADDON_LABEL),
        lambda: _members(connection) if asks.etcd else None,
        lambda: _evictions(connection) if asks.evictions else None,
    )
    listed, notes, deployments, daemon_sets, members, evictions = at_once(pool, lambda read: read(), reads)
    workloads = {
        **{("Deployment", w["metadata"]["name"]): w for w in deployments["items"]},
        **{("DaemonSet", w["metadata"]["name"]): w for w in daemon_sets["items"]},
    }
    return KubeState(
        version=version.removeprefix("v"),
        nodes=tuple(node(seen, evictions) for seen in listed["items"]),
        addons=tuple(_addon(name, notes, workloads) for name in catalogue.names()),
        etcd=members,
    )


def node(seen: Seen, evictions: Mapping[str, int] | None = None) -> Node:
    """A node as Navarch sees it. `evictions`: how many pods would have to be moved, by node; None: not asked."""
    metadata, spec, status = seen["metadata"], seen.get("spec", {}), seen.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    ready, mark = conditions.get("Ready", {}), metadata.get("annotations", {}).get(nodes.CORDONED, "")
    return Node(
        name=metadata["name"],
        ready=ready.get("status") == "True",
        unschedulable=bool(spec.get("unschedulable", False)),
        version=status.get("nodeInfo", {}).get("kubeletVersion", "").removeprefix("v"),
        address=addresses.get("InternalIP", ""),
        since=_time(ready.get("lastTransitionTime")),
        troubles=tuple(
            (type_, _time(c.get("lastTransitionTime")))
            for type_, c in sorted(conditions.items())
            if type_ != "Ready" and c["status"] == "True"
        ),
        labels=tuple(sorted(metadata.get("labels", {}).items())),
        taints=tuple(Taint(t["key"], t["effect"], t.get("value", "")) for t in spec.get("taints", ())),
        cordoned=bool(mark),
        drained=mark == nodes.DRAINED,
        evictions=None if evictions is None else evictions.get(metadata["name"], 0),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _members(connection: Connection) -> tuple[EtcdMember, ...] | None:
    """etcd's members; None where nobody can be asked: all else is worth knowing without them."""
    try:
        return etcd.members(connection)
    except (Temporary, Permanent):
        return None


def _evictions(connection: Connection) -> Mapping[str, int]:
    pods = connection.get("/api/v1/pods", fieldSelector="spec.nodeName!=")["items"]
    return Counter(pod["spec"]["nodeName"] for pod in pods if draining.moves(pod))


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
