"""The catalogue's Prometheus with the real programs on a real kube-apiserver, each with the rights of the chart's own
accounts: a user's ServiceMonitor is scraped, their rule raises an alert, and that reaches a webhook. Nothing runs pods
here: what the operator writes for Prometheus and Alertmanager is what they run with, but for addresses and folders."""

import base64
import gzip
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.test_alerting import running, webhook
from tests.e2e.test_alerting import until as until_heard
from tests.integration.chosen_entry import ChosenEntry, there, until
from tests.integration.entry_programs import entry_program
from tests.integration.entry_programs import renderer as renderer
from tests.integration.kube_apiserver import ApiServer, _free_ports
from tests.integration.measured import ask, measured
from tests.integration.test_charts_on_a_real_api_server import AVAILABLE, report
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.charts.rendering import Renderer

# The programs are compiled where they are not yet.
pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1800)]

NAME = "prometheus"
APPS = f"/apis/apps/v1/namespaces/{NAME}"
SECRETS = f"/api/v1/namespaces/{NAME}/secrets"
CUSTOM = "/apis/monitoring.coreos.com/v1/namespaces"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
NOWHERE = dict.fromkeys(("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"), 0)
CONTROLLERS = (
    "serviceaccount-controller",
    "statefulset-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "persistentvolumeclaim-protection-controller",
)


def custom(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def monitor(name: str, port: int, **endpoint: Any) -> dict[str, Any]:
    """A ServiceMonitor whose target is on this machine: the address of its EndpointSlice is nobody's."""
    here = [{"targetLabel": "__address__", "replacement": f"127.0.0.1:{port}"}]
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "endpoints": [{"port": "http", "relabelings": here, **endpoint}],
    }
    return custom("ServiceMonitor", name, spec)


RULE: dict[str, Any] = {"alert": "ManyOrders", "expr": "shop_orders > 3", "labels": {"severity": "warning"}}


def rules(name: str, expr: str) -> dict[str, Any]:
    return custom("PrometheusRule", name, {"groups": [{"name": name, "rules": [{**RULE, "expr": expr}]}]})


class Shop:
    """A user's application, in a namespace of its own."""

    def __init__(self, api: Connection, port: int) -> None:
        self.api = api
        labels = {"app": "web"}
        ports = [{"name": "http", "port": 80}]
        api.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        api.create(
            "/api/v1/namespaces/shop/services",
            {"metadata": {"name": "web", "labels": labels}, "spec": {"ports": ports, "selector": labels}},
        )
        slice_ = {
            "metadata": {"name": "web-1", "labels": {**labels, "kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.9.9.9"], "conditions": {"ready": True}}],
            "ports": ports,
        }
        api.create("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", slice_)
        self.make("servicemonitors", monitor("web", port))
        self.make("prometheusrules", rules("good", RULE["expr"]))

    def make(self, plural: str, made: dict[str, Any]) -> None:
        self.api.create(f"{CUSTOM}/shop/{plural}", made)


@pytest.fixture
def entry(kube: ApiServer, renderer: Renderer) -> Iterator[ChosenEntry]:
    with KubernetesClusters() as clusters:
        yield ChosenEntry(NAME, kube, clusters, renderer)


