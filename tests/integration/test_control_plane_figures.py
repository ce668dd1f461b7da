"""The agent of the add-ons monitoring and prometheus before a real etcd, scheduler and controller manager on the
loopback, with the rights of its own account; its figures reach a real VictoriaMetrics, and a real Prometheus."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.catalogue import ADDONS
from tests.e2e.test_alerting import running, store
from tests.integration.chosen_entry import until
from tests.integration.entry_programs import entry_program
from tests.integration.guarded_cluster import bind, granted, refusal
from tests.integration.guarded_cluster import until as until_so
from tests.integration.kube_apiserver import ApiServer, _free_ports, program
from tests.integration.measured import ask

from navarch.charts.entry import pack, read
from navarch.charts.rendering import Circumstances, Renderer

# The programs are compiled where they are not yet.
pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1800)]

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
RBAC, ADMISSION = "/apis/rbac.authorization.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
}
PORTS = {"etcd": 2381, "kube-scheduler": 10259, "kube-controller-manager": 10257, "cloud-controller-manager": 10258}
RULES = ADDONS / "monitoring" / "rules" / "control-plane.yaml"
DASHBOARD = ADDONS / "prometheus" / "dashboards" / "control-plane.json"
NAME = re.compile(r"\b(?:etcd|scheduler|workqueue|process|rest_client)_\w+")
# Nothing of them is there before it happens: an attempt to place a pod; a message to another member that fails.
LATER = {"scheduler_scheduling_attempt_duration_seconds_bucket", "etcd_network_peer_sent_failures_total"}
MEMORY = 96 << 20  # bytes: the container's limit


def asked_for() -> set[str]:
    """The names of all that rules and dashboard ask of these programs, but for what is recorded."""
    expressions = [r["expr"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    expressions += [t["expr"] for p in json.loads(DASHBOARD.read_text())["panels"] for t in p["targets"]]
    return {name for expr in expressions for name in NAME.findall(re.sub(r"\w+:\w+:\w+", "", expr))} - LATER


def raises(alert: str) -> str:
    """What raises it, in a cluster with the one control-plane machine cp-0."""
    rules = (r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"])
    (expr,) = (r["expr"] for r in rules if r.get("alert") == alert)
    said = 'kube_node_role{role="control-plane"}'
    assert said in expr
    return str(expr).replace(said, 'label_replace(vector(1), "node", "cp-0", "", "")')


@contextmanager
def process(argv: list[Any], log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        made = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
    try:
        yield made
        assert made.poll() in (None, -9), log.read_text()[-2000:]
    finally:
        made.terminate()
        made.wait(30)


class ControlPlane:
    """The programs of a control-plane machine, each on a port of the loopback. The cloud controller is played by a
    second controller manager, which has the API server say who asks by the cloud controller's account: the library that
    does so is the same."""

    def __init__(self, kube: ApiServer, folder: Path, running: ExitStack) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        admin = kube.kubeconfig()
        clouds = kube.kubeconfig_of("kube-system", "cloud-controller-manager")
        (address,) = (a for a in kube.commands["etcd"] if a.startswith("--listen-client-urls="))
        self.ports = {"etcd": int(address.rpartition(":")[2])}
        self.ports |= dict(zip(list(PORTS)[1:], _free_ports(3), strict=True))
        for job, asks in (
            ("kube-scheduler", admin),
            ("kube-controller-manager", admin),
            ("cloud-controller-manager", clouds),
        ):
            argv = [
                program("kube-scheduler" if job == "kube-scheduler" else "kube-controller-manager"),
                *(f"--kubeconfig={admin}", "--leader-elect=false", "--profiling=false"),
                *(f"--authentication-kubeconfig={asks}", f"--authorization-kubeconfig={asks}"),
                "--bind-address=127.0.0.1",
                f"--secure-port={self.ports[job]}",
                *(["--controllers=serviceaccount-controller"] if job != "kube-scheduler" else []),
            ]
            self.processes[job] = running.enter_context(process(argv, folder / f"{job}.log"))


class Agent:
    """The DaemonSet's program with its arguments, but for addresses and folders."""

    def __init__(self, kube: ApiServer, folder: Path, entry: str, objects: list[dict[str, Any]]) -> None:
        self.folder, self.name = folder, f"{entry}-control-plane"
        named = [o for o in objects if o["metadata"]["name"] in (self.name, f"{entry}-cloud-controller")]
        self.made = [o for o in named if o["kind"] != "PrometheusRule"]
        assert {o["kind"] for o in self.made} == set(PATHS)
        for o in self.made:
            answer = kube.admin().ask("POST", PATHS[o["kind"]].format(self.name), o)
            assert answer.status_code == 201, answer.text
        self.account = kube.service_account(self.name, self.name)

    def of(self, kind: str) -> dict[str, Any]:
        return next(o for o in self.made if o["kind"] == kind)

    @contextmanager
    def runs(self, ports: dict[str, int], url: str) -> Iterator["subprocess.Popen[bytes]"]:
        token = self.account.http.headers["Authorization"].removeprefix("Bearer ")
        (self.folder / "token").write_text(token)
        config = self.of("ConfigMap")["data"]["scrape.yaml"].replace(f"{ACCOUNT}/token", f"{self.folder}/token")
        for job, port in PORTS.items():
            assert f'"127.0.0.1:{port}"' in config
            config = config.replace(f'"127.0.0.1:{port}"', f'"127.0.0.1:{ports[job]}"')
        (self.folder / "scrape.yaml").write_text(config)
        (container,) = self.of("DaemonSet")["spec"]["template"]["spec"]["containers"]
        args = [a.replace("/etc/vmagent", str(self.folder)).replace("=/buffer", f"={self.folder}/buffer")
                for a in container["args"] if "remoteWrite.url" not in a]  # fmt: skip
        assert {"NODE", "ADDRESS", "GOMEMLIMIT"} == {e["name"] for e in container["env"]}
        argv = [entry_program("vmagent"), *args, f"-remoteWrite.url={url}/api/v1/write"]
        strict = subprocess.run([*argv, "-dryRun", "-promscrape.config.strictParse"], capture_output=True, check=False)
        assert strict.returncode == 0, strict.stderr
        where = {"NODE": "cp-0", "ADDRESS": "10.0.0.5", "GOMEMLIMIT": "80MiB"}
        with process(argv, self.folder / "vmagent.log", **where) as made:
            yield made


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    (port,) = _free_ports(1)
    (folder / "prometheus.yaml").write_text("{}")
    argv = [
        entry_program("prometheus"), f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
        "--query.lookback-delta=10s",
    ]  # fmt: skip
    with running(argv, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready") as url:
        yield url


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    with store(folder, "-search.latencyOffset=1s", "-search.maxLookback=10s") as url:
        yield url


def table(pid: int, kind: str) -> list[str]:
    return Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()


def listens(pid: int) -> set[str]:
    """Where a process takes TCP connections, as the kernel writes addresses."""
    sockets = {os.readlink(fd)[8:-1] for fd in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in os.readlink(fd)}
    rows = [line.split() for kind in ("tcp", "tcp6") for line in table(pid, kind)]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in sockets}


