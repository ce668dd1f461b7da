"""Entries of the catalogue in the end-to-end stories: in the registry, in the catalogue, in a cluster, and gone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.stack import command
from demo.steps import until
from tests.e2e.clusters import Cluster

from navarch_images import entries

ADDONS = Path(__file__).parents[2] / "addons"


def of_the_server(one: Cluster, *words: str) -> None:
    """A command of the operator's. It has to work."""
    stack = one.customer.stack
    argv = [command("navarch-server"), "--config", str(stack.settings), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def push(one: Cluster, entry: str) -> None:
    """Have an entry's images in the lab's registry; what is not built yet is built."""
    lab = one.customer.stack.lab
    assert lab.registry, "the lab has no registry: navarch-images tools registry && navarch-lab up"
    password = lab.clouds_file.parent / "etc" / "registry" / "password"
    to = ("--to", lab.registry, "--ca", str(lab.ca_file), "--password-file", str(password))
    subprocess.run([command("navarch-images"), "push", str(ADDONS / entry), *to], check=True)


@contextmanager
def offered(one: Cluster, entry: str) -> Iterator[None]:
    """Within, an entry is in the catalogue, and its images are in the lab's registry. The cluster has none of it
    afterwards."""
    push(one, entry)
    of_the_server(one, "catalogue", "add", str(ADDONS / entry))
    try:
        yield
    finally:
        if entry in names(one):
            one.customer.must("addon", "remove", entry, "-c", one.name, "--with-data", "--yes")


def names(one: Cluster) -> set[str]:
    """Of the add-ons that the cluster chose."""
    listed = one.customer.must("addon", "list", "-c", one.name, "-o", "json").json
    return {addon["name"] for addon in listed}


def addon(one: Cluster, name: str) -> Any:
    """A chosen add-on as it is shown."""
    return one.customer.must("addon", "show", name, "-c", one.name, "-o", "json").json


def check_images(one: Cluster, entry: str) -> None:
    """Its programs are those that the entry names, by digest. No node image has them: they came from the registry."""
    named = {r.rpartition(":")[0]: digest for r, digest in entries.named_by(ADDONS / entry).items()}
    for pod in one.kubectl.get("pods", "-n", entry)["items"]:
        for status in pod["status"]["containerStatuses"]:
            image, _, digest = status["imageID"].partition("@")
            assert named[image] == digest


def store_pod(one: Cluster, entry: str) -> Any:
    """The pod of its store."""
    (pod,) = one.kubectl.get("pods", "-n", entry, "-l", f"app.kubernetes.io/name={entry}")["items"]
    return pod


def lose_the_pod(one: Cluster, entry: str) -> None:
    """Delete the pod of its store; the next one is Ready afterwards."""
    old = store_pod(one, entry)["metadata"]
    one.kubectl.run("delete", "pod", "-n", entry, old["name"], "--wait=true")

    def is_another() -> bool:
        pods = one.kubectl.get("pods", "-n", entry, "-l", f"app.kubernetes.io/name={entry}")["items"]
        ready = [c for pod in pods for c in pod["status"].get("containerStatuses", []) if c["ready"]]
        return bool(ready) and all(pod["metadata"]["uid"] != old["uid"] for pod in pods)

    until("another pod is Ready", is_another, seconds=180)


def volume_of(one: Cluster, entry: str) -> str:
    """The id of Cinder's volume with its data."""
    (claim,) = one.kubectl.get("pvc", "-n", entry)["items"]
    volume = str(one.kubectl.get("pv", claim["spec"]["volumeName"])["spec"]["csi"]["volumeHandle"])
    assert one.cloud.block_storage.get_volume(volume).size == 20
    return volume


def remove_all(one: Cluster, entry: str) -> None:
    """Remove it with its data. It leaves nothing, neither in the cluster nor in the cloud."""
    volume = volume_of(one, entry)
    one.customer.must("addon", "remove", entry, "-c", one.name, "--with-data", "--yes", timeout=900)
    assert entry not in names(one)
    kubectl = one.kubectl
    assert kubectl.run("get", "namespace", entry, "--ignore-not-found") == ""
    label = f"navarch.io/chosen-addon={entry}"
    assert kubectl.run("get", "clusterroles,clusterrolebindings", "-l", label, "-o", "name") == ""
    assert kubectl.run("get", "namespaces", "-l", label, "-o", "name") == ""

    def volume_is_gone() -> bool:
        return all(each.id != volume for each in one.cloud.block_storage.volumes())

    until("its volume is gone", volume_is_gone, seconds=120)
