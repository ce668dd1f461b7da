"""Figures and workloads of a cluster: every query of Navarch's own, asked of the programs of both add-ons through the
proxy of a real API server; and what a real API server says of workloads."""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_alerting import running
from tests.integration.chosen_entry import until
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import ApiServer, _free_ports
from tests.integration.measured import ask, measured

from navarch.addons import figures
from navarch.addons.client import KubernetesClusters
from navarch.domain.errors import Temporary
from navarch.domain.insight import PORTS, Figures, Source, Span

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1800)]  # the programs are compiled where they are not yet

POD = 'namespace="shop",pod="web-1",container="c",node="n"'
SHOWN = [
    'kube_node_info{node="n"} 1',
    *(f'kube_node_status_{what}{{node="n",resource="{r}"}} {much}'
      for what, much in (("capacity", 4), ("allocatable", 3)) for r in ("cpu", "memory")),
    'kube_pod_status_phase{namespace="shop",pod="web-1",phase="Running"} 1',
    'kube_pod_status_phase{namespace="shop",pod="web-1",phase="Pending"} 0',
    'kube_pod_status_phase{namespace="shop",pod="done",phase="Succeeded"} 1',
    *(f'kube_pod_container_resource_requests{{namespace="shop",pod="{pod}",container="c",resource="{r}"}} 2'
      for pod in ("web-1", "done") for r in ("cpu", "memory")),
    f"kube_pod_container_status_restarts_total{{{POD}}} 0..10",
    f"container_cpu_usage_seconds_total{{{POD}}} 0..10",
    f"container_memory_working_set_bytes{{{POD}}} 7",
    'container_cpu_usage_seconds_total{id="/",node="n"} 0..20',
    'container_memory_working_set_bytes{id="/",node="n"} 2',
    *(f'container_network_{way}_bytes_total{{id="/",interface="eth0",node="n"}} 0..1000'
      for way in ("receive", "transmit")),
    'node_filesystem_avail_bytes{node="n",mountpoint="/",fstype="ext4"} 25',
    'node_filesystem_size_bytes{node="n",mountpoint="/",fstype="ext4"} 100',
    'node_filesystem_avail_bytes{node="n",mountpoint="/run",fstype="tmpfs"} 1',
    'node_filesystem_size_bytes{node="n",mountpoint="/run",fstype="tmpfs"} 100',
    'apiserver_request_total{code="200",verb="GET"} 0..50',
    'apiserver_request_total{code="500",verb="GET"} 0..10',
    *(f'apiserver_request_duration_seconds_bucket{{verb="GET",le="{le}"}} 0..10' for le in ("0.5", "+Inf")),
]  # fmt: skip


def page(asked: int) -> str:
    """All of it, as it is measured at the time `asked`: "from..to" grows each second."""
    said = ""
    for sample in SHOWN:
        series, _, value = sample.rpartition(" ")
        first, _, last = value.partition("..")
        said += f"{series} {float(first) + (float(last or first) - float(first)) * asked / 10}\n"
    return said


def own_address() -> str:
    """One of this machine that is not the loopback's, to which no API server leads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.connect(("203.0.113.9", 9))  # nothing is sent
        return str(found.getsockname()[0])


@pytest.fixture(scope="module", params=sorted(PORTS))
def source(
    request: pytest.FixtureRequest, kube: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    """An add-on's program that has measured it all, behind a Service of the cluster."""
    entry, address, (port,) = request.param, own_address(), _free_ports(1)
    folder = tmp_path_factory.mktemp(entry)
    url = f"http://{address}:{port}"
    with measured(page) as target:
        (folder / "scrape.yaml").write_text(
            f"""global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: all
  honor_labels: true
  static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
"""
        )
        argv = {
            "monitoring": [
                entry_program("victoria-metrics"),
                f"-storageDataPath={folder}/data",
                f"-httpListenAddr={address}:{port}",
                f"-promscrape.config={folder}/scrape.yaml",
                "-search.latencyOffset=1s",
            ],
            "prometheus": [
                entry_program("prometheus"),
                f"--config.file={folder}/scrape.yaml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}:{port}",
            ],
        }[entry]
        ready = f"{url}/health" if entry == "monitoring" else f"{url}/-/ready"
        with running(argv, folder / "log", ready):
            until(lambda: bool(ask(url, "min(count_over_time(kube_node_info[1m])) > 7")))
            serve(kube, entry, address, port)
            yield Source(entry, entry, entry, PORTS[entry])