def memory(pid: int) -> int:
    """Bytes that it holds at most so far."""
    (held,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(held) << 10


@pytest.mark.parametrize(
    ("entry", "keeps"), [("monitoring", victoria_metrics), ("prometheus", prometheus)], ids=["monitoring", "prometheus"]
)
def test_the_control_planes_figures_reach_the_store_and_their_end_is_told(
    guarded: ApiServer, renderer: Renderer, tmp_path: Path, entry: str, keeps: Callable[[Path], Any]
) -> None:
    at = Circumstances(entry, entry, "1.37.2")
    objects = [dict(o) for o in renderer.render(read(pack(ADDONS / entry)).chart, {"interval": "1s"}, at).objects]
    with ExitStack() as all_of_it:
        url = all_of_it.enter_context(keeps(tmp_path))
        agent = Agent(guarded, tmp_path, entry, objects)
        plane = ControlPlane(guarded, tmp_path, all_of_it)
        with agent.runs(plane.ports, url) as running:
            for job, port in plane.ports.items():
                until(lambda j=job, p=port: bool(  # type: ignore[misc]
                    ask(url, f'up{{job="{j}", node="cp-0", instance="10.0.0.5:{p}"}} == 1')))  # fmt: skip
            names = asked_for()
            assert {"etcd_server_has_leader", "scheduler_pending_pods", "workqueue_depth"} <= names
            for name in names:
                until(lambda n=name: bool(ask(url, f'{n}{{node="cp-0"}}')))  # type: ignore[misc]
            series = {s["metric"]["job"]: int(s["value"][1]) for s in ask(url, 'count by (job) ({node="cp-0"})')}
            print(f"series: {series}; the agent holds {memory(running.pid) / 2**20:.0f} MiB")
            assert sum(series.values()) < 4000
            assert listens(running.pid) == set()
            for alert in ("KubeSchedulerDown", "ControlPlaneNotMeasured"):
                assert not ask(url, raises(alert)), alert
            plane.processes["kube-scheduler"].kill()
            plane.processes["kube-scheduler"].wait()
            until(lambda: bool(ask(url, 'up{job="kube-scheduler"} == 0')))
            assert ask(url, raises("KubeSchedulerDown"))
            for alert in ("KubeControllerManagerDown", "CloudControllerManagerDown", "ControlPlaneNotMeasured"):
                assert not ask(url, raises(alert)), alert
            assert memory(running.pid) < MEMORY
        # Nothing is 0 then: it is silence that tells, which rules wait for.
        until(lambda: bool(ask(url, raises("ControlPlaneNotMeasured"))))
        until(lambda: not ask(url, "up"))
    assert agent.account.ask("GET", "/metrics").status_code == 200
    for path in ("/api/v1/namespaces/kube-system/secrets", "/api/v1/nodes", "/metrics/slis"):
        assert agent.account.ask("GET", path).status_code == 403, path
    nobody_else_is_let_onto_the_control_plane(guarded, agent)


def nobody_else_is_let_onto_the_control_plane(kube: ApiServer, agent: Agent) -> None:
    """The DaemonSet's controller makes the agent's pod; who may make pods everywhere makes none there."""
    pods = f"/api/v1/namespaces/{agent.name}/pods"
    body = {"metadata": {"name": "agent"}, "spec": agent.of("DaemonSet")["spec"]["template"]["spec"]}
    subject = {"kind": "User", "name": f"{agent.name}-maker"}
    bind(kube, subject["name"], [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}], subject)
    maker = kube.user(subject["name"])
    until_so(lambda: maker.ask("POST", pods, body, dryRun="All").status_code == 403)
    refusal(maker.ask("POST", pods, body, dryRun="All"), agent.name)
    controller = kube.user(
        "system:serviceaccount:kube-system:daemon-set-controller", "system:serviceaccounts:kube-system"
    )
    assert granted(controller.ask("POST", pods, body, dryRun="All"))
