"""What runs in a cluster, for people: Deployments, StatefulSets, DaemonSets, Jobs and Services, and why pods wait.

Read are these kinds, the names of namespaces, and of workloads that wait some pods. No Secret, no ConfigMap and no log
is read, and nothing of a container's environment is kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons import errors, foreign, health, held_up
from navarch.addons.connection import Connection
from navarch.addons.kinds import collection
from navarch.addons.parallel import at_once
from navarch.domain.insight import ServiceSeen, Workload, Workloads

Seen = Mapping[str, Any]
_KINDS = (
    ("Deployment", "apps", "deployments"),
    ("StatefulSet", "apps", "statefulsets"),
    ("DaemonSet", "apps", "daemonsets"),
    ("Job", "batch", "jobs"),
)
MOST, _PAGE = 500, 50
"""Workloads, and Services as well."""
_MOST_NAMESPACES, _MOST_ASKED, _MOST_IMAGES, _MOST_PORTS = 500, 20, 10, 20


def workloads(connection: Connection, namespace: str) -> Workloads:
    """Of one namespace; of all, where it is empty. Raises Temporary or Permanent."""
    with errors.understanding("workloads"):
        found: list[tuple[str, Seen]] = []
        left_out = 0
        for kind, group, resource in _KINDS:
            path = collection(group, "v1", resource, namespace)
            read = list(_listed(connection, path, MOST - len(found)))
            left_out += _others(connection, path, len(read)) if len(found) + len(read) == MOST else 0
            found += [(kind, {**its, "kind": kind}) for its in read]  # of a list, objects do not say what they are
        path = collection("", "v1", "services", namespace)
        services = list(_listed(connection, path, MOST))
        left_out += _others(connection, path, len(services)) if len(services) == MOST else 0
        made = [_service(its) for its in services]
        return Workloads(
            tuple(sorted(_all(connection, found), key=lambda w: (w.namespace, w.kind, w.name))),
            tuple(sorted(made, key=lambda s: (s.namespace, s.name))),
            _namespaces(connection),
            left_out,
        )


def _listed(connection: Connection, path: str, most: int) -> Iterator[Seen]:
    if most > 0:
        for place, its in enumerate(connection.list(path, page=_PAGE, pages=-(-most // _PAGE), whole=False)):
            if place == most:
                return
            yield its


def _others(connection: Connection, path: str, read: int) -> int:
    return max(0, (connection.count(path) or 0) - read)


def _namespaces(connection: Connection) -> tuple[str, ...]:
    listed = connection.list(
        "/api/v1/namespaces", page=100, pages=_MOST_NAMESPACES // 100, whole=False, metadata_only=True
    )
    return tuple(sorted(filter(None, (foreign.name(its["metadata"].get("name")) for its in listed))))


def _all(connection: Connection, found: list[tuple[str, Seen]]) -> list[Workload]:
    """`_MOST_ASKED` of those that wait are asked what for, one by one; the others say what they say of themselves."""
    waiting = [its for _, its in found if health.waiting(its)]
    said = at_once(lambda its: held_up.lacking(connection, its), waiting[:_MOST_ASKED])
    words = {id(its): text for its, text in zip(waiting, said, strict=False)}
    return [_workload(kind, its, words.get(id(its)) or health.waiting(its)) for kind, its in found]


def _workload(kind: str, seen: Seen, waits: str) -> Workload:
    spec, status, metadata = seen.get("spec") or {}, seen.get("status") or {}, seen["metadata"]
    pod = (spec.get("template") or {}).get("spec") or {}
    images = (foreign.text(c.get("image") or "", 200) for c in (pod.get("containers") or ())[:_MOST_IMAGES])
    ready, wanted = {
        "Deployment": (status.get("availableReplicas"), spec.get("replicas", 1)),
        "StatefulSet": (status.get("readyReplicas"), spec.get("replicas", 1)),
        "DaemonSet": (status.get("numberReady"), status.get("desiredNumberScheduled")),
        "Job": (status.get("succeeded"), spec.get("completions") or 1),
    }[kind]
    return Workload(
        foreign.name(metadata.get("namespace")),
        kind,
        foreign.name(metadata.get("name")),
        _count(ready),
        _count(wanted),
        tuple(filter(None, images)),
        foreign.moment(metadata.get("creationTimestamp")),
        (foreign.text(waits, 400),) if waits else (),
    )


def _service(seen: Seen) -> ServiceSeen:
    spec, status, metadata = seen.get("spec") or {}, seen.get("status") or {}, seen["metadata"]
    outside = ((status.get("loadBalancer") or {}).get("ingress") or ())[:_MOST_PORTS]
    addresses = [foreign.address(its) for its in (spec.get("clusterIPs") or ())[:2]]
    addresses += [foreign.address(its.get("ip")) or foreign.name(its.get("hostname")) for its in outside]
    addresses += [foreign.address(its) for its in (spec.get("externalIPs") or ())[:_MOST_PORTS]]
    addresses += [foreign.name(spec.get("externalName"))]
    ports = (f"{_count(p.get('port'))}/{foreign.text(p.get('protocol') or 'TCP', 8)}" for p in _ports(spec))
    return ServiceSeen(
        foreign.name(metadata.get("namespace")),
        foreign.name(metadata.get("name")),
        foreign.text(spec.get("type") or "ClusterIP", 20),
        tuple(filter(None, addresses)),
        tuple(ports),
        foreign.moment(metadata.get("creationTimestamp")),
    )


def _ports(spec: Seen) -> tuple[Seen, ...]:
    return tuple((spec.get("ports") or ())[:_MOST_PORTS])


def _count(said: object) -> int:
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**31 else 0
