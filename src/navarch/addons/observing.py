"""One look at a cluster: its version, and if that was answered, all the rest at the same time."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from navarch.addons import (
    applying,
    catalogue,
    draining,
    errors,
    etcd,
    foreign,
    looking_over,
    nodes,
    placing,
    pods,
    requests,
    revoking,
    surveying,
)
from navarch.addons.connection import Connection
from navarch.addons.contract import Asks
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL
from navarch.domain.catalogue import ChosenSeen
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.kube import Addon, EtcdMember, KubeState, Node
from navarch.domain.names import COMPONENT_LABEL
from navarch.domain.pods import PodsSeen
from navarch.domain.spec import Taint

Seen = Mapping[str, Any]
_DEPLOYMENTS, _DAEMON_SETS = (
    f"/apis/apps/v1/namespaces/{applying.NAMESPACE}/{p}" for p in ("deployments", "daemonsets")
)
_NODES_A_PAGE, _MOST_NODES = 50, 1000
_PODS_A_PAGE, _MOST_PODS = 100, 10_000
_MOST_WORKLOADS = 100
_LONGEST_VERSION = 40  # characters
_MOST_OF_A_NODE = 200  # labels, taints, conditions: each


def observe(connection: Connection, asks: Asks) -> KubeState:
    """Version, nodes, the add-ons' state, and what else is asked. Raises Temporary or Permanent."""
    # First and alone: where nobody answers, one request finds out.
    version = foreign.version(connection.get("/version").get("gitVersion"))
    if not version:
        raise errors.no_kubernetes("GET /version", "it names no version")
    at, serving = connection.said_at, connection.serving
    reads: tuple[Callable[[], Any], ...] = (
        lambda: _nodes(connection),
        lambda: applying.read_notes(connection),
        lambda: _workloads(connection, _DEPLOYMENTS),
        lambda: _workloads(connection, _DAEMON_SETS),
        lambda: _members(connection) if asks.etcd else None,
        lambda: _evictions(connection) if asks.evictions else None,
        lambda: surveying.survey(connection) if asks.survey else None,
        lambda: _pods(connection, asks) if asks.pods else None,
        lambda: revoking.refused(connection, asks.revoked) if asks.revoked else (),
        lambda: _chosen(connection, asks, at or datetime.now(UTC)),
    )
    (found, notes, deployments, daemon_sets, members, evictions, obstacles, seen, refused, chosen) = at_once(
        lambda read: read(), reads
    )
    workloads = {**deployments, **daemon_sets}
    there = _there(connection, notes) if asks.survey else {}
    return KubeState(
        version=version,
        nodes=found if evictions is None else tuple(replace(n, evictions=evictions.get(n.name, 0)) for n in found),
        addons=tuple(_complete(_addon(name, notes, workloads, found), notes, there) for name in catalogue.names()),
        etcd=members,
        obstacles=obstacles,
        pods=seen,
        refused=refused,
        at=at,
        chosen=chosen,
        serving=serving,
    )


def node(seen: Seen) -> Node:
    """A node as Navarch sees it."""
    metadata, spec, status = seen["metadata"], seen.get("spec", {}), seen.get("status", {})
    conditions = {str(c["type"]): c for c in status.get("conditions", ())[:_MOST_OF_A_NODE]}
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    ready, annotations = conditions.get("Ready", {}), metadata.get("annotations", {})
    unschedulable = bool(spec.get("unschedulable", False))
    return Node(
        name=foreign.name(metadata["name"]),
        ready=ready.get("status") == "True",
        unschedulable=unschedulable,
        version=foreign.version(status.get("nodeInfo", {}).get("kubeletVersion")),
        address=foreign.address(addresses.get("InternalIP")),
        since=foreign.moment(ready.get("lastTransitionTime")),
        troubles=tuple(
            (foreign.text(type_), foreign.moment(c.get("lastTransitionTime")))
            for type_, c in sorted(conditions.items())
            if type_ != "Ready" and c["status"] == "True"
        ),
        labels=tuple(sorted(_labels(metadata.get("labels", {})))),
        taints=tuple(_taint(t) for t in spec.get("taints", ())[:_MOST_OF_A_NODE]),
        cordoned=unschedulable and nodes.CORDONED in annotations,
        drained=unschedulable and nodes.DRAINED in annotations,
        allocatable=requests.amounts(status.get("allocatable")),
        stays=pods.stays(annotations),
    )


