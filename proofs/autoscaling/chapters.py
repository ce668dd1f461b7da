"""What is done on the lab, chapter by chapter. Each has a cluster of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.request import urlopen

from demo.customer import Kubectl
from demo.steps import until
from tests.e2e.clusters import Cluster

from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import FLAVOR, LIMIT, Scene

_ZONES = ("--zone", "z1", "--zone", "z2")
_IMAGE = "registry.navarch.internal/sample-web:1"
_SOON_IDLE = ("--unneeded", "60s")
_ASKED_WITHIN = 10.0  # seconds, from a pod that cannot be placed until a machine is asked for
_AFTER_GROWTH = 600.0  # nothing goes sooner after machines were asked for


def load(scene: Scene, results: Results) -> None:
    """A HorizontalPodAutoscaler on an application in two zones, under requests: pods come, pods bring machines; the
    requests end, pods and machines go. The limits are changed meanwhile, and taken away at the end."""
    with scene.cluster("proof-load", "--workers", "1", "--zone", "z1") as cluster:
        named = ("elastic", "-c", cluster.name)
        scene.navarch("nodegroup", "create", *named, "--autoscaling", "1-4", *_ZONES, "--flavor", FLAVOR, *_SOON_IDLE)
        address = scene.web(cluster)
        _request(cluster.kubectl, "web", "600m")
        _apply(cluster.kubectl, _horizontal("web", most=4))
        with _asking(address):
            grown = _seconds(scene, "three machines of the group", lambda: len(cluster.workers("elastic")) >= 3)
            results.at_most("from load to three machines", grown, "s")
            _seconds(scene, "no pod waits", lambda: not _waiting(cluster.kubectl))
        zones = set(_zones(cluster, "elastic"))
        results.holds("machines are in both zones", zones == {"z1", "z2"}, zones)
        _asked(results, cluster)
        shrunk = _seconds(
            scene, "one machine is left", lambda: len(cluster.workers("elastic")) == 1, _AFTER_GROWTH + LIMIT
        )
        results.at_most("from the end of the load to one machine", shrunk, "s", _AFTER_GROWTH + 300)
        scene.navarch("nodegroup", "update", *named, "--min", "2")
        _seconds(scene, "a new lower limit brings a machine", lambda: len(cluster.workers("elastic")) == 2)
        scene.navarch("nodegroup", "update", *named, "--unset", "autoscaling", "--wait")
        there = cluster.workers("elastic")
        results.holds("the number stays when the limits go", len(there) == 2, there)


def claim(scene: Scene, results: Results) -> None:
    """A group without machines, and a pod with a claim: the first machine comes for it; the pod goes and comes, and a
    machine comes where the volume is."""
    with scene.cluster("proof-claim", "--workers", "1", "--zone", "z1") as cluster:
        scene.navarch(
            *("nodegroup", "create", "data", "-c", cluster.name, "--autoscaling", "0-2", "--flavor", FLAVOR),
            *(*_ZONES, "--label", "tier=data", *_SOON_IDLE),
        )
        kubectl = cluster.kubectl
        _apply(kubectl, _claim("data"), _deployment("db", "100m", claim="data", tier="data"))
        _seconds(scene, "its machine is there", lambda: len(cluster.workers("data")) == 1)
        _seconds(scene, "the pod runs", lambda: _running(kubectl, "db") == 1)
        _asked(results, cluster)
        zone = _zones(cluster, "data")
        kubectl.run("scale", "deployment/db", "--replicas=0")
        _seconds(scene, "its machine is gone", lambda: not cluster.workers("data"), _AFTER_GROWTH + LIMIT)
        kubectl.run("scale", "deployment/db", "--replicas=1")
        _seconds(scene, "the pod runs again", lambda: _running(kubectl, "db") == 1)
        again = _zones(cluster, "data")
        results.holds("the second machine is where the volume is, and the only one", again == zone, (zone, again))


def quota(scene: Scene, results: Results) -> None:
    """Pods ask for more than the project may have: that is told with the remedy, and passes by itself once there is
    room."""
    with scene.cluster("proof-quota", "--workers", "1", "--zone", "z1") as cluster:
        scene.navarch("nodegroup", "update", "default", "-c", cluster.name, "--autoscaling", "1-2", *_SOON_IDLE)
        admin, project = scene.customer.stack.lab.connect("admin"), cluster.cloud.current_project_id
        before = admin.compute.get_quota_set(project).instances
        admin.compute.update_quota_set(project, instances=len(list(cluster.cloud.compute.servers())))
        try:
            _apply(cluster.kubectl, _deployment("web", "600m", replicas=2))
            _seconds(scene, "the group says why it does not grow", lambda: "uota" in _backoff(cluster), 120.0)
            results.says("what is told", _backoff(cluster))
        finally:
            admin.compute.update_quota_set(project, instances=before)
        cleared = _seconds(scene, "a machine is there, and no pod waits", lambda: _running(cluster.kubectl, "web") == 2)
        results.at_most("from the quota to the pod", cleared, "s", 600.0)


CHAPTERS = {"load": load, "claim": claim, "quota": quota}


def _seconds(scene: Scene, what: str, so: Any, limit: float = LIMIT) -> float:
    """How long it took."""
    began = monotonic()
    with scene.tell.step(what):
        until(what, so, seconds=limit, every=1)
    return monotonic() - began


def _asked(results: Results, cluster: Cluster) -> None:
    """Of each pod that brought a machine, the time from its condition to the event."""
    pods = {p["metadata"]["uid"]: p for p in cluster.kubectl.get("pods", "-A")["items"]}
    slowest = 0.0
    for event in cluster.kubectl.get("events", "-A", "--field-selector", "reason=TriggeredScaleUp")["items"]:
        pod = pods.get(event["involvedObject"]["uid"])
        if pod is not None:
            asked, created = (
                datetime.fromisoformat(t) for t in (event["firstTimestamp"], pod["metadata"]["creationTimestamp"])
            )
            slowest = max(slowest, (asked - created).total_seconds())
    results.at_most("from a pod to the machine that it brings, the slowest", slowest, "s", _ASKED_WITHIN)


def _zones(cluster: Cluster, group: str) -> list[str]:
    return [m["zone"] for m in cluster.api.machines(cluster.name) if m["group"] == group]


def _backoff(cluster: Cluster) -> str:
    said = cluster.api.node_group(cluster.name, "default")["status"]["autoscaling"]
    return str((said or {}).get("backoff") or "")


def _waiting(kubectl: Kubectl) -> list[Any]:
    found: list[Any] = kubectl.get("pods", "-A", "--field-selector", "status.phase=Pending")["items"]
    return found


def _running(kubectl: Kubectl, name: str) -> int:
    return int(kubectl.get("deployment", name)["status"].get("readyReplicas", 0))


def _request(kubectl: Kubectl, name: str, cpu: str) -> None:
    kubectl.run("set", "resources", f"deployment/{name}", "-n", "shop", f"--requests=cpu={cpu},memory=32Mi")


def _apply(kubectl: Kubectl, *made: Any) -> None:
    kubectl.run("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))


def _horizontal(name: str, *, most: int) -> Any:
    """More pods from three percent of what they ask for, so that a few requests are a load."""
    target = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 3}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": most,
            "metrics": [target],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
    }


def _claim(name: str) -> Any:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def _deployment(name: str, cpu: str, *, replicas: int = 1, claim: str = "", tier: str = "") -> Any:
    container: dict[str, Any] = {
        "name": "web",
        "image": _IMAGE,
        "resources": {"requests": {"cpu": cpu, "memory": "32Mi"}},
    }
    container["env"] = [{"name": "POD_NAME", "value": name}, {"name": "NODE_NAME", "value": "any"}]
    spec: dict[str, Any] = {"containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    if tier:
        spec["nodeSelector"] = {"tier": tier}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


@contextmanager
def _asking(address: str, *, clients: int = 4) -> Iterator[None]:
    """So many ask an application without a pause, until the end of the block."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                urlopen(f"http://{address}/", timeout=5).read()
            except OSError:
                ended.wait(0.2)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
