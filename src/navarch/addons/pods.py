"""A cluster's pods as autoscaling needs them. What is read is bounded: 5000 pods that wait, 10,000 in all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from navarch.addons import claims, draining, errors, foreign, requests
from navarch.addons.connection import Connection
from navarch.addons.selectors import node_terms, pairs, safe, selector_of
from navarch.domain.pods import (
    Amounts,
    Budget,
    HostPort,
    Pod,
    PodSelector,
    PodShape,
    PodsSeen,
    PodTerm,
    Spread,
    Toleration,
)

Seen = Mapping[str, Any]
_PODS_A_PAGE, _MOST_WAITING, _MOST_PODS, _MOST_OTHERS = 100, 5000, 10_000, 1000
_MOST_OF_A_POD = 100  # of each: labels, terms, volumes, ports
_WAIT = "spec.nodeName=,status.phase=Pending"  # for a node; or for somebody who lets them be scheduled
_PREFIX = "cluster-autoscaler.kubernetes.io/"
_STAYS_ON_NODE = f"{_PREFIX}scale-down-disabled"
_TRUE, _FALSE = "true", "false"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_DAEMON_TOLERATIONS = tuple(  # which the DaemonSet controller gives each of its pods
    Toleration(f"node.kubernetes.io/{key}", "Exists", "", effect)
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
)


def some_wait(connection: Connection) -> bool:
    """Whether a pod has no node. Raises Temporary or Permanent."""
    with errors.understanding("GET /api/v1/pods"):
        listed = connection.list("/api/v1/pods", page=1, pages=1, whole=False, metadata_only=True, fieldSelector=_WAIT)
        return any(True for _ in listed)


def seen(connection: Connection, *, all_of_them: bool) -> PodsSeen:
    """The pods that wait; if there are any, or all are asked for, the others, too. Raises Temporary or Permanent."""
    with errors.understanding("GET /api/v1/pods"):
        namespaces = _Namespaces(connection)
        waiting = [
            (made, claims.uses_of(pod))
            for pod in connection.list(
                "/api/v1/pods",
                page=_PODS_A_PAGE,
                pages=_MOST_WAITING // _PODS_A_PAGE,
                whole=False,
                fieldSelector=_WAIT,
            )
            if _waits(pod) and (made := pod_of(pod, namespaces)).moves
        ]
        if not waiting and not all_of_them:
            return PodsSeen()
        count = connection.count("/api/v1/pods")
        pages = _MOST_PODS // _PODS_A_PAGE
        listed = connection.list("/api/v1/pods", page=_PODS_A_PAGE, pages=pages, fieldSelector="spec.nodeName!=")
        placed = [(pod_of(pod, namespaces), claims.uses_of(pod)) for pod in listed if _takes_room(pod)]
        budgets = connection.list("/apis/policy/v1/poddisruptionbudgets", page=_PODS_A_PAGE, pages=_MOST_OTHERS // 100)
        daemons = connection.list("/apis/apps/v1/daemonsets", page=_PODS_A_PAGE, pages=_MOST_OTHERS // 100)
        with_claims = claims.with_claims(connection, waiting, placed)
        shapes: dict[PodShape, PodShape] = {}
        return PodsSeen(
            _sharing(with_claims.waiting, shapes),
            all=True,
            placed=_sharing(with_claims.placed, shapes),
            budgets=tuple(map(_budget, budgets)),
            daemons=tuple(map(_daemon, daemons)),
            volumes=with_claims.nodes,
            count=count,
        )


def _sharing(pods: tuple[Pod, ...], shapes: dict[PodShape, PodShape]) -> tuple[Pod, ...]:
    """The pods, with one and the same shape for those that are alike: there are thousands of pods and few shapes."""
    return tuple(replace(pod, shape=shapes.setdefault(pod.shape, pod.shape)) for pod in pods)


def stays(annotations: Seen) -> bool:
    """Whether a node's annotations keep autoscaling from taking it away."""
    return annotations.get(_STAYS_ON_NODE) == _TRUE


