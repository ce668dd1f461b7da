"""The exporter of the add-on monitoring on a real kube-apiserver: upstream's names and labels, with its own rights."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import ApiServer, _free_ports
from tests.integration.watched_objects import POD, everything

from navarch.addons.connection import Connection
from navarch.addons.errors import Absent

pytestmark = [pytest.mark.kube, pytest.mark.timeout(600)]  # it is compiled where it is not yet

UPSTREAM = Path(__file__).with_name("kube_state_metrics.txt")
RIGHTS = Path(__file__).parents[2] / "addons" / "monitoring" / "templates" / "kube-exporter.yaml"
SAMPLE = re.compile(r'(?P<name>\w+)\{(?P<labels>(?:\w+="(?:[^"\\]|\\.)*",?)*)\} (?P<value>\S+)')
Series = dict[str, list[tuple[dict[str, str], float]]]


class Exporter:
    """A running one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str = "/metrics") -> httpx.Response:
        return httpx.get(self.url + path, trust_env=False)

    def series(self) -> Series:
        """What it says now, by name. It must be complete."""
        found: Series = {}
        answer = self.ask()
        assert answer.status_code == 200, answer.text
        for line in answer.text.splitlines():
            if not line.startswith("#"):
                sample = SAMPLE.fullmatch(line)
                assert sample, line
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample["labels"]))
                found.setdefault(sample["name"], []).append((labels, float(sample["value"])))
        return found

    def value(self, name: str, **labels: str) -> float | None:
        """Of the one series with these labels, None where there is none."""
        values = [value for has, value in self.series().get(name, ()) if labels.items() <= has.items()]
        assert len(values) < 2, (name, labels, values)
        return values[0] if values else None

    def until(self, value: float | None, name: str, **labels: str) -> None:
        """Wait for what a watch tells."""
        end = time.monotonic() + 10
        while (seen := self.value(name, **labels)) != value:
            assert time.monotonic() < end, (name, labels, seen)
            time.sleep(0.05)


@contextmanager
def running(kube: ApiServer, folder: Path, token: str, *more: str) -> Iterator[Exporter]:
    (port,) = _free_ports(1)
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text(kube.access.ca)
    argv = [
        str(entry_program("kube-exporter")),
        *(f"-listen=127.0.0.1:{port}", f"-server={kube.access.url}"),
        *(f"-ca-file={folder}/ca.crt", f"-token-file={folder}/token", *more),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Exporter(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        assert process.wait(10) == 0, (folder / "log").read_text()


@pytest.fixture(scope="module")
def api(kube: ApiServer) -> Iterator[Connection]:
    connection = Connection(kube.access, connections=2)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def exporter(kube: ApiServer, api: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """With a token of an account that has what the chart's ClusterRole gives, and nothing else."""
    objects: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("/api/v1/namespaces", "watched", {}),
        ("/api/v1/namespaces/watched/serviceaccounts", "exporter", {}),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "exporter", {"rules": rules()}),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            "exporter",
            {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "exporter"},
                "subjects": [{"kind": "ServiceAccount", "name": "exporter", "namespace": "watched"}],
            },
        ),
    )
    for path, name, fields in objects:
        api.create(path, {"metadata": {"name": name}, **fields})
    token = kube.service_account("watched", "exporter").http.headers["Authorization"].removeprefix("Bearer ")
    with running(kube, tmp_path_factory.mktemp("exporter"), token) as made:
        end = time.monotonic() + 20
        while not answers(made):
            assert time.monotonic() < end
            time.sleep(0.05)
        yield made


