"""The add-on monitoring's rules with the real programs, without a cluster: each alert is raised by what it is for, and
one reaches a webhook. Configuration and arguments are the chart's own, but for addresses and folders."""

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from tests.e2e.catalogue import ADDONS
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import _free_ports

from navarch.charts.entry import pack, read
from navarch.charts.rendering import Circumstances, Renderer

# The programs are compiled where they are not yet.
pytestmark = [pytest.mark.proof, pytest.mark.tools, pytest.mark.timeout(1800)]

RULES = ADDONS / "monitoring" / "rules"
MINE = {"name": "mine", "rules": [{"alert": "Mine", "expr": "vector(1)", "annotations": {"summary": "always"}}]}
WRONG = {"name": "wrong", "rules": [{"alert": "Wrong", "expr": "vector(1"}]}
Objects = dict[tuple[str, str], dict[str, Any]]


def rendered(**alerts: Any) -> Objects:
    """The chart's objects, by kind and name."""
    program = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch")) / "tools" / "navarch-render"
    chart = read(pack(ADDONS / "monitoring")).chart
    values = {"interval": "1s", "alerts": alerts}
    made = Renderer(program).render(chart, values, Circumstances("m", "watch", "1.37.2")).objects
    return {(o["kind"], o["metadata"]["name"]): dict(o) for o in made}


def arguments(objects: Objects, name: str, changes: dict[str, str]) -> list[str]:
    """Of a Deployment's container, with addresses and folders of this machine."""
    args: list[str] = objects["Deployment", name]["spec"]["template"]["spec"]["containers"][0]["args"]
    for before, after in changes.items():
        args = [arg.replace(before, after) for arg in args]
    return args


@contextmanager
def running(argv: list[Any], log: Path, ready: str) -> Iterator[str]:
    """A program, once it answers at the address `ready`; gives its URL."""
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 60
        while not answers(ready):
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.1)
        yield ready.rsplit("/", ready.count("/") - 2)[0]
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def store(folder: Path, *more: str) -> Iterator[str]:
    (port,) = _free_ports(1)
    argv = [entry_program("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"]
    with running([*argv, *more], folder / "store.log", f"http://127.0.0.1:{port}/health") as url:
        yield url


@contextmanager
def webhook(address: str = "127.0.0.1") -> Iterator[tuple[str, "Queue[dict[str, Any]]"]]:
    """One at this address that keeps what is posted to it."""
    heard: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address}:{server.server_port}/token", heard
    finally:
        server.shutdown()
        server.server_close()


def dry_run(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [entry_program("vmalert"), "-dryRun", f"-rule={folder}/*.yaml"], capture_output=True, text=True, check=False
    )


def test_the_rules_are_taken_and_wrong_ones_are_named(tmp_path: Path) -> None:
    written = rendered(rules=[MINE])["ConfigMap", "m-rules"]["data"]
    assert set(written) == {"alerts.yaml", "control-plane.yaml", "recorded.yaml", "vmalert.yaml", "own.yaml"}
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    taken = dry_run(tmp_path)
    assert taken.returncode == 0, taken.stderr
    (tmp_path / "own.yaml").write_text(written["own.yaml"].replace("vector(1)", "vector(1"))
    refused = dry_run(tmp_path)
    assert refused.returncode != 0
    assert "Mine" in refused.stderr


def test_the_store_takes_the_targets(tmp_path: Path) -> None:
    targets = rendered()["ConfigMap", "m"]["data"]["scrape.yaml"]
    (config := tmp_path / "scrape.yaml").write_text(targets)
    argv: list[str | Path] = [
        entry_program("victoria-metrics"),
        "-dryRun",
        f"-promscrape.config={config}",
        "-promscrape.config.strictParse",
    ]
    taken = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert taken.returncode == 0, taken.stderr
    config.write_text(targets.replace("honor_labels", "honour_labels"))
    assert subprocess.run(argv, capture_output=True, check=False).returncode != 0