def _labels(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((foreign.text(key), foreign.text(value)) for key, value in islice(said.items(), _MOST_OF_A_NODE))


def _taint(said: Mapping[str, str]) -> Taint:
    return Taint(foreign.text(said["key"]), foreign.text(said["effect"]), foreign.text(said.get("value", "")))


def _members(connection: Connection) -> tuple[EtcdMember, ...] | None:
    """etcd's members; None where nobody can be asked: all else is worth knowing without them."""
    try:
        return etcd.members(connection)
    except (Temporary, Permanent, errors.Absent):
        return None


def _evictions(connection: Connection) -> Mapping[str, int] | None:
    """How many pods would have to be moved off each node; None where they are too many to count."""
    try:
        listed = connection.list(
            "/api/v1/pods", page=_PODS_A_PAGE, pages=_MOST_PODS // _PODS_A_PAGE, fieldSelector="spec.nodeName!="
        )
        with errors.understanding("GET /api/v1/pods"):
            return Counter(foreign.name(pod["spec"]["nodeName"]) for pod in listed if draining.moves(pod))
    except (Temporary, Permanent, errors.Absent):
        return None


def _pods(connection: Connection, asks: Asks) -> PodsSeen | None:
    """For autoscaling; None where they are too many to be read: the rest is worth knowing without them."""
    try:
        return pods.seen(connection, all_of_them=asks.all_pods)
    except (Temporary, Permanent, errors.Absent):
        return None


def _chosen(connection: Connection, asks: Asks, now: datetime) -> tuple[ChosenSeen, ...]:
    """What became of chosen add-ons; nothing where that cannot be read: the rest is worth knowing without it."""
    try:
        seen = looking_over.look(connection, asks.chosen, asks.beside)
        return looking_over.listened(connection, seen, asks.complaints, now) if asks.complaints else seen
    except (Temporary, Permanent):
        return ()


def shortfall(deployment: Seen) -> str:
    """What a Deployment lacks, in words; empty where it has all it wants."""
    status, name = deployment.get("status", {}), deployment["metadata"]["name"]
    if not _looked_at(deployment):
        return f"{name}: not looked at yet"
    wanted = deployment["spec"]["replicas"]
    if _is_off(deployment):
        return f"{name}: scaled to 0 replicas"
    have = min(status.get("availableReplicas", 0), status.get("updatedReplicas", 0))
    return "" if have >= wanted else f"{name}: {have} of {wanted} replicas available"


def _is_off(deployment: Seen) -> bool:
    """Whether somebody scaled it to nothing: none of ours is made so."""
    return bool(deployment["spec"]["replicas"] == 0)


def shortfall_on_nodes(name: str, daemon_sets: Collection[Seen], found: Collection[Node]) -> str:
    """What one of the agents lacks that run on every node, in words: of its DaemonSets each is for the nodes that hold
    its images, and together they are for all nodes, or all of the control plane."""
    if not all(_looked_at(seen) for seen in daemon_sets):
        return f"{name}: not looked at yet"
    states = [seen.get("status", {}) for seen in daemon_sets]
    have = sum(min(s.get("numberReady", 0), s.get("updatedNumberScheduled", 0)) for s in states)
    places = max(len(_nodes_of(seen, found)) for seen in daemon_sets)
    wanted = max(sum(s.get("desiredNumberScheduled", 0) for s in states), places)
    # Each of ours has a place on some node of any cluster: wanting none means that no node is there yet.
    if not wanted:
        return f"{name}: no node yet"
    return "" if have >= wanted else f"{name}: ready on {have} of {wanted} nodes"


def _looked_at(workload: Seen) -> bool:
    """Whether its status is about what is wanted of it now."""
    seen: int = workload.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= workload["metadata"].get("generation", 0))


def _nodes_of(daemon_set: Seen, found: Collection[Node]) -> list[Node]:
    """The nodes that it is for, or another of its name: whatever images they hold."""
    asked = daemon_set.get("spec", {}).get("template", {}).get("spec", {}).get("nodeSelector", {})
    labels = {(key, value) for key, value in asked.items() if not key.startswith(COMPONENT_LABEL)}
    return [node for node in found if labels <= set(node.labels)] if asked else []