def answers(exporter: Exporter) -> bool:
    try:
        return exporter.ask("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def rules() -> list[dict[str, Any]]:
    """Of the ClusterRole in the chart's template."""
    (text,) = [part for part in RIGHTS.read_text().split("---\n") if "\nkind: ClusterRole\n" in part]
    found: list[dict[str, Any]] = yaml.safe_load("rules:" + text.partition("\nrules:")[2])["rules"]
    return found


def upstream() -> tuple[dict[str, set[str]], set[str]]:
    """Labels by name, and the names that ours has not."""
    lines = [line.split() for line in UPSTREAM.read_text().splitlines() if line and not line.startswith("#")]
    return {n: set(labels) for n, *labels in lines if n != "-"}, {line[1] for line in lines if line[0] == "-"}


# Of objects that stay where something holds them: they have a time of deletion.
GOING = ("nodes/n-1", "deployments/web", "persistentvolumeclaims/data", "persistentvolumes/pv-1", "pods/web-1-a")


def test_names_and_labels_are_upstreams(exporter: Exporter, api: Connection) -> None:
    paths = everything(api)
    api.merge("/api/v1/namespaces/watched/status", {"status": {"conditions": [
        {"type": "NamespaceDeletionContentFailure", "status": "False"}]}})  # fmt: skip
    for path in paths:
        if path.endswith(GOING):
            api.merge(path, {"metadata": {"finalizers": ["example.org/a"]}})
            api.delete(path)
    for name in ("kube_persistentvolume_deletion_timestamp", "kube_persistentvolumeclaim_status_condition"):
        end = time.monotonic() + 10
        while name not in exporter.series():
            assert time.monotonic() < end
    wanted, missing = upstream()
    seen = exporter.series()
    ours = {name: samples for name, samples in seen.items() if not name.startswith("kube_exporter_")}
    assert set(ours) == set(wanted)
    assert not missing & set(ours)
    for name, samples in ours.items():
        optional = {"reason"} if name == "kube_job_status_failed" else set()  # upstream: 0 has none
        for labels, _ in samples:
            assert set(labels) | optional == wanted[name], name
        assert len({tuple(sorted(labels.items())) for labels, _ in samples}) == len(samples), name
    rules = "".join(path.read_text() for path in (RIGHTS.parents[1] / "rules").iterdir())
    assert set(re.findall(r"\bkube_\w+(?=[\s{])", rules)) <= set(ours), "what the entry's rules ask for"
    described = dict(re.findall(r"^# TYPE (\w+) (\w+)$", exporter.ask().text, re.MULTILINE))
    assert {name for name, kind in described.items() if kind == "counter"} == {
        *("kube_pod_container_status_restarts_total", "kube_pod_init_container_status_restarts_total"),
        "kube_exporter_errors_total",
    }
    values(exporter)
    for path in paths:
        api.merge(path, {"metadata": {"finalizers": None}})
    for path in paths:
        try:
            api.delete(path, grace_seconds=0)
        except Absent:
            pass
    exporter.until(None, "kube_deployment_spec_replicas", deployment="web")


def values(exporter: Exporter) -> None:
    """Of what was made."""
    for value, name, labels in (
        (1, "kube_node_status_condition", {"node": "n-1", "condition": "Ready", "status": "unknown"}),
        (0, "kube_node_status_condition", {"node": "n-1", "condition": "Ready", "status": "true"}),
        (3.9, "kube_node_status_allocatable", {"node": "n-1", "resource": "cpu", "unit": "core"}),
        (16 << 30, "kube_node_status_capacity", {"node": "n-1", "resource": "memory", "unit": "byte"}),
        (2, "kube_node_status_capacity", {"node": "n-1", "resource": "example_org_gpu", "unit": "integer"}),
        (1, "kube_node_spec_unschedulable", {"node": "n-1"}),
        (1, "kube_node_role", {"role": "control-plane"}),
        (1, "kube_pod_info", {"pod": "web-1-a", "node": "n-1", "created_by_kind": "ReplicaSet"}),
        (1, "kube_pod_status_phase", {"pod": "once", "phase": "Failed"}),
        (0, "kube_pod_status_phase", {"pod": "once", "phase": "Running"}),
        (1, "kube_pod_status_ready", {"pod": "web-1-a", "condition": "false"}),
        (3, "kube_pod_container_status_restarts_total", {"pod": "web-1-a", "container": "c"}),
        (1, "kube_pod_container_status_waiting_reason", {"pod": "web-1-a", "reason": "CrashLoopBackOff"}),
        (0.25, "kube_pod_container_resource_requests", {"pod": "runs", "resource": "cpu", "node": "n-1"}),
        (1767225660, "kube_pod_completion_time", {"pod": "once"}),
        (3, "kube_deployment_spec_replicas", {"deployment": "web"}),
        (1, "kube_deployment_status_replicas_available", {"deployment": "web"}),
        (2, "kube_daemonset_status_desired_number_scheduled", {"daemonset": "agent"}),
        (1, "kube_job_failed", {"job_name": "bad", "condition": "true"}),
        (1, "kube_job_complete", {"job_name": "good", "condition": "true"}),
        (9, "kube_horizontalpodautoscaler_spec_max_replicas", {"horizontalpodautoscaler": "web"}),
        (20 << 30, "kube_persistentvolumeclaim_resource_requests_storage_bytes", {"persistentvolumeclaim": "data"}),
        (1, "kube_persistentvolumeclaim_status_phase", {"persistentvolumeclaim": "data", "phase": "Pending"}),
    ):  # fmt: skip
        assert exporter.value(name, **labels) == value, (name, labels)


def test_it_follows_what_happens_and_begins_anew_where_the_server_was_away(
    exporter: Exporter, api: Connection, kube: ApiServer
) -> None:
    maps = "/apis/apps/v1/namespaces/watched/deployments"
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}, "spec": POD}}
    api.create(maps, {"metadata": {"name": "x"}, "spec": spec})
    exporter.until(1, "kube_deployment_spec_replicas", deployment="x")
    kube.end("kube-apiserver")
    assert exporter.value("kube_deployment_spec_replicas", deployment="x") == 1
    kube.begin("kube-apiserver")
    api.merge(f"{maps}/x", {"spec": {"replicas": 5}})
    exporter.until(5, "kube_deployment_spec_replicas", deployment="x")
    api.delete(f"{maps}/x")
    exporter.until(None, "kube_deployment_spec_replicas", deployment="x")
    assert any(value for _, value in exporter.series()["kube_exporter_errors_total"])


def test_more_objects_than_a_page_has(exporter: Exporter, kube: ApiServer, tmp_path: Path) -> None:
    token = kube.service_account("watched", "exporter").http.headers["Authorization"].removeprefix("Bearer ")
    with running(kube, tmp_path, token, "-page=1") as paged:
        end = time.monotonic() + 20
        while not answers(paged):
            assert time.monotonic() < end
        known = {labels["namespace"] for labels, _ in paged.series()["kube_namespace_created"]}
        assert {"default", "kube-system", "watched"} <= known
        assert known == {labels["namespace"] for labels, _ in exporter.series()["kube_namespace_created"]}