POD = 'namespace="shop",pod="web-1",container="c"'
# What raises each alert; "name{labels} value", or "name{labels} from..to" for what grows within five minutes.
RAISED = {
    "KubeNodeNotReady": ['kube_node_status_condition{node="n",condition="Ready",status="true"} 0'],
    "KubeNodePressure": ['kube_node_status_condition{node="n",condition="DiskPressure",status="true"} 1'],
    "NodeFilesystemAlmostOutOfSpace": [
        'node_filesystem_avail_bytes{node="n",mountpoint="/",fstype="ext4"} 5',
        'node_filesystem_size_bytes{node="n",mountpoint="/",fstype="ext4"} 100',
    ],
    "NodeMemoryAlmostUsed": ['node_memory_MemAvailable_bytes{node="n"} 4', 'node_memory_MemTotal_bytes{node="n"} 100'],
    "KubePodCrashLooping": [f'kube_pod_container_status_waiting_reason{{{POD},reason="CrashLoopBackOff"}} 1'],
    "KubeContainerImageNotPulled": [f'kube_pod_container_status_waiting_reason{{{POD},reason="ImagePullBackOff"}} 1'],
    "KubePodNotReady": ['kube_pod_status_phase{namespace="shop",pod="web-1",phase="Pending"} 1'],
    "KubeDeploymentReplicasMismatch": [
        'kube_deployment_status_replicas_available{namespace="shop",deployment="web"} 1',
        'kube_deployment_spec_replicas{namespace="shop",deployment="web"} 2',
    ],
    "KubeStatefulSetReplicasMismatch": [
        'kube_statefulset_status_replicas_ready{namespace="shop",statefulset="db"} 1',
        'kube_statefulset_replicas{namespace="shop",statefulset="db"} 2',
    ],
    "KubeDaemonSetRolloutStuck": [
        'kube_daemonset_status_number_available{namespace="shop",daemonset="agent"} 1',
        'kube_daemonset_status_desired_number_scheduled{namespace="shop",daemonset="agent"} 2',
    ],
    "KubeJobFailed": ['kube_job_failed{namespace="shop",job_name="nightly",condition="true"} 1'],
    "KubeHpaMaxedOut": [
        'kube_horizontalpodautoscaler_status_current_replicas{namespace="shop",horizontalpodautoscaler="web"} 9',
        'kube_horizontalpodautoscaler_spec_max_replicas{namespace="shop",horizontalpodautoscaler="web"} 9',
        'kube_horizontalpodautoscaler_spec_min_replicas{namespace="shop",horizontalpodautoscaler="web"} 1',
    ],
    "KubePersistentVolumeClaimPending": [
        'kube_persistentvolumeclaim_status_phase{namespace="shop",persistentvolumeclaim="data",phase="Pending"} 1'
    ],
    "KubePersistentVolumeFillingUp": [
        'kubelet_volume_stats_available_bytes{namespace="shop",persistentvolumeclaim="data"} 5',
        'kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data"} 100',
    ],
    "KubeAPIServerErrors": [
        'apiserver_request_total{code="500",verb="GET"} 0..30',
        'apiserver_request_total{code="200",verb="GET"} 0..100',
    ],
    "KubeletCertificateExpiration": ['kubelet_certificate_manager_client_ttl_seconds{node="n"} 3600'],
    "TargetDown": ['up{job="node",instance="10.0.0.5:9100"} 0'],
    "Watchdog": [],
    "RulesNotLoaded": ['vmalert_config_last_reload_successful{namespace="monitoring"} 0'],
    "RuleFails": ['vmalert_alerting_rules_errors_total{alertname="Mine",group="mine",file="own.yaml"} 0..9'],
    # A control-plane machine of which nothing is measured: so no program there is known to answer.
    "ControlPlaneNotMeasured": ['kube_node_role{node="cp-1",role="control-plane"} 1'],
    "KubeSchedulerDown": [],
    "KubeControllerManagerDown": [],
    "CloudControllerManagerDown": [],
    "CloudControllerReconcileErrors": [
        'cloudprovider_openstack_reconcile_errors_total{operation="loadbalancer_ensure"} 0..9'
    ],
    "etcdNoLeader": ['etcd_server_has_leader{job="etcd",node="cp-0"} 0'],
    "etcdMembersDown": ['etcd_network_peer_sent_failures_total{job="etcd",node="cp-0",To="8e9e05c52164694d"} 0..90'],
    "etcdHighNumberOfLeaderChanges": ['etcd_server_leader_changes_seen_total{job="etcd",node="cp-0"} 1..90'],
    "etcdHighFsyncDurations": [
        f'etcd_disk_wal_fsync_duration_seconds_bucket{{job="etcd",node="cp-0",le="{le}"}} 0..{count}'
        for le, count in (("0.5", 10), ("1", 100), ("+Inf", 100))
    ],
    "etcdHighCommitDurations": [
        f'etcd_disk_backend_commit_duration_seconds_bucket{{job="etcd",node="cp-0",le="{le}"}} 0..{count}'
        for le, count in (("0.25", 10), ("0.5", 100), ("+Inf", 100))
    ],
    "etcdDatabaseQuotaLowSpace": [
        'etcd_mvcc_db_total_size_in_bytes{job="etcd",node="cp-0"} 90',
        'etcd_server_quota_backend_bytes{job="etcd",node="cp-0"} 100',
    ],
    "AlertmanagerFailedToSendAlerts": ['alertmanager_notifications_failed_total{integration="webhook"} 0..5'],
}


def lines(samples: list[str], now: float) -> str:
    """The last five minutes of them, as the store takes them."""
    text = ""
    for sample in samples:
        series, _, value = sample.rpartition(" ")
        first, _, last = value.partition("..")
        for step in range(11):
            at = float(first) + (float(last or first) - float(first)) * step / 10
            text += f"{series} {at} {int((now - 300 + 30 * step) * 1000)}\n"
    return text