@contextmanager
def operator(kube: ApiServer, folder: Path, args: list[str]) -> Iterator[None]:
    """The operator, with its account's rights."""
    (port,) = _free_ports(1)
    environment = {"KUBECONFIG": str(kubeconfig(kube, folder, f"{NAME}-operator"))}
    argv = [str(entry_program("prometheus-operator")), *(a for a in args if "listen-address" not in a)]
    with (folder / "operator.log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    try:
        yield
        assert process.poll() is None, (folder / "operator.log").read_text()[-2000:]
    finally:
        process.terminate()
        process.wait(30)


def kubeconfig(kube: ApiServer, folder: Path, account: str) -> Path:
    """A file with a token of an account of the chart's."""
    token = kube.service_account(NAME, account).http.headers["Authorization"].removeprefix("Bearer ")
    document = yaml.safe_load(kube.kubeconfig().read_text())
    document["users"] = [{"name": "u", "user": {"token": token}}]
    (folder / f"{account}.token").write_text(token)
    (folder / "ca.crt").write_text(kube.access.ca)
    (made := folder / f"{account}.kubeconfig").write_text(yaml.safe_dump(document))
    return made


def installed(entry: ChosenEntry, api: Connection) -> None:
    """As far as it goes without pods: definitions are served, the operator is said to run, its objects are there."""
    until(lambda: "Deployment prometheus/prometheus-operator" in str(entry.apply()))
    for part in ("operator", "kube"):
        report(api, f"{APPS}/deployments/{NAME}-{part}", **AVAILABLE)
    # In a cluster whose control plane is nobody's machine there is nothing to schedule.
    report(api, f"/apis/apps/v1/namespaces/{NAME}-control-plane/daemonsets/{NAME}-control-plane", **NOWHERE)
    assert set(entry.apply()) == {f"{kind} {NAME}/{NAME}: not looked at yet" for kind in ("Prometheus", "Alertmanager")}


def run_pods(api: Connection) -> None:
    """Say of each pod what its kubelet would say."""
    pods = f"/api/v1/namespaces/{NAME}/pods"
    for pod in list(api.list(pods, page=50, pages=1)):
        ready = [{"type": "Ready", "status": "True"}]
        api.merge(f"{pods}/{pod['metadata']['name']}/status", {"status": {"phase": "Running", "conditions": ready}})


def secret(api: Connection, name: str, key: str) -> str:
    content = base64.b64decode(api.get(f"{SECRETS}/{name}")["data"][key])
    return (gzip.decompress(content) if key.endswith(".gz") else content).decode()


def written_rules(api: Connection) -> dict[str, str]:
    """The files of rules that the operator made."""
    maps = api.list(f"/api/v1/namespaces/{NAME}/configmaps", page=50, pages=1)
    return {k: v for m in maps if "rulefiles" in m["metadata"]["name"] for k, v in m["data"].items()}


def arguments(api: Connection, workload: str, container: str, changes: dict[str, str]) -> list[str]:
    pod = api.get(f"{APPS}/statefulsets/{workload}")["spec"]["template"]["spec"]
    (args,) = (c["args"] for c in pod["containers"] if c["name"] == container)
    for before, after in changes.items():
        args = [arg.replace(before, after) for arg in args]
    return list(args)


@contextmanager
def prometheus(kube: ApiServer, api: Connection, folder: Path, alertmanager: int) -> Iterator[str]:
    """The real program with what the operator wrote for it; gives its URL."""
    (port,) = _free_ports(1)
    account = kubeconfig(kube, folder, NAME)
    text = secret(api, f"prometheus-{NAME}", "prometheus.yaml.gz")
    text = text.replace(f"{ACCOUNT}/token", f"{folder}/{NAME}.token").replace(f"{ACCOUNT}/ca.crt", f"{folder}/ca.crt")
    config = yaml.safe_load(text.replace("$(SHARD)", "0"))  # as the reloader does
    for scraped in config["scrape_configs"]:
        for found in scraped["kubernetes_sd_configs"]:
            found["kubeconfig_file"] = str(account)
    (asked,) = config["alerting"]["alertmanagers"]
    assert asked.pop("kubernetes_sd_configs")
    asked.pop("relabel_configs")
    asked["static_configs"] = [{"targets": [f"127.0.0.1:{alertmanager}"]}]
    (folder / "rules").mkdir()
    for name, content in written_rules(api).items():
        (folder / "rules" / name).write_text(content)
    config["rule_files"] = [f"{folder}/rules/*.yaml"]
    config["global"].update(scrape_interval="1s", evaluation_interval="1s")
    (written := folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    here = {"/etc/prometheus/config_out/prometheus.env.yaml": str(written), "path=/prometheus": f"path={folder}/data"}
    args = [a for a in arguments(api, f"prometheus-{NAME}", "prometheus", here) if "web.config.file" not in a]
    argv = [entry_program("prometheus"), *args, f"--web.listen-address=127.0.0.1:{port}"]
    with running(argv, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready") as url:
        yield url


@contextmanager
def alertmanager(api: Connection, folder: Path, port: int) -> Iterator[str]:
    """The same for Alertmanager."""
    data, mounted = folder / "alertmanager", f"/etc/alertmanager/secrets/{NAME}-alertmanager"
    data.mkdir()
    for key, value in api.get(f"{SECRETS}/{NAME}-alertmanager")["data"].items():
        (data / key).write_bytes(base64.b64decode(value))
    text = secret(api, f"alertmanager-{NAME}-generated", "alertmanager.yaml.gz").replace(mounted, str(data))
    (written := folder / "generated.yaml").write_text(text.replace("group_wait: 30s", "group_wait: 1s"))
    here = {
        "/etc/alertmanager/config_out/alertmanager.env.yaml": str(written),
        "--storage.path=/alertmanager": f"--storage.path={data}",
        "=:9093": f"=127.0.0.1:{port}",
    }
    args = [a for a in arguments(api, f"alertmanager-{NAME}", "alertmanager", here) if "web.config.file" not in a]
    argv = [entry_program("alertmanager"), *args]
    with running(argv, folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready") as url:
        yield url


def test_a_users_monitor_is_scraped_their_alert_reaches_the_webhook_and_nothing_is_left(
    entry: ChosenEntry, kube: ApiServer, api: Connection, tmp_path: Path
) -> None:
    with ExitStack() as all_of_it:
        hook, heard = all_of_it.enter_context(webhook())
        entry.render({"nodeExporter": False, "alerts": {"webhook": hook, "labels": {"cluster": "c"}}})
        installed(entry, api)
        all_of_it.enter_context(kube.controllers(*CONTROLLERS))
        args = api.get(f"{APPS}/deployments/{NAME}-operator")["spec"]["template"]["spec"]["containers"][0]["args"]
        all_of_it.enter_context(operator(kube, tmp_path, args))
        target = all_of_it.enter_context(measured(lambda _: "shop_orders 5\n"))
        shop = Shop(api, target)
        shop.make("prometheusrules", rules("wrong", "vector(1"))
        shop.make("servicemonitors", monitor("thief", target, bearerTokenFile=f"{ACCOUNT}/token"))

        def runs() -> bool:
            run_pods(api)
            return not entry.apply()

        until(runs)
        until(lambda: any("shop" in name for name in written_rules(api)))
        assert not any("wrong" in name for name in written_rules(api))
        claims = list(api.list(f"/api/v1/namespaces/{NAME}/persistentvolumeclaims", page=9, pages=1))
        assert [c["metadata"]["name"] for c in claims] == [f"data-prometheus-{NAME}-0"], "it takes the chart's own"
        assert (entry.look().lost, entry.look().waiting) == ((), ())
        assert "--web.enable-remote-write-receiver" in arguments(api, f"prometheus-{NAME}", "prometheus", {})

        (port,) = _free_ports(1)
        until(lambda: "serviceMonitor/shop/web" in secret(api, f"prometheus-{NAME}", "prometheus.yaml.gz"))
        assert "thief" not in secret(api, f"prometheus-{NAME}", "prometheus.yaml.gz"), "nobody gets at its token"
        url = all_of_it.enter_context(prometheus(kube, api, tmp_path, port))
        all_of_it.enter_context(alertmanager(api, tmp_path, port))
        until(lambda: bool(ask(url, 'shop_orders{namespace="shop", service="web", job="web"} == 5')))
        told = until_heard(heard, lambda: None, "ManyOrders", "firing")
        assert (told["labels"]["cluster"], told["labels"]["namespace"]) == ("c", "shop")
        for log in ("operator.log", "prometheus.log"):
            assert "forbidden" not in (tmp_path / log).read_text(), "each has the rights that it needs"

        shop.api.delete(f"{CUSTOM}/shop/prometheusrules/good")
        until(lambda: not any("shop" in name for name in written_rules(api)))
        until(lambda: not entry.remove(with_data=True))
        until(lambda: not there(api, f"/api/v1/namespaces/{NAME}"))
        assert entry.left(api) == []
    api.delete("/api/v1/namespaces/shop")