def serve(kube: ApiServer, name: str, address: str, port: int) -> None:
    """A Service of the entry's port, in a namespace of the same name, that leads there by way of a pod: the API server
    leads to nothing else."""
    admin, metadata, pod = kube.admin(), {"name": name, "namespace": name}, f"{name}-0"
    core = f"/api/v1/namespaces/{name}"
    spec: dict[str, Any] = {"ports": [{"name": "http", "port": PORTS[name], "targetPort": port}]}
    slice_ = {
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "namespace": name, "name": pod},
            }
        ],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }
    runs = {"containers": [{"name": "c", "image": "registry.invalid/c"}], "automountServiceAccountToken": False}
    for path, made in (
        ("/api/v1/namespaces", {"metadata": {"name": name}}),
        (f"{core}/serviceaccounts", {"metadata": {"name": "default"}}),
        (f"{core}/pods", {"metadata": {"name": pod}, "spec": runs}),
        (f"{core}/services", {"metadata": metadata, "spec": spec}),
        (f"/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices", slice_),
    ):
        answer = admin.ask("POST", path, made)
        assert answer.status_code == 201, answer.text
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    answer = admin.merge(f"{core}/pods/{pod}/status", {"status": status})
    assert answer.status_code == 200, answer.text
    # The API server hears of what it wrote itself, like everybody.
    asked = f"/api/v1/namespaces/{name}/services/{name}:{PORTS[name]}/proxy/api/v1/query?query=1"
    until(lambda: admin.ask("GET", asked).status_code == 200)


@pytest.fixture(scope="module")
def read(kube: ApiServer, source: Source) -> Figures:
    """Of the last hour."""
    with KubernetesClusters() as clusters:
        return clusters.figures(kube.access, source, Span.HOUR, lately())


def lately() -> datetime:
    """VictoriaMetrics' store tells of what it heard in the last second (30, if it is not told otherwise) what it heard
    before, and here that was nothing."""
    return datetime.now(UTC) - timedelta(seconds=2)


def newest(read: Figures) -> dict[tuple[str, str], float]:
    """The last figure of each line, by chart and line."""
    return {
        (chart.name, line.name): next(v for v in reversed(line.values) if v is not None)
        for chart in read.charts
        for line in chart.lines
        if any(v is not None for v in line.values)
    }


def test_every_query_is_answered_with_what_was_measured(read: Figures, source: Source) -> None:
    """What grows is held against the CPU: of a window that was measured for some seconds only, Prometheus tells less
    than VictoriaMetrics does, and of all series alike."""
    assert (read.source, read.unanswered, read.step) == (source.entry, (), 30)
    found = newest(read)
    used = found["cpu", "used"]
    rates = {
        ("cpu", "used"): 2, ("node-cpu", "n"): 0.5, ("node-received", "n"): 100, ("node-sent", "n"): 100,
        ("api-requests", "all"): 6, ("api-requests", "errors"): 1,
    }  # fmt: skip
    assert {key: found.pop(key) / used for key in rates} == {
        key: pytest.approx(rate / 2, rel=0.1) for key, rate in rates.items()
    }
    assert found.pop(("restarts", "all")) > 0
    assert found.pop(("api-latency", "p99")) == pytest.approx(0.5, rel=0.1)
    assert found == {
        ("cpu", "requested"): 2, ("cpu", "allocatable"): 3,
        ("memory", "used"): 2, ("memory", "requested"): 2, ("memory", "allocatable"): 3,
        ("node-memory", "n"): 0.5, ("node-disk", "n"): 0.75,
        ("pods", "Running"): 1, ("pods", "Pending"): 0, ("pods", "Succeeded"): 1,
    }  # fmt: skip