def test_each_alert_is_raised_by_what_it_is_for_and_by_nothing_else(tmp_path: Path) -> None:
    groups = [g for file in RULES.glob("*.yaml") for g in yaml.safe_load(file.read_text())["groups"]]
    rules = {r["alert"]: r for g in groups for r in g["rules"] if "alert" in r}
    assert set(rules) == set(RAISED)
    now = time.time()
    for alert, rule in rules.items():
        assert rule["labels"]["severity"] in (("none",) if alert == "Watchdog" else ("warning", "critical")), alert
        assert set(rule["annotations"]) == {"summary", "description"}, alert
    with store(tmp_path) as url:
        for samples in RAISED.values():
            httpx.post(
                f"{url}/api/v1/import/prometheus", content=lines(samples, now), trust_env=False
            ).raise_for_status()
        httpx.get(f"{url}/internal/force_flush", trust_env=False).raise_for_status()
        for alert, rule in rules.items():
            asked = {"query": rule["expr"], "time": str(now), "nocache": "1"}
            answer = httpx.get(f"{url}/api/v1/query", params=asked, trust_env=False).json()
            assert answer["status"] == "success", (alert, answer)
            assert len(answer["data"]["result"]) == 1, (alert, answer)
            told = set(answer["data"]["result"][0]["metric"])
            used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
            assert used <= told | {"service"}, (alert, used - told)


def test_an_alert_reaches_the_webhook_and_its_end_too(tmp_path: Path) -> None:
    with ExitStack() as all_of_it:
        hook, heard = all_of_it.enter_context(webhook())
        objects = rendered(webhook=hook, labels={"cluster": "shop"}, rules=[WRONG, MINE])
        for folder, (kind, name) in (("rules", ("ConfigMap", "m-rules")), ("config", ("Secret", "m-alertmanager"))):
            (tmp_path / folder).mkdir()
            for file, text in objects[kind, name]["data"].items():
                content = base64.b64decode(text).decode() if kind == "Secret" else text
                content = content.replace("/etc/alertmanager", f"{tmp_path}/config").replace(
                    "group_wait: 30s", "group_wait: 1s"
                )
                content = content.replace("group_interval: 5m", "group_interval: 2s").replace("for: 1m\n", "for: 3s\n")
                (tmp_path / folder / file).write_text(content)
        at = _free_ports(2)
        data = all_of_it.enter_context(store(tmp_path, "-search.latencyOffset=1s"))
        here = {
            "/etc/rules": f"{tmp_path}/rules",
            "/etc/alertmanager": f"{tmp_path}/config",
            "--storage.path=/data": f"--storage.path={tmp_path}/alertmanager",
            "http://m.watch:8428": data,
            "m-alertmanager.watch:9093": f"127.0.0.1:{at[0]}",
            "=:9093": f"=127.0.0.1:{at[0]}",
            "=:8880": f"=127.0.0.1:{at[1]}",
        }
        for program, name, port, path in (
            ("alertmanager", "m-alertmanager", at[0], "/-/ready"),
            ("vmalert", "m-alerts", at[1], "/health"),
        ):
            argv = [entry_program(program), *arguments(objects, name, here)]
            ready = f"http://127.0.0.1:{port}{path}"
            all_of_it.enter_context(running(argv, tmp_path / f"{program}.log", ready))
        failed = 'kube_job_failed{namespace="shop",job_name="nightly",condition="true"}'

        def say(value: int) -> None:
            url = f"{data}/api/v1/import/prometheus"
            httpx.post(url, content=f"{failed} {value}\n", trust_env=False).raise_for_status()

        fired = until(heard, lambda: say(1), "KubeJobFailed", "firing")
        assert fired["labels"] == {
            "alertname": "KubeJobFailed", "alertgroup": "workloads", "severity": "warning", "cluster": "shop",
            "namespace": "shop", "job_name": "nightly", "condition": "true",
        }  # fmt: skip
        assert fired["annotations"]["summary"] == "Job shop/nightly failed"
        assert "logs job/nightly" in fired["annotations"]["description"]
        until(heard, lambda: say(0), "KubeJobFailed", "resolved")
        mine = until(heard, lambda: None, "Mine", "firing")
        assert mine["annotations"] == {"summary": "always"}, "though the rule before it is wrong"


def until(heard: "Queue[dict[str, Any]]", meanwhile: Callable[[], Any], name: str, status: str) -> dict[str, Any]:
    """The alert `name` as it reached the webhook, which may have been before; `meanwhile` is done each second."""
    kept: list[dict[str, Any]] = []
    end = time.monotonic() + 90
    try:
        while time.monotonic() < end:
            meanwhile()
            try:
                kept.append(heard.get(timeout=1))
            except Empty:
                continue
            for alert in kept[-1]["alerts"]:
                if (alert["labels"]["alertname"], alert["status"]) == (name, status):
                    return dict(alert)
    finally:
        for one in kept:
            heard.put(one)
    raise AssertionError(f"{name} is not {status}; heard: {kept}")
