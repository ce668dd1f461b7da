"""The life of a cluster, as its customer sees it, by the guide's own commands. One cluster of 1+2 serves all tests of
this file, in order."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import Customer
from demo.customer import Shop
from demo.stack import HOST
from demo.steps import until
from demo.story import kubectl_program
from guide import follow

NAME = "shop"  # as in the guide
CURL = ("curl", "-sk", "-m", "4", "-o", "/dev/null", "-w", "%{http_code}")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def life(alpha: Customer) -> Iterator[Customer]:
    follow(alpha, 1)
    follow(alpha, 2)
    yield alpha
    alpha.navarch("cluster", "delete", NAME, "--yes", "--wait", timeout=300)


def ids(customer: Customer) -> dict[str, Any]:
    cluster: dict[str, Any] = customer.cluster(NAME)
    return cluster


def stem(customer: Customer) -> str:
    return f"{NAME}-{ids(customer)['id'][:8]}"


def test_a_name_is_enough_and_the_cluster_is_ready(life: Customer) -> None:
    cluster = ids(life)
    assert cluster["status"]["phase"] == "Ready"
    assert cluster["status"]["machines"] == {"desired": 3, "ready": 3}
    assert cluster["status"]["kubernetes_version"] == cluster["spec"]["kubernetes_version"]
    nodes = life.kubectl(NAME).get("nodes")["items"]
    assert len(nodes) == 3
    assert all({c["type"]: c["status"] for c in n["status"]["conditions"]}["Ready"] == "True" for n in nodes)


def test_the_objects_are_exactly_those_planned(life: Customer) -> None:
    cloud, name = life.cloud(), stem(life)
    assert sorted(s.name for s in cloud.compute.servers()) == [f"{name}-cp-0", f"{name}-default-1", f"{name}-default-2"]
    assert [v.name for v in cloud.block_storage.volumes()] == [f"{name}-etcd-0"]
    assert [b.name for b in cloud.load_balancer.load_balancers()] == [f"{name}-api"]
    assert len(list(cloud.network.ips())) == 1
    assert len([r for r in cloud.network.routers() if r.name.startswith(name)]) == 1


def test_workers_are_on_different_hosts_of_one_zone(life: Customer) -> None:
    admin = life.stack.lab.connect("admin")
    workers = [s for s in admin.compute.servers(all_projects=True) if s.name.startswith(f"{stem(life)}-default-")]
    assert {s.availability_zone for s in workers} == {"z1"}
    assert len({s.hypervisor_hostname for s in workers}) == 2


def test_no_machine_has_a_public_address(life: Customer) -> None:
    for server in life.cloud().compute.servers():
        kinds = {a["OS-EXT-IPS:type"] for addresses in server.addresses.values() for a in addresses}
        assert kinds == {"fixed"}, server.name


def test_user_data_holds_nothing_secret_but_a_used_ticket(life: Customer) -> None:
    admin = life.stack.lab.connect("admin")
    servers = [s for s in admin.compute.servers(all_projects=True) if s.name.startswith(stem(life))]
    assert len(servers) == 3
    for server in servers:
        assert server.user_data, "nova shows an admin what it was"
        text = base64.b64decode(server.user_data).decode()
        assert '"ticket"' in text
        assert "PRIVATE KEY" not in text
        assert "password" not in text.lower()


def test_the_sample_application_sees_its_clients_address_and_keeps_its_data(life: Customer) -> None:
    kubectl = life.kubectl(NAME)
    shop = Shop(kubectl)
    shop.deploy()
    shop.wait()
    address = shop.address()
    assert shop.read(address)["client"] == HOST
    shop.write(address, "before the drain")
    (before,) = shop.nodes()
    kubectl.run("drain", before, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
    shop.wait()
    (after,) = shop.nodes()
    assert after != before
    assert "before the drain" in json.dumps(shop.read(address)["entries"])
    kubectl.run("uncordon", before)


CLAIM = ("pvc", "guest-book", "-n", "shop")


def test_a_claim_may_ask_for_more_while_it_is_used(life: Customer) -> None:
    wish = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    life.kubectl(NAME).run("patch", *CLAIM, "-p", json.dumps(wish))  # what comes of it is looked at further down


def test_a_network_policy_holds(life: Customer) -> None:
    kubectl = life.kubectl(NAME)
    shop = Shop(kubectl)
    url = f"http://{shop.address()}/api"
    assert code(url) == "200"
    nobody = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nobody", "namespace": "shop"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    kubectl.run("apply", "-f", "-", stdin=json.dumps(nobody))
    until("nobody gets in", lambda: code(url) == "000", seconds=30)
    kubectl.run("delete", "networkpolicy", "nobody", "-n", "shop")
    until("everybody gets in again", lambda: code(url) == "200", seconds=30)


def code(url: str) -> str:
    """HTTP status; 000 where nobody answers within 4 seconds."""
    return subprocess.run([*CURL, url], capture_output=True, text=True).stdout


def pids(name: str) -> list[str]:
    """PIDs of those that run in the lab's machines."""
    return [p.parent.name for p in Path("/proc").glob("[0-9]*/comm") if p.read_text().strip() == name]