def _addon(addon: str, notes: Mapping[str, str], workloads: Mapping[str, Seen], found: Collection[Node]) -> Addon:
    digest = foreign.text(notes.get(addon, ""), 100)
    if not digest:
        return Addon(addon, "", available=False, message="not applied", on_nodes=False)
    agents: dict[str, list[Seen]] = {}
    told: list[str] = []
    undone = False  # by somebody: it is applied anew
    for path in applying.noted_objects(notes, addon):
        collection, _, name = path.rpartition("/")
        if collection not in (_DEPLOYMENTS, _DAEMON_SETS):
            continue
        seen = workloads.get(path)
        if seen is None:
            told.append(f"{name}: not there")
            undone |= len(workloads) < _MOST_WORKLOADS  # else those of others may hide it
        elif collection == _DEPLOYMENTS:
            told.append(shortfall(seen))
            undone |= _is_off(seen)
        else:
            agents.setdefault(seen["metadata"]["labels"].get(placing.AGENT_LABEL, name), []).append(seen)
    runs = bool(told or agents)
    version = ", ".join(sorted({*_versions(addon, workloads, applying.noted_objects(notes, addon))}))
    missing = [said for name, each in agents.items() if (said := shortfall_on_nodes(name, each, found))]
    message = foreign.text("; ".join(filter(None, (*told, *missing))))
    digest = "" if undone else digest
    return Addon(
        addon, digest, available=not message, message=message, on_nodes=not missing, runs=runs, version=version
    )


def _versions(addon: str, workloads: Mapping[str, Seen], paths: Collection[str]) -> Iterator[str]:
    """Tags of the image that gives an add-on its version, wherever it runs."""
    wanted = catalogue.package(addon).repository
    for path in paths:
        template = workloads.get(path, {}).get("spec", {}).get("template", {})
        for container in template.get("spec", {}).get("containers", ())[:_MOST_OF_A_NODE]:
            repository, _, tag = str(container.get("image", "")).rpartition(":")
            if repository == wanted:
                yield foreign.text(tag.removeprefix("v"), _LONGEST_VERSION)


def _complete(addon: Addon, notes: Mapping[str, str], there: Mapping[str, Collection[str]]) -> Addon:
    """An add-on of which an object was removed is as good as not applied. `there`: paths of all that there are in the
    collections that were read."""
    if not there:
        return addon
    noted = applying.noted_objects(notes, addon.name)
    gone = [path for path in noted if path not in there.get(path.rpartition("/")[0], noted)]
    if not gone:
        return addon
    message = "; ".join(f"{path.rpartition('/')[2]}: not there" for path in gone)
    return replace(addon, digest="", available=False, message=foreign.text(message))


def _there(connection: Connection, notes: Mapping[str, str]) -> Mapping[str, Collection[str]]:
    """Paths of all that there are in the collections that add-ons have objects in, by collection."""
    noted = {path.rpartition("/")[0] for name in catalogue.names() for path in applying.noted_objects(notes, name)}
    return surveying.there(connection, sorted(filter(_is_ours, noted)))


def _is_ours(collection: str) -> bool:
    """Whether add-ons have objects there: who writes on what is noted does not choose how many lists are read."""
    return "/namespaces/" not in collection or f"/namespaces/{applying.NAMESPACE}/" in collection


def _nodes(connection: Connection) -> tuple[Node, ...]:
    """All nodes. Of more than Navarch could have made, none is believed to be missing: the look fails."""
    seen = connection.list("/api/v1/nodes", page=_NODES_A_PAGE, pages=_MOST_NODES // _NODES_A_PAGE)
    return tuple(made for made in map(node, seen) if made.name)


def _workloads(connection: Connection, path: str) -> Mapping[str, Seen]:
    """The add-ons' Deployments or DaemonSets by path. There are a dozen; what others mark as ours may hide them."""
    listed = connection.list(path, page=_MOST_WORKLOADS, pages=1, whole=False, labelSelector=ADDON_LABEL)
    return {f"{path}/{seen['metadata']['name']}": seen for seen in listed}
