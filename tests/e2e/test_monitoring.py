"""The add-on monitoring on a real cluster: pulled by digest, asked, its data kept, upgraded, gone without traces."""

import json
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from demo.steps import until
from tests.e2e.catalogue import (
    ADDONS,
    addon,
    check_images,
    lose_the_pod,
    of_the_server,
    offered,
    remove_all,
    store_pod,
    volume_of,
)
from tests.e2e.clusters import Cluster

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

PROXY = "/api/v1/namespaces/monitoring/services/monitoring:8428/proxy"
MINE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mine", "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8428"}},
    "spec": {"selector": {"app.kubernetes.io/name": "monitoring"}, "ports": [{"name": "http", "port": 8428}]},
}
RULES = {"name": "mine", "rules": [{"alert": "Mine", "expr": "vector(1)"}]}
JOBS = {"monitoring", "apiserver", "kubelet", "cadvisor", "node", "services", "kube-state-metrics"}
CONTROL_PLANE_JOBS = {"etcd", "kube-scheduler", "kube-controller-manager", "cloud-controller-manager"}
MEMORY = 'sum(container_memory_working_set_bytes{namespace="monitoring", container!=""})'


def ask(one: Cluster, query: str, at: float | None = None) -> list[Any]:
    """What it answers to a query of PromQL; nothing while it does not answer."""
    when = f"&time={at:.0f}" if at is not None else ""
    said = one.kubectl.run("get", "--raw", f"{PROXY}/api/v1/query?query={quote(query)}{when}", check=False)
    return json.loads(said)["data"]["result"] if said else []


def found(one: Cluster, query: str, at: float | None = None) -> list[Any] | None:
    """The same, or None where there is nothing yet: to be waited for."""
    return ask(one, query, at) or None


def test_monitoring_is_installed_asked_upgraded_and_leaves_nothing(one: Cluster, tmp_path: Path) -> None:
    with offered(one, "monitoring"):
        values = tmp_path / "values.yaml"
        values.write_text(json.dumps({"interval": "5s", "alerts": {"rules": [RULES], "labels": {"cluster": one.name}}}))
        one.customer.must("addon", "install", "monitoring", "-c", one.name, "-f", str(values), timeout=900)
        assert addon(one, "monitoring")["status"]["phase"] == "Ready"
        check_images(one, "monitoring")
        everything_is_gathered(one)
        what_a_user_says_of_their_own_is_gathered(one)
        a_rule_of_the_users_raises_an_alert(one)
        assert float(ask(one, MEMORY)[0]["value"][1]) < 600 * 2**20
        navarch_itself_shows_figures_and_workloads(one)
        before = time.time()
        assert ask(one, 'up{job="monitoring"}', before)
        volume = volume_of(one, "monitoring")
        lose_the_pod(one, "monitoring")
        until("it answers", lambda: found(one, 'up{job="monitoring"}', before), seconds=60)
        upgrade(one, tmp_path / "monitoring")
        until("it answers", lambda: found(one, 'up{job="monitoring"}', before), seconds=60)
        assert volume_of(one, "monitoring") == volume
        remove_all(one, "monitoring")
    for version in ("1.2.0", "1.2.1"):
        of_the_server(one, "catalogue", "remove", "monitoring", version)


def navarch_itself_shows_figures_and_workloads(one: Cluster) -> None:
    """Every chart has what was measured, of each node; the alert of the user's is there; and what runs is listed."""
    nodes, workers = set(one.nodes()), set(one.workers())
    seen: dict[str, Any] = {}

    def shown() -> bool:
        seen.update(one.customer.must("cluster", "figures", one.name, "-o", "json").json)
        drawn = {
            (chart["name"], line["name"])
            for chart in seen["charts"]
            for line in chart["lines"]
            if any(value is not None for value in line["values"])
        }
        of_cluster = {(chart, line) for chart in ("cpu", "memory") for line in ("used", "requested", "allocatable")}
        of_nodes = {(f"node-{what}", n) for what in ("cpu", "memory", "received", "sent") for n in nodes}
        others = {("api-requests", "all"), ("api-requests", "errors"), ("api-latency", "p99"), ("pods", "Running")}
        return drawn >= of_cluster | of_nodes | {("node-disk", n) for n in workers} | others | {("restarts", "all")}

    until("figures are shown", shown, seconds=240)
    assert (seen["source"], seen["unanswered"], seen["trouble"]) == ("monitoring", [], None)
    assert "Mine" in {alert["name"] for alert in seen["alerts"]}
    assert "Watchdog" not in {alert["name"] for alert in seen["alerts"]}
    assert [len(top["containers"]) for top in seen["tops"]] == [10, 10]
    found = one.customer.must("cluster", "workloads", one.name, "-n", "monitoring", "-o", "json").json
    store = next(w for w in found["workloads"] if w["name"] == "monitoring")
    assert (store["ready"], store["wanted"], store["waits"], found["trouble"]) == (1, 1, [], None)
    assert "monitoring" in {service["name"] for service in found["services"]}