def test_nothing_is_drawn_where_nothing_was_measured(read: Figures) -> None:
    (used,) = (line for chart in read.charts if chart.name == "cpu" for line in chart.lines if line.name == "used")
    assert len(used.values) == 120 and used.values[:60] == (None,) * 60


def test_the_containers_that_take_most_are_named(read: Figures) -> None:
    said = [(top.name, [(c.namespace, c.pod, c.container) for c in top.containers]) for top in read.tops]
    assert said == [(name, [("shop", "web-1", "c")]) for name in ("container-cpu", "container-memory")]
    assert read.tops[1].containers[0].value == 7


@pytest.mark.parametrize("span", list(Span))
def test_each_range_is_answered(kube: ApiServer, source: Source, span: Span) -> None:
    with KubernetesClusters() as clusters:
        found = clusters.figures(kube.access, source, span, lately())
    assert found.unanswered == () and {len(line.values) for c in found.charts for line in c.lines} == {120}
    assert ("memory", "used") in newest(found)


def test_what_is_asked_is_what_the_add_ons_measure(source: Source) -> None:
    """Of the names that queries use, each is one that a dashboard, a rule or the exporter has."""
    root = Path(__file__).parents[2]
    known = "".join(p.read_text() for p in (root / "addons/prometheus/dashboards").iterdir())
    known += "".join(p.read_text() for p in (root / "addons/prometheus/rules").iterdir())
    known += (root / "tests/integration/kube_state_metrics.txt").read_text()
    queries = (
        [q for chart in figures.CHARTS for _, q in chart.lines] + [q for _, _, q in figures.TOPS] + [figures.NODES]
    )
    names = {n for q in queries for n in re.findall(r"\b(?:kube|container|node|apiserver)_[a-z_]+", q)}
    assert len(names) > 12
    assert {name for name in names if name not in known} == set()


def test_a_service_that_is_not_there_is_said_to_be_missing(kube: ApiServer) -> None:
    with KubernetesClusters() as clusters, pytest.raises(Temporary, match="lost/lost"):
        clusters.figures(kube.access, Source("monitoring", "lost", "lost", 8428), Span.HOUR, datetime.now(UTC))


def test_workloads_are_read_with_what_they_wait_for(kube: ApiServer) -> None:
    admin = kube.admin()
    labels = {"app": "web"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "c", "image": "registry.invalid/web:1", "env": [{"name": "A", "value": "s3"}]}]
        },
    }
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    for path, made in (
        ("/api/v1/namespaces", {"metadata": {"name": "store"}}),
        ("/apis/apps/v1/namespaces/store/deployments", {"metadata": {"name": "web"}, "spec": spec}),
        ("/api/v1/namespaces/store/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}),
    ):
        answer = admin.ask("POST", path, made)
        assert answer.status_code == 201, answer.text
    with KubernetesClusters() as clusters:
        found, elsewhere = clusters.workloads(kube.access, "store"), clusters.workloads(kube.access, "default")
        everywhere = clusters.workloads(kube.access, "")
    (web,), (service,) = found.workloads, found.services
    assert (web.namespace, web.kind, web.name, web.ready, web.wanted) == ("store", "Deployment", "web", 0, 2)
    assert web.images == ("registry.invalid/web:1",) and web.waits == ("not looked at yet",)
    assert web.created_at is not None and "s3" not in repr(found)
    assert service.ports == ("80/TCP",) and service.addresses[0].startswith("10.254.")
    assert {"store", "default"} <= set(found.namespaces) and found.left_out == 0
    assert "web" not in {its.name for its in elsewhere.workloads}
    assert web in everywhere.workloads