class _Namespaces:
    """The labels of a cluster's namespaces, read when they are first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def _labels(self) -> Mapping[str, Mapping[str, str]]:
        listed = self._connection.list("/api/v1/namespaces", page=_PODS_A_PAGE, pages=_MOST_PODS // _PODS_A_PAGE)
        return {safe(n["metadata"]["name"]): dict(pairs(n["metadata"].get("labels", {}))) for n in listed}

    def selected(self, selector: PodSelector) -> tuple[str, ...]:
        """Those with such labels. Raises Temporary or Permanent."""
        return tuple(sorted(name for name, labels in self._labels.items() if selector.matches(labels)))


def pod_of(pod: Seen, namespaces: "_Namespaces | None" = None) -> Pod:
    """A pod as Navarch sees it, but for its claims."""
    metadata, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    annotations = metadata.get("annotations", {})
    evictable = annotations.get(f"{_PREFIX}safe-to-evict")
    namespace = foreign.name(metadata.get("namespace"))
    node = spec.get("nodeName") or status.get("nominatedNodeName")
    return Pod(
        name=f"{namespace}/{foreign.name(metadata.get('name') or metadata.get('generateName'))}",
        shape=shape_of(namespace, metadata, spec, requests.of_pod(pod), namespaces),
        node=foreign.name(node),
        priority=int(spec.get("priority") or 0),
        moves=draining.moves(pod),
        controlled=any(owner.get("controller") for owner in metadata.get("ownerReferences", ())),
        local_storage=_has_local_storage(spec, annotations),
        uid=safe(metadata.get("uid", "")),
        safe_to_evict={_TRUE: True, _FALSE: False}.get(evictable),
    )


def shape_of(
    namespace: str, metadata: Seen, spec: Seen, asked: Amounts, namespaces: _Namespaces | None = None
) -> PodShape:
    """What the scheduler asks for a pod."""
    affinity = spec.get("affinity") or {}
    near = _required(affinity.get("podAffinity"))
    apart = _required(affinity.get("podAntiAffinity"))
    spreads = [s for s in spec.get("topologySpreadConstraints", ()) if s.get("whenUnsatisfiable") == "DoNotSchedule"]
    return PodShape(
        namespace=namespace,
        labels=pairs(metadata.get("labels", {})),
        requests=asked,
        node_selector=pairs(spec.get("nodeSelector", {})),
        node_terms=node_terms((affinity.get("nodeAffinity") or {}).get(_REQUIRED)),
        tolerations=tuple(_toleration(t) for t in spec.get("tolerations", ())[:_MOST_OF_A_POD]),
        near=tuple(_pod_term(t, namespace, namespaces) for t in near),
        apart=tuple(_pod_term(t, namespace, namespaces) for t in apart),
        spreads=tuple(_spread(s) for s in spreads[:_MOST_OF_A_POD]),
        ports=tuple(_ports(spec)),
        unsimulated=tuple(_unsimulated(spec)),
    )


def _waits(pod: Seen) -> bool:
    """Whether the usual scheduler found no node for it, and it is still to run."""
    if pod["metadata"].get("deletionTimestamp") or pod.get("spec", {}).get("schedulerName") != "default-scheduler":
        return False
    conditions = {c["type"]: c for c in pod.get("status", {}).get("conditions", ())}
    scheduled = conditions.get("PodScheduled", {})
    return (scheduled.get("status"), scheduled.get("reason")) == ("False", "Unschedulable")


def _takes_room(pod: Seen) -> bool:
    """Of one that is ending, the room counts as free: others are about to have it."""
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") and not pod["metadata"].get(
        "deletionTimestamp"
    )


def _has_local_storage(spec: Seen, annotations: Seen) -> bool:
    safe = set(str(annotations.get(f"{_PREFIX}safe-to-evict-local-volumes", "")).split(","))
    local = (
        volume["name"]
        for volume in spec.get("volumes", ())
        if "hostPath" in volume or ("emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory")
    )
    return any(name not in safe for name in local)


def _unsimulated(spec: Seen) -> Iterator[str]:
    """What a pod asks for that autoscaling does not reckon with: docs/guide/autoscaling.md lists it."""
    if spec.get("resourceClaims"):
        yield "resource claims"
    if spec.get("schedulingGroup") or spec.get("workloadRef"):
        yield "pods that are scheduled together"


def _budget(budget: Seen) -> Budget:
    metadata, status = budget["metadata"], budget.get("status", {})
    return Budget(
        foreign.name(metadata["name"]),
        foreign.name(metadata["namespace"]),
        selector_of(budget.get("spec", {}).get("selector")),
        int(status.get("disruptionsAllowed", 0)),
    )


def _daemon(daemon_set: Seen) -> PodShape:
    """The pod that a machine more would get."""
    template = daemon_set["spec"]["template"]
    spec = {**template.get("spec", {})}
    asked = requests.of_pod({"spec": spec})
    shape = shape_of(foreign.name(daemon_set["metadata"]["namespace"]), template.get("metadata", {}), spec, asked)
    return PodShape(
        shape.namespace,
        shape.labels,
        shape.requests,
        shape.node_selector,
        shape.node_terms,
        (*shape.tolerations, *_DAEMON_TOLERATIONS),
        ports=shape.ports,
    )


def _required(affinity: Seen | None) -> list[Seen]:
    terms = (affinity or {}).get(_REQUIRED) or []
    return list(terms[:_MOST_OF_A_POD])


def _pod_term(term: Seen, namespace: str, namespaces: _Namespaces | None) -> PodTerm:
    """The namespaces that a selector selects come beside those that are named; an empty one is all of them."""
    by_labels = selector_of(term.get("namespaceSelector"))
    named = tuple(safe(one) for one in term.get("namespaces") or ())
    if by_labels is None:
        within: tuple[str, ...] | None = named or (namespace,)
    elif not by_labels.requirements:
        within = None
    else:
        within = (*named, *(namespaces.selected(by_labels) if namespaces is not None else ()))
    return PodTerm(safe(term["topologyKey"]), selector_of(term.get("labelSelector")), within)


def _spread(spread: Seen) -> Spread:
    return Spread(
        safe(spread["topologyKey"]),
        int(spread["maxSkew"]),
        selector_of(spread.get("labelSelector")),
        int(spread.get("minDomains") or 1),
        honors_affinity=spread.get("nodeAffinityPolicy", "Honor") == "Honor",
        honors_taints=spread.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _toleration(said: Seen) -> Toleration:
    return Toleration(
        safe(said.get("key") or ""),
        safe(said.get("operator") or "Equal"),
        safe(said.get("value") or ""),
        safe(said.get("effect") or ""),
    )


def _ports(spec: Seen) -> Iterator[HostPort]:
    for container in spec.get("containers", ()):
        for port in container.get("ports", ())[:_MOST_OF_A_POD]:
            if port.get("hostPort"):
                address = safe(port.get("hostIP") or "0.0.0.0")  # noqa: S104 - what the API means by none
                yield HostPort(safe(port.get("protocol", "TCP")), address, int(port["hostPort"]))
