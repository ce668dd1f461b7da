"""What is read of pods for autoscaling."""

from typing import Any

import pytest

from navarch.addons import pods
from navarch.domain.pods import (
    HostPort,
    NodeTerm,
    PodSelector,
    PodTerm,
    Requirement,
    Spread,
    Toleration,
)

WEB = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}
SELECTOR = PodSelector((Requirement("app", "In", ("web",)), Requirement("tier", "Exists")))


def pod(spec: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, **(metadata or {})},
        "spec": {"schedulerName": "default-scheduler", "containers": [], **(spec or {})},
        "status": status,
    }


UNSCHEDULABLE: dict[str, Any] = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


class Cluster:
    """Answers lists, and notes what was asked for."""

    def __init__(self, *waiting: dict[str, Any], placed: tuple[dict[str, Any], ...] = ()) -> None:
        self.asked: list[tuple[str, str]] = []
        self._waiting, self._placed = waiting, placed

    def count(self, path: str) -> int | None:
        return 3 + len(self._waiting) + len(self._placed)

    def list(self, path: str, **query: Any) -> Any:
        selector = query.get("fieldSelector", "")
        self.asked.append((path.rpartition("/")[2], selector))
        if path.endswith("/pods"):
            return iter(self._waiting if "Pending" in selector else self._placed)
        if path.endswith("/namespaces"):
            return iter([{"metadata": {"name": n, "labels": {"team": t}}} for n, t in (("shop", "a"), ("lab", "b"))])
        if path.endswith("/poddisruptionbudgets"):
            budget = {"name": "web", "namespace": "shop"}
            return iter([{"metadata": budget, "spec": {"selector": WEB}, "status": {"disruptionsAllowed": 2}}])
        template = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "50m"}}}]}}
        return iter([{"metadata": {"namespace": "kube-system"}, "spec": {"template": template}}])


def seen(cluster: Cluster, *, all_of_them: bool = False) -> Any:
    return pods.seen(cluster, all_of_them=all_of_them)  # type: ignore[arg-type]


def test_where_no_pod_waits_one_request_is_all() -> None:
    cluster = Cluster()
    assert not seen(cluster).all
    assert cluster.asked == [("pods", "spec.nodeName=,status.phase=Pending")]


def test_whether_some_wait_is_one_request_for_the_metadata_of_one() -> None:
    class One(Cluster):
        def list(self, path: str, **query: Any) -> Any:
            assert (query["page"], query["pages"], query["metadata_only"]) == (1, 1, True)
            return super().list(path, **query)

    for waiting in ((), (pod(),)):
        cluster = One(*waiting)
        assert pods.some_wait(cluster) is bool(waiting)  # type: ignore[arg-type]
        assert cluster.asked == [("pods", "spec.nodeName=,status.phase=Pending")]


def test_where_one_waits_the_others_are_read_too() -> None:
    running = pod({"nodeName": "a"}, {"name": "web-2"}, phase="Running")
    ends = pod({"nodeName": "a"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"})
    done = pod({"nodeName": "a"}, phase="Succeeded")
    found = seen(Cluster(pod(**UNSCHEDULABLE), placed=(running, ends, done)))
    assert [p.name for p in found.waiting] == ["shop/web-1"]
    assert [(p.name, p.node) for p in found.placed] == [("shop/web-2", "a")]
    (budget,) = found.budgets
    assert (budget.allowed, budget.selector) == (2, SELECTOR)
    (daemon,) = found.daemons
    assert daemon.requests == (("cpu", 50),)
    assert Toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule") in daemon.tolerations
    assert seen(Cluster(), all_of_them=True).all


@pytest.mark.parametrize(
    "other",
    [
        pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
        pod(),
        pod({"schedulerName": "mine"}, **UNSCHEDULABLE),
        pod(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}, **UNSCHEDULABLE),
        pod(metadata={"ownerReferences": [{"kind": "DaemonSet", "controller": True}]}, **UNSCHEDULABLE),
    ],
)
def test_who_does_not_wait_for_a_machine(other: dict[str, Any]) -> None:
    assert seen(Cluster(other)).waiting == ()


def test_what_the_scheduler_asks() -> None:
    term = {"topologyKey": "zone", "labelSelector": WEB}
    spec = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
                }
            },
            "podAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{**term, "namespaceSelector": {}}],
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
            },
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{**term, "namespaces": ["x"]}]},
        },
        "topologySpreadConstraints": [
            {"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": WEB},
            {"topologyKey": "host", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"},
        ],
        "containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 1}]}],
    }
    shape = pods.pod_of(pod(spec)).shape
    assert shape.node_selector == (("disk", "fast"),)
    assert shape.node_terms == (NodeTerm((Requirement("a", "In", ("b",)),)),)
    assert shape.tolerations == (Toleration("gpu", "Exists"),)
    assert shape.near == (PodTerm("zone", SELECTOR, None),)
    assert shape.apart == (PodTerm("zone", SELECTOR, ("x",)),)
    assert shape.spreads == (Spread("zone", 2, SELECTOR),)
    assert shape.ports == (HostPort("TCP", "0.0.0.0", 8080),)
    assert shape.unsimulated == ()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"resourceClaims": [{"name": "gpu"}]}, "resource claims"),
        ({"schedulingGroup": {"podGroupName": "g"}}, "pods that are scheduled together"),
    ],
)
def test_what_is_not_reckoned_with_is_told(spec: dict[str, Any], told: str) -> None:
    assert pods.pod_of(pod(spec)).shape.unsimulated == (told,)


def test_a_selector_of_namespaces_is_looked_up_once() -> None:
    term = {"topologyKey": "zone", "labelSelector": WEB, "namespaceSelector": {"matchLabels": {"team": "b"}}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{**term, "namespaces": ["x"]}, term]}
    cluster = Cluster(pod({"affinity": {"podAntiAffinity": required}}, **UNSCHEDULABLE))
    (waiting,) = seen(cluster).waiting
    assert [term.namespaces for term in waiting.shape.apart] == [("x", "lab"), ("lab",)]
    assert [what for what, _ in cluster.asked].count("namespaces") == 1


def test_what_keeps_a_pod_where_it_is() -> None:
    prefix = "cluster-autoscaler.kubernetes.io/"
    disks = [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "hostPath": {"path": "/"}},
        {"name": "c", "emptyDir": {"medium": "Memory"}},
    ]

    def local(named: str) -> bool:
        annotations = {f"{prefix}safe-to-evict-local-volumes": named}
        return pods.pod_of(pod({"volumes": disks}, {"annotations": annotations})).local_storage

    assert local("") and local("a") and not local("a,b")
    assert not pods.pod_of(pod({"volumes": disks[2:]})).local_storage
    assert pods.pod_of(pod(metadata={"annotations": {f"{prefix}safe-to-evict": "false"}})).safe_to_evict is False
    assert pods.pod_of(pod()).safe_to_evict is None
    assert not pods.pod_of(pod()).controlled
    assert pods.pod_of(pod(metadata={"ownerReferences": [{"kind": "ReplicaSet", "controller": True}]})).controlled
    assert pods.pod_of(pod(nominatedNodeName="b", **UNSCHEDULABLE)).node == "b"
    assert pods.stays({f"{prefix}scale-down-disabled": "true"})
