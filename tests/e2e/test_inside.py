"""What runs inside a cluster, and what it keeps from whom."""

import json
from pathlib import Path

import pytest
from demo.steps import until
from demo.story import kubectl_program
from tests.e2e.clusters import Cluster
from tests.e2e.inside import CURL, code, in_network_of, processes

pytestmark = pytest.mark.timeout(300)


def test_pods_do_not_reach_the_metadata_service_but_machines_do(one: Cluster) -> None:
    metadata = "http://169.254.169.254/openstack/latest/meta_data.json"
    (node,) = one.application.nodes()
    server = one.server(node.removeprefix(f"{one.stem}-"))
    pod, machine = processes(server, "sample-web")[0], processes(server, "kubelet")[0]
    assert in_network_of(pod, *CURL, "https://10.254.0.1/livez") == "200"  # a pod that has a network
    assert in_network_of(pod, *CURL, metadata) == "000"
    assert in_network_of(machine, *CURL, metadata) == "200"


def test_secrets_are_encrypted_at_rest(one: Cluster) -> None:
    kubectl = one.kubectl
    kubectl.run("create", "secret", "generic", "planted", "--from-literal=word=in-clear-nowhere")
    try:
        (api_server,) = processes(one.server("cp-0"), "kube-apiserver")
        keys = f"/proc/{api_server}/root/etc/kubernetes/pki"
        files = (
            f"--cacert={keys}/etcd/ca.crt",
            f"--cert={keys}/apiserver-etcd-client.crt",
            f"--key={keys}/apiserver-etcd-client.key",
        )
        etcdctl = str(Path(kubectl_program()).with_name("etcdctl"))
        kept = in_network_of(
            api_server,
            *(etcdctl, "--endpoints=https://127.0.0.1:2379", *files),
            *("get", "/registry/secrets/default/planted", "--print-value-only"),
        )
    finally:
        kubectl.run("delete", "secret", "planted")
    assert kept.startswith("k8s:enc:"), kept[:40]
    assert "in-clear-nowhere" not in kept


def test_a_system_addon_that_somebody_deletes_comes_back(one: Cluster) -> None:
    where = ("deployment", "metrics-server", "-n", "kube-system")
    before = one.kubectl.get(*where)["metadata"]["uid"]
    one.kubectl.run("delete", *where)
    one.look_now()

    def is_back() -> bool:
        found = one.kubectl.run("get", *where, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
        return found not in ("", before)

    until("metrics-server is there again", is_back, seconds=60)
    one.kubectl.run("rollout", "status", *where, "--timeout=180s")
    until("the cluster is Ready", lambda: one.shown()["status"]["phase"] == "Ready", seconds=120)


def test_strangers_get_nothing(one: Cluster) -> None:
    assert code(f"{one.shown()['status']['api_url']}/api/v1/namespaces") == "401"


def test_classes_are_zone_aware_and_can_grow(one: Cluster) -> None:
    classes = {c["metadata"]["name"]: c for c in one.kubectl.get("storageclasses")["items"]}
    assert set(classes) >= {"ssd", "hdd"}
    default = [
        n
        for n, c in classes.items()
        if c["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    ]
    assert default == ["ssd"]
    assert all(c["allowVolumeExpansion"] for c in classes.values())
    assert {c["volumeBindingMode"] for c in classes.values()} == {"WaitForFirstConsumer"}


def test_what_the_user_changed_by_hand_survives(one: Cluster) -> None:
    kubectl = one.kubectl
    mine = kubectl.get("storageclass", "ssd")
    mine["metadata"] = {"name": "mine"}
    kubectl.run("create", "-f", "-", stdin=json.dumps(mine))
    custom = ("configmap", "coredns-custom", "-n", "kube-system")
    try:
        kubectl.run("patch", *custom, "-p", json.dumps({"data": {"mine.server": "mine.test:53 {\n  whoami\n}\n"}}))
        kubectl.run("delete", "configmap", "navarch-addons", "-n", "kube-system")  # all add-ons are applied anew
        one.look_now()

        def noted() -> bool:
            notes = kubectl.run("get", "configmap", "navarch-addons", "-n", "kube-system", "-o", "json", check=False)
            return "coredns" in notes

        until("the add-ons were applied anew", noted, seconds=180)
        assert kubectl.get("storageclass", "mine")["parameters"] == mine["parameters"]
        assert "whoami" in kubectl.get(*custom)["data"]["mine.server"]
    finally:
        kubectl.run("delete", "storageclass", "mine")
        kubectl.run("patch", *custom, "-p", json.dumps({"data": {"mine.server": None}}))