def inside(program: str, *words: str) -> str:
    """What a command says in the network of such a process."""
    done = subprocess.run(["nsenter", "-t", pids(program)[0], "-n", *words], capture_output=True)
    return done.stdout.decode(errors="replace")


def test_pods_do_not_reach_the_metadata_service_but_machines_do(life: Customer) -> None:
    metadata = "http://169.254.169.254/openstack/latest/meta_data.json"
    assert inside("sample-web", *CURL, "https://10.254.0.1/livez") == "200"  # a pod that has a network
    assert inside("sample-web", *CURL, metadata) == "000"
    assert inside("kubelet", *CURL, metadata) == "200"


def test_secrets_are_encrypted_at_rest(life: Customer) -> None:
    life.kubectl(NAME).run("create", "secret", "generic", "planted", "--from-literal=word=in-clear-nowhere")
    keys = f"/proc/{pids('kube-apiserver')[0]}/root/etc/kubernetes/pki"
    files = (
        f"--cacert={keys}/etcd/ca.crt",
        f"--cert={keys}/apiserver-etcd-client.crt",
        f"--key={keys}/apiserver-etcd-client.key",
    )
    etcdctl = str(Path(kubectl_program()).with_name("etcdctl"))
    kept = inside(
        "kube-apiserver",
        *(etcdctl, "--endpoints=https://127.0.0.1:2379", *files),
        *("get", "/registry/secrets/default/planted", "--print-value-only"),
    )
    assert kept.startswith("k8s:enc:"), kept[:40]
    assert "in-clear-nowhere" not in kept


def test_strangers_get_nothing(life: Customer) -> None:
    assert code(f"{ids(life)['status']['api_url']}/api/v1/namespaces") == "401"


