"""An add-on from the registry of the region to its removal: pulled by digest, asked, its data kept, upgraded, gone."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from demo.stack import command
from demo.steps import until
from tests.e2e.clusters import Cluster

from navarch_images import entries

pytestmark = pytest.mark.timeout(900)

ENTRY = Path(__file__).parents[2] / "addons" / "monitoring"
PROXY = "/api/v1/namespaces/monitoring/services/monitoring:8428/proxy"
MINE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mine", "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8428"}},
    "spec": {"selector": {"app.kubernetes.io/name": "monitoring"}, "ports": [{"name": "http", "port": 8428}]},
}


def of_the_server(one: Cluster, *words: str) -> None:
    """A command of the operator's. It has to work."""
    stack = one.customer.stack
    argv = [command("navarch-server"), "--config", str(stack.settings), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def push(one: Cluster, entry: Path) -> None:
    """Its images into the lab's registry."""
    lab = one.customer.stack.lab
    assert lab.registry, "the lab has no registry: navarch-images tools registry && navarch-lab up"
    password = lab.clouds_file.parent / "etc" / "registry" / "password"
    to = ("--to", lab.registry, "--ca", str(lab.ca_file), "--password-file", str(password))
    subprocess.run([command("navarch-images"), "push", str(entry), *to], check=True)


@pytest.fixture
def catalogue(one: Cluster) -> Iterator[None]:
    """The entry is in the catalogue, and its images are in the registry."""
    push(one, ENTRY)
    of_the_server(one, "catalogue", "add", str(ENTRY))
    yield
    if "monitoring" in names(one):
        one.customer.must("addon", "remove", "monitoring", "-c", one.name, "--with-data", "--yes")


def names(one: Cluster) -> set[str]:
    """Of the add-ons that the cluster chose."""
    listed = one.customer.must("addon", "list", "-c", one.name, "-o", "json").json
    return {addon["name"] for addon in listed}


def addon(one: Cluster) -> Any:
    return one.customer.must("addon", "show", "monitoring", "-c", one.name, "-o", "json").json


def ask(one: Cluster, query: str, at: float | None = None) -> list[Any]:
    """What it answers to a query of PromQL; nothing while it does not answer."""
    when = f"&time={at:.0f}" if at is not None else ""
    said = one.kubectl.run("get", "--raw", f"{PROXY}/api/v1/query?query={quote(query)}{when}", check=False)
    return json.loads(said)["data"]["result"] if said else []


def store_pod(one: Cluster) -> Any:
    label = "app.kubernetes.io/name=monitoring"
    (pod,) = one.kubectl.get("pods", "-n", "monitoring", "-l", label)["items"]
    return pod


def test_monitoring_is_installed_asked_upgraded_and_leaves_nothing(
    one: Cluster, catalogue: None, tmp_path: Path
) -> None:
    kubectl = one.kubectl
    one.customer.must("addon", "install", "monitoring", "-c", one.name, "--set", "interval=5s", timeout=900)
    assert addon(one)["status"]["phase"] == "Ready"

    # Its programs are those that the entry names, by digest, and came from the registry: the node image has none.
    named = {r.partition(":")[0]: digest for r, digest in entries.named_by(ENTRY).items()}
    for pod in kubectl.get("pods", "-n", "monitoring")["items"]:
        (status,) = pod["status"]["containerStatuses"]
        image, _, digest = status["imageID"].partition("@")
        assert named[image] == digest

    def gathered() -> bool:
        """Every job has targets, and all of them answer."""
        found = {sample["metric"]["job"]: sample["value"][1] for sample in ask(one, "min by (job) (up)")}
        wanted = {"monitoring", "apiserver", "kubelet", "cadvisor", "node", "services"}
        return wanted <= set(found) and set(found.values()) == {"1"}

    until("everything is gathered", gathered, seconds=180)
    nodes = set(one.nodes())
    assert {s["metric"]["node"] for s in ask(one, 'up{job="kubelet"}')} == nodes
    assert {s["metric"]["node"] for s in ask(one, "node_load1")} == one.workers()
    assert ask(one, 'sum(container_memory_working_set_bytes{namespace="kube-system", container!=""}) > 0')
    assert ask(one, 'coredns_build_info{namespace="kube-system"}')

    # What a user says of their own is gathered as well.
    kubectl.run("apply", "-n", "monitoring", "-f", "-", stdin=json.dumps(MINE))
    until("the user's own is gathered", lambda: ask(one, 'up{service="mine"} == 1'), seconds=120)
    kubectl.run("delete", "service", "mine", "-n", "monitoring")

    # What was measured is on a volume of the cloud, and outlives the pod.
    before = time.time()
    assert ask(one, 'up{job="monitoring"}', before)
    old = store_pod(one)
    kubectl.run("delete", "pod", "-n", "monitoring", old["metadata"]["name"], "--wait=true")

    def is_another() -> bool:
        pods = kubectl.get("pods", "-n", "monitoring", "-l", "app.kubernetes.io/name=monitoring")["items"]
        return all(pod["metadata"]["uid"] != old["metadata"]["uid"] for pod in pods) and bool(ask(one, "up"))

    until("another pod answers", is_another, seconds=180)
    assert ask(one, 'up{job="monitoring"}', before)
    (claim,) = kubectl.get("pvc", "-n", "monitoring")["items"]
    volume = kubectl.get("pv", claim["spec"]["volumeName"])["spec"]["csi"]["volumeHandle"]
    assert one.cloud.block_storage.get_volume(volume).size == 20

    # A newer version of the entry: the store begins anew with another argument, on the same volume.
    newer = tmp_path / "monitoring"
    shutil.copytree(ENTRY, newer)
    for file, then, now in (
        ("Chart.yaml", "version: 1.0.0\n", "version: 1.0.1\n"),
        ("templates/store.yaml", "- -loggerFormat=json", "- -loggerFormat=json\n        - -search.latencyOffset=1s"),
    ):
        text = (newer / file).read_text()
        assert then in text
        (newer / file).write_text(text.replace(then, now, 1))
    of_the_server(one, "catalogue", "add", str(newer))
    one.customer.must("addon", "upgrade", "monitoring", "-c", one.name, timeout=900)
    shown = addon(one)
    assert (shown["version"], shown["status"]["phase"]) == ("1.0.1", "Ready")
    assert "-search.latencyOffset=1s" in store_pod(one)["spec"]["containers"][0]["args"]
    until("it answers", lambda: ask(one, "up"), seconds=60)
    assert ask(one, 'up{job="monitoring"}', before)

    # It leaves nothing, neither in the cluster nor in the cloud.
    one.customer.must("addon", "remove", "monitoring", "-c", one.name, "--with-data", "--yes", timeout=900)
    assert "monitoring" not in names(one)
    assert kubectl.run("get", "namespace", "monitoring", "--ignore-not-found") == ""
    labelled = "clusterroles,clusterrolebindings,persistentvolumes"
    assert (
        kubectl.run("get", labelled, "-l", "navarch.io/chosen-addon=monitoring", "--ignore-not-found", "-o", "name")
        == ""
    )
    until("its volume is gone", lambda: one.cloud.block_storage.find_volume(volume) is None, seconds=120)
    for version in ("1.0.0", "1.0.1"):
        of_the_server(one, "catalogue", "remove", "monitoring", version)
