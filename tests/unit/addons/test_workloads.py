"""Workloads and Services as people are shown them: how many pods of how many, why they wait, and nothing secret."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.addons.hostile_server import HostileServer, Visit, hostile

from navarch.addons.client import KubernetesClusters
from navarch.domain.insight import Workloads

Lists = dict[str, list[Any]]
POD = {"spec": {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "PASSWORD", "value": "s3cret"}]}]}}


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Callable[..., tuple[Workloads, HostileServer]]]:
    with KubernetesClusters() as clusters:

        def looked(lists: Lists, namespace: str = "", remaining: int = 0) -> tuple[Workloads, HostileServer]:
            def answer(visit: Visit) -> None:
                asked = parse_qs(visit.query)
                kind, limit = visit.path.rpartition("/")[2], int(asked["limit"][0])
                begin = int(asked.get("continue", ["0"])[0])
                items = lists.get(kind, [])
                more = begin + limit < len(items) or (remaining and kind == "deployments")
                metadata: dict[str, Any] = {"continue": str(begin + limit) if more else ""}
                if more:
                    metadata["remainingItemCount"] = len(items) + remaining - limit
                visit.say(json.dumps({"metadata": metadata, "items": items[begin : begin + limit]}).encode())

            with hostile(answer, tmp_path) as server:
                return clusters.workloads(server.access, namespace), server

        yield looked


def made(name: str, spec: Any = None, status: Any = None, namespace: str = "shop", **more: Any) -> Any:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-30T12:00:00Z", "generation": 1}
    return {"metadata": metadata | more, "spec": {"template": POD} | (spec or {}), "status": status or {}}


def test_each_kind_says_how_many_of_its_pods_are_ready(look: Any) -> None:
    seen = {"observedGeneration": 1}
    on_two = seen | dict.fromkeys(("numberReady", "desiredNumberScheduled", "updatedNumberScheduled"), 2)
    complete = {"succeeded": 2, "conditions": [{"type": "Complete", "status": "True"}]}
    found, _ = look(
        {
            "deployments": [made("web", {"replicas": 3}, seen | {"availableReplicas": 3, "updatedReplicas": 3})],
            "statefulsets": [made("db", {"replicas": 1}, seen | {"readyReplicas": 0})],
            "daemonsets": [made("agent", None, on_two)],
            "jobs": [made("once", {"completions": 2}, complete)],
        }
    )
    assert {(w.kind, w.name, w.ready, w.wanted, w.waits) for w in found.workloads} == {
        ("Deployment", "web", 3, 3, ()),
        ("StatefulSet", "db", 0, 1, ("0 of 1 replicas ready",)),
        ("DaemonSet", "agent", 2, 2, ()),
        ("Job", "once", 2, 2, ()),
    }
    assert {w.images for w in found.workloads} == {("i:1",)}
    assert "s3cret" not in repr(found) and "PASSWORD" not in repr(found)


def test_what_waits_says_what_holds_its_pods_up(look: Any) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    pod = {
        "metadata": {"name": "web-1"},
        "status": {"containerStatuses": [{"name": "c", "image": "i:1", "state": waiting}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}
    found, server = look({"deployments": [made("web", spec, {"observedGeneration": 1})], "pods": [pod]})
    assert found.workloads[0].waits == ("0 of 1 replicas available; pod web-1: image i:1 cannot be pulled: not found",)
    read = {asked.split(" ")[1].partition("?")[0].rpartition("/")[2] for asked in server.asked}
    assert read == {"deployments", "statefulsets", "daemonsets", "jobs", "services", "namespaces", "pods"}


def test_five_hundred_are_read_and_the_others_counted(look: Any) -> None:
    ready = {"observedGeneration": 1, "availableReplicas": 1, "updatedReplicas": 1}
    lists = {"deployments": [made(f"web-{n}", None, ready) for n in range(600)], "jobs": [made("late")]}
    found, _ = look(lists, remaining=100)
    assert (len(found.workloads), found.left_out) == (500, 201)


def test_of_one_namespace_nothing_else_is_asked(look: Any) -> None:
    _, server = look({}, "shop")
    paths = [asked.split(" ")[1].partition("?")[0] for asked in server.asked]
    assert all("/namespaces/shop/" in path or path == "/api/v1/namespaces" for path in paths)


def test_services_say_where_they_are_reached(look: Any) -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    spec = {"type": "LoadBalancer", "clusterIPs": ["10.96.0.5"], "ports": ports}
    outside = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}, {"hostname": "lb.example.org"}, {"ip": "<b>"}]}}
    headless = {"clusterIPs": ["None"], "ports": []}
    found, _ = look({"services": [made("web", spec, outside), made("db", headless)]})
    assert [(s.name, s.type, s.addresses, s.ports) for s in found.services] == [
        ("db", "ClusterIP", (), ()),
        ("web", "LoadBalancer", ("10.96.0.5", "198.51.100.7", "lb.example.org"), ("80/TCP", "53/UDP")),
    ]


@pytest.mark.parametrize("count", [-1, True, "3", 10**30, None, 1.5])
def test_what_is_no_number_of_pods_is_none(count: Any, look: Any) -> None:
    found, _ = look({"daemonsets": [made("agent", None, {"numberReady": count})]})
    assert found.workloads[0].ready == 0
