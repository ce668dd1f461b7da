"""An application in a cluster: its address, its policy, and its data, which follow it and grow."""

import json
import os

import pytest
from demo.stack import HOST
from demo.steps import until
from tests.e2e.clusters import Cluster
from tests.e2e.inside import code, processes

pytestmark = pytest.mark.timeout(600)


def test_the_sample_application_sees_its_clients_address_and_keeps_its_data(one: Cluster) -> None:
    shop, kubectl = one.application, one.kubectl
    address = shop.address()
    assert shop.read(address)["client"] == HOST
    shop.write(address, "before the drain")
    (before,) = shop.nodes()
    kubectl.run("drain", before, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
    try:
        shop.wait()
        (after,) = shop.nodes()
        assert after != before
        assert "before the drain" in json.dumps(shop.read(address)["entries"])
    finally:
        kubectl.run("uncordon", before)


def test_a_network_policy_holds(one: Cluster) -> None:
    url = f"http://{one.application.address()}/api"
    assert code(url) == "200"
    nobody = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nobody", "namespace": "shop"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    one.kubectl.run("apply", "-f", "-", stdin=json.dumps(nobody))
    try:
        until("nobody gets in", lambda: code(url) == "000", seconds=60)
    finally:
        one.kubectl.run("delete", "networkpolicy", "nobody", "-n", "shop")
    until("everybody gets in again", lambda: code(url) == "200", seconds=60)


def test_a_claim_grows_while_it_is_used(one: Cluster) -> None:
    kubectl, claim = one.kubectl, ("pvc", "guest-book", "-n", "shop")
    (node,) = one.application.nodes()

    def size() -> int:
        """GiB that the claim has."""
        return int(kubectl.get(*claim)["status"]["capacity"]["storage"].removesuffix("Gi"))

    wanted = size() + 1
    kubectl.run("patch", *claim, "-p", json.dumps({"spec": {"resources": {"requests": {"storage": f"{wanted}Gi"}}}}))
    until("the claim has its new size", lambda: size() == wanted, seconds=240)
    volume = kubectl.get("pv", kubectl.get(*claim)["spec"]["volumeName"])["spec"]["csi"]["volumeHandle"]
    assert one.cloud.block_storage.get_volume(volume).size == wanted
    pods = processes(one.server(node.removeprefix(f"{one.stem}-")), "sample-web")
    (mounted,) = {gib for pid in pods if (gib := mounted_gib(f"/proc/{pid}/root/data"))}
    assert wanted - 0.2 < mounted <= wanted


def mounted_gib(path: str) -> float | None:
    """Size of the file system mounted there, None if none is."""
    if not os.path.ismount(path):
        return None
    seen = os.statvfs(path)
    return seen.f_blocks * seen.f_frsize / 2**30
