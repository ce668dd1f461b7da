"""The add-on prometheus on a real cluster: a user's ServiceMonitor in a namespace of theirs is scraped, their rule
raises an alert that reaches a webhook, the data outlives the pod, and all of it is gone without traces."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from demo.stack import HOST
from demo.steps import until
from tests.e2e.catalogue import ADDONS, addon, check_images, lose_the_pod, of_the_server, offered, remove_all, volume_of
from tests.e2e.clusters import Cluster
from tests.e2e.test_alerting import until as until_heard
from tests.e2e.test_alerting import webhook
from tests.e2e.test_monitoring import CONTROL_PLANE_JOBS

from navarch_images import entries

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1200)]

NAME = "prometheus"
PROXY = f"/api/v1/namespaces/{NAME}/services/{NAME}:9090/proxy"
MEMORY = f'sum(container_memory_working_set_bytes{{namespace="{NAME}", container!=""}})'
OWN = 'node_time_seconds{job="mine", namespace="mine"}'
JOBS = {"monitoring", "apiserver", "kubelet", "cadvisor", "node", "kube-state-metrics", "coredns"} | CONTROL_PLANE_JOBS


def ask(one: Cluster, query: str, at: float | None = None) -> list[Any]:
    """What it answers to a query of PromQL; nothing while it does not answer."""
    when = f"&time={at:.0f}" if at is not None else ""
    said = one.kubectl.run("get", "--raw", f"{PROXY}/api/v1/query?query={quote(query)}{when}", check=False)
    return json.loads(said)["data"]["result"] if said else []


def users_own() -> list[dict[str, Any]]:
    """A namespace with a program that measures itself, what says that it is to be measured, and a rule about it."""
    (image,) = (f"{r}@{d}" for r, d in entries.named_by(ADDONS / NAME).items() if "node-exporter" in r)
    labels = {"app": "mine"}
    program = {
        "name": "c",
        "image": image,
        "args": ["--collector.disable-defaults", "--collector.time"],
        "ports": [{"name": "http", "containerPort": 9100}],
        "securityContext": {"runAsUser": 65534, "runAsNonRoot": True},
    }
    rule = {"alert": "Mine", "expr": 'node_time_seconds{namespace="mine"} > 0', "labels": {"severity": "warning"}}
    made: list[tuple[str, str, dict[str, Any]]] = [
        ("v1", "Pod", {"containers": [program]}),
        ("v1", "Service", {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}),
        (
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            {"selector": {"matchLabels": labels}, "endpoints": [{"port": "http", "interval": "5s"}]},
        ),
        ("monitoring.coreos.com/v1", "PrometheusRule", {"groups": [{"name": "mine", "rules": [rule]}]}),
    ]
    metadata = {"name": "mine", "namespace": "mine", "labels": labels}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}
    return [space, *({"apiVersion": v, "kind": k, "metadata": metadata, "spec": spec} for v, k, spec in made)]


def test_a_users_monitor_is_scraped_their_alert_is_told_and_nothing_is_left(one: Cluster, tmp_path: Path) -> None:
    with webhook(HOST) as (hook, heard), offered(one, NAME):
        values = tmp_path / "values.yaml"
        values.write_text(json.dumps({"interval": "5s", "alerts": {"webhook": hook, "labels": {"cluster": one.name}}}))
        one.customer.must("addon", "install", NAME, "-c", one.name, "-f", str(values), timeout=900)
        assert addon(one, NAME)["status"]["phase"] == "Ready"
        check_images(one, NAME)
        for made in users_own():
            one.kubectl.run("apply", "-f", "-", stdin=json.dumps(made))
        until(
            "the user's own is gathered",
            lambda: ask(one, 'node_time_seconds{job="mine", namespace="mine"}'),
            seconds=180,
        )
        told = until_heard(heard, lambda: None, "Mine", "firing")
        assert (told["labels"]["cluster"], told["labels"]["namespace"]) == (one.name, "mine")
        everything_is_gathered(one)
        before = time.time()
        assert ask(one, 'up{job="apiserver"}', before)
        volume = volume_of(one, NAME)
        lose_the_pod(one, NAME)
        until("it answers", lambda: ask(one, 'up{job="apiserver"}', before), seconds=120)
        assert volume_of(one, NAME) == volume
        one.kubectl.run("delete", "namespace", "mine")
        remove_all(one, NAME)
        assert one.kubectl.run("get", "crd", "-l", f"navarch.io/chosen-addon={NAME}", "-o", "name") == ""
        assert "monitoring.coreos.com" not in one.kubectl.run("api-versions")
    of_the_server(one, "catalogue", "remove", NAME, "1.1.0")


def everything_is_gathered(one: Cluster) -> None:
    """Every job has its targets, and all of them answer."""
    nodes, workers = set(one.nodes()), one.workers()

    def gathered() -> bool:
        jobs = {s["metric"]["job"]: s["value"][1] for s in ask(one, "min by (job) (up)")}
        return (
            set(jobs) >= JOBS
            and set(jobs.values()) == {"1"}
            and {s["metric"]["node"] for s in ask(one, 'up{job="kubelet"}')} == nodes
            and {s["metric"]["node"] for s in ask(one, "node_load1")} == workers
            and {s["metric"]["node"] for s in ask(one, 'up{job="etcd"}')} == nodes - workers
        )

    until("everything is gathered", gathered, seconds=180)
    (memory,) = ask(one, MEMORY)
    print(f"memory of all pods: {float(memory['value'][1]) / 2**20:.0f} MiB")
    assert float(memory["value"][1]) < 600 * 2**20