def everything_is_gathered(one: Cluster) -> None:
    """Every job has its targets, and all of them answer. The first measurements come one by one."""
    nodes, workers = set(one.nodes()), one.workers()

    def gathered() -> bool:
        jobs = {sample["metric"]["job"]: sample["value"][1] for sample in ask(one, "min by (job) (up)")}
        return (
            set(jobs) >= JOBS | CONTROL_PLANE_JOBS
            and set(jobs.values()) == {"1"}
            and all(
                {s["metric"]["node"] for s in ask(one, f'up{{job="{j}"}}')} == nodes - workers
                for j in CONTROL_PLANE_JOBS
            )
            and {s["metric"]["node"] for s in ask(one, 'up{job="kubelet"}')} == nodes
            and {s["metric"]["node"] for s in ask(one, "node_load1")} == workers
        )

    until("everything is gathered", gathered, seconds=180)
    for query in (
        'sum(container_memory_working_set_bytes{namespace="kube-system", container!=""}) > 0',
        'coredns_build_info{namespace="kube-system"}',
        'kube_deployment_status_replicas_available{namespace="kube-system", deployment="coredns"} > 0',
        'sum(kube_node_status_condition{condition="Ready", status="true"}) > 0',
        'rate(container_network_receive_bytes_total{id="/", interface="eth0"}[1m])',
        "min(etcd_server_has_leader) == 1",
        "openstack_api_requests_total",
        "scheduler_pending_pods",
    ):
        until(f"{query} has an answer", partial(found, one, query), seconds=60)


def what_a_user_says_of_their_own_is_gathered(one: Cluster) -> None:
    one.kubectl.run("apply", "-n", "monitoring", "-f", "-", stdin=json.dumps(MINE))
    until("the user's own is gathered", lambda: found(one, 'up{service="mine"} == 1'), seconds=120)
    one.kubectl.run("delete", "service", "mine", "-n", "monitoring")


def a_rule_of_the_users_raises_an_alert(one: Cluster) -> None:
    """Alertmanager has it, with the label that was given."""
    alerts = "/api/v1/namespaces/monitoring/services/monitoring-alertmanager:9093/proxy/api/v2/alerts"

    def raised() -> bool:
        said = one.kubectl.run("get", "--raw", alerts, check=False)
        return ("Mine", one.name) in {
            (a["labels"]["alertname"], a["labels"].get("cluster")) for a in json.loads(said or "[]")
        }

    until("the user's alert is there", raised, seconds=120)


def upgrade(one: Cluster, newer: Path) -> None:
    """To a version in which the store begins with another argument."""
    shutil.copytree(ADDONS / "monitoring", newer)
    for file, then, now in (
        ("Chart.yaml", "version: 1.2.0\n", "version: 1.2.1\n"),
        ("templates/store.yaml", "- -loggerFormat=json", "- -loggerFormat=json\n        - -search.latencyOffset=1s"),
    ):
        text = (newer / file).read_text()
        assert then in text
        (newer / file).write_text(text.replace(then, now, 1))
    of_the_server(one, "catalogue", "add", str(newer))
    one.customer.must("addon", "upgrade", "monitoring", "-c", one.name, timeout=900)
    shown = addon(one, "monitoring")
    assert (shown["version"], shown["status"]["phase"]) == ("1.2.1", "Ready")
    assert "-search.latencyOffset=1s" in store_pod(one, "monitoring")["spec"]["containers"][0]["args"]