def test_classes_are_zone_aware_and_can_grow(life: Customer) -> None:
    kubectl = life.kubectl(NAME)
    classes = {c["metadata"]["name"]: c for c in kubectl.get("storageclasses")["items"]}
    assert set(classes) >= {"ssd", "hdd"}
    default = [
        n
        for n, c in classes.items()
        if c["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    ]
    assert default == ["ssd"]
    assert all(c["allowVolumeExpansion"] for c in classes.values())
    assert {c["volumeBindingMode"] for c in classes.values()} == {"WaitForFirstConsumer"}


def test_what_the_user_changed_by_hand_survives(life: Customer) -> None:
    kubectl = life.kubectl(NAME)
    mine = kubectl.get("storageclass", "ssd")
    mine["metadata"] = {"name": "mine"}
    kubectl.run("create", "-f", "-", stdin=json.dumps(mine))
    custom = ("configmap", "coredns-custom", "-n", "kube-system")
    kubectl.run("patch", *custom, "-p", json.dumps({"data": {"mine.server": "mine.test:53 {\n  whoami\n}\n"}}))
    kubectl.run("delete", "configmap", "navarch-addons", "-n", "kube-system")  # all add-ons are applied anew

    def noted() -> bool:
        notes = kubectl.run("get", "configmap", "navarch-addons", "-n", "kube-system", "-o", "json", check=False)
        return "coredns" in notes

    until("the add-ons were applied anew", noted, seconds=120)
    assert kubectl.get("storageclass", "mine")["parameters"] == mine["parameters"]
    assert "whoami" in kubectl.get(*custom)["data"]["mine.server"]


def test_the_guides_way_to_a_first_application(life: Customer) -> None:
    assert f"{stem(life)}-default-2" in follow(life, 3)
    kubectl = life.kubectl(NAME)

    def address() -> bool:
        return bool(kubectl.get("service", "web")["status"]["loadBalancer"].get("ingress"))

    until("Service default/web has a public address", address, seconds=60)


def test_groups_grow_come_and_go(life: Customer) -> None:
    follow(life, 4)
    assert ids(life)["status"]["machines"] == {"desired": 6, "ready": 6}
    labels = [n["metadata"]["labels"] for n in life.kubectl(NAME).get("nodes")["items"]]
    assert [each["tier"] for each in labels if "tier" in each] == ["big"]
    life.must("nodegroup", "delete", "big", "-c", NAME, "--yes")
    life.must("nodegroup", "scale", "default", "2", "-c", NAME)
    names = {n["metadata"]["name"] for n in life.kubectl(NAME).get("nodes")["items"]}
    assert names == {f"{stem(life)}-cp-0", f"{stem(life)}-default-1", f"{stem(life)}-default-2"}
    assert len(list(life.cloud().compute.servers())) == 3


def test_the_claim_has_grown(life: Customer) -> None:
    kubectl = life.kubectl(NAME)

    def grown() -> bool:
        return bool(kubectl.get(*CLAIM)["status"]["capacity"]["storage"] == "2Gi")

    until("the claim has its new size", grown, seconds=120)
    volume = kubectl.get("pv", kubectl.get(*CLAIM)["spec"]["volumeName"])["spec"]["csi"]["volumeHandle"]
    assert life.cloud().block_storage.get_volume(volume).size == 2
    (mounted,) = {size for p in pids("sample-web") if (size := mount_size(f"/proc/{p}/root/data"))}
    assert 1.8 < mounted <= 2, "GiB"


def mount_size(path: str) -> float | None:
    """GiB of the file system mounted there, None if none is."""
    if not os.path.ismount(path):
        return None
    seen = os.statvfs(path)
    return seen.f_blocks * seen.f_frsize / 2**30


def test_another_project_sees_nothing_of_it(life: Customer, beta: Customer) -> None:
    assert beta.navarch("cluster", "show", NAME).code == 3
    assert beta.navarch("cluster", "show", ids(life)["id"]).code == 3
    assert beta.must("cluster", "list", "-o", "json").json == []


def test_a_reader_may_look_and_nothing_else(life: Customer, reader: Customer) -> None:
    assert reader.cluster(NAME)["name"] == NAME
    refused = reader.navarch("cluster", "delete", NAME, "--yes")
    assert refused.code == 5, refused.err
    assert ids(life)["deletion_requested_at"] is None


def test_the_timeline_shows_where_the_time_went(life: Customer) -> None:
    text = life.must("cluster", "timeline", NAME).out
    for word in ("create server cp-0", "KubeadmInit", "apply addon calico"):
        assert word in text, text


def test_nothing_is_in_the_way_at_the_end(life: Customer) -> None:
    assert "Ready" in follow(life, 5)


def test_deletion_leaves_nothing(life: Customer) -> None:
    before = ids(life)["id"]
    follow(life, 6)
    assert life.navarch("cluster", "show", before).code == 3
    assert life.left() == []
