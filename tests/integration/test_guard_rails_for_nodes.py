"""The add-on guard-rails on nodes: each attack is tried on a real API server, and so is what must go on working."""

from typing import Any

import pytest
from tests.integration.guarded_cluster import (
    CONTROL_PLANE,
    CONTROL_PLANE_ROLE,
    EVERYTHING,
    NODES,
    OTHER,
    WORKER,
    bind,
    granted,
    node,
    refusal,
)
from tests.integration.kube_apiserver import ApiServer, Client
from tests.unit.addons.sample_inputs import STEM

pytestmark = [pytest.mark.kube, pytest.mark.tools]


@pytest.fixture(scope="module")
def calico_node(guarded: ApiServer) -> Client:
    """The token of calico-node on a worker, as root finds it on the disk."""
    return guarded.service_account("kube-system", "calico-node", pod="calico-node-x")


def test_who_may_write_a_nodes_status_makes_no_worker_a_control_plane_machine(
    guarded: ApiServer, calico_node: Client
) -> None:
    change = {"metadata": {"labels": {CONTROL_PLANE_ROLE: ""}}}
    path = f"{NODES}/{WORKER}/status"
    refusal(calico_node.merge(path, change), "navarch-nodes", "navarch-calico-node")
    rules = [{"apiGroups": [""], "resources": ["nodes", "nodes/status"], "verbs": ["get", "patch"]}]
    bind(guarded, "labeller", rules, {"kind": "User", "name": "labeller"})
    labeller = guarded.user("labeller")
    for where in (path, f"{NODES}/{WORKER}"):
        assert CONTROL_PLANE_ROLE in refusal(labeller.merge(where, change), "navarch-nodes")
    assert granted(labeller.merge(path, {"metadata": {"labels": {"example.org/rack": "r1"}}}))


def test_calico_nodes_token_changes_no_label_at_all(calico_node: Client) -> None:
    change = {"metadata": {"labels": {"example.org/tier": "front"}}}
    refusal(calico_node.merge(f"{NODES}/{WORKER}/status", change), "navarch-calico-node")


def test_calico_nodes_token_writes_to_no_other_node(calico_node: Client) -> None:
    change = {"metadata": {"annotations": {"projectcalico.org/IPv4Address": "10.0.0.66/24"}}}
    assert "no other" in refusal(calico_node.merge(f"{NODES}/{OTHER}/status", change), "navarch-calico-node")


def test_calico_nodes_token_changes_no_annotation_but_its_own(calico_node: Client) -> None:
    change = {"metadata": {"annotations": {"csi.volume.kubernetes.io/nodeid": "{}"}}}
    refusal(calico_node.merge(f"{NODES}/{WORKER}/status", change), "navarch-calico-node")


def test_calico_node_does_its_work(calico_node: Client) -> None:
    annotations = {
        "projectcalico.org/IPv4Address": "10.0.0.7/24",
        "projectcalico.org/IPv4VXLANTunnelAddr": "10.100.0.1",
    }
    assert granted(calico_node.merge(f"{NODES}/{WORKER}/status", {"metadata": {"annotations": annotations}}))
    condition = {"type": "NetworkUnavailable", "status": "False", "reason": "CalicoIsUp"}
    patch = {"status": {"conditions": [condition]}}
    kind = "application/strategic-merge-patch+json"
    assert granted(calico_node.ask("PATCH", f"{NODES}/{WORKER}/status", patch, kind=kind))
    gone = {"metadata": {"annotations": {"projectcalico.org/IPv4VXLANTunnelAddr": None}}}
    assert granted(calico_node.merge(f"{NODES}/{WORKER}/status", gone))


CALICO = "/apis/crd.projectcalico.org/v1"


def calicos(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "crd.projectcalico.org/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_calico_node_sets_the_pod_network_up_and_leaves_it_then(guarded: ApiServer, calico_node: Client) -> None:
    felix = calicos("FelixConfiguration", "default", reportingInterval="0s", logSeverityScreen="Info")
    information = calicos("ClusterInformation", "default", calicoVersion="v3.28.5", datastoreReady=True)
    pool = calicos("IPPool", "default-ipv4-ippool", cidr="10.100.0.0/16", vxlanMode="Always")
    for plural, body in (("felixconfigurations", felix), ("clusterinformations", information), ("ippools", pool)):
        assert granted(calico_node.ask("POST", f"{CALICO}/{plural}", body))

    def change(plural: str, name: str, spec: dict[str, Any]) -> Any:
        """A change as calico-node makes it: the whole object."""
        path = f"{CALICO}/{plural}/{name}"
        body = guarded.admin().ask("GET", path).json()
        return calico_node.ask("PUT", path, body | {"spec": body["spec"] | spec})

    assert granted(change("clusterinformations", "default", {"calicoVersion": "v3.29.0"}))
    refusal(change("clusterinformations", "default", {"datastoreReady": False}), "navarch-calico-configuration")
    refusal(change("felixconfigurations", "default", {"logSeverityScreen": "Fatal"}), "navarch-calico-configuration")
    stopped = {"spec": {"datastoreReady": False}}  # an administrator moves the pod network's data
    assert granted(guarded.admin().merge(f"{CALICO}/clusterinformations/default", stopped))
    assert granted(change("clusterinformations", "default", {"calicoVersion": "v3.31.0"}))
    assert change("ippools", "default-ipv4-ippool", {"disabled": True}).status_code == 403  # by RBAC
    for plural, body in (
        ("felixconfigurations", calicos("FelixConfiguration", f"node.{OTHER}", defaultEndpointToHostAction="Accept")),
        ("ippools", calicos("IPPool", "mine", cidr="10.0.0.0/24")),
    ):
        refusal(calico_node.ask("POST", f"{CALICO}/{plural}", body), "navarch-calico-configuration")
    assert granted(
        guarded.admin().merge(f"{CALICO}/felixconfigurations/default", {"spec": {"reportingInterval": None}})
    )
    assert granted(change("felixconfigurations", "default", {"reportingInterval": "0s"}))


def test_a_kubelet_does_not_change_its_node_group(guarded: ApiServer) -> None:
    change = {"metadata": {"labels": {"navarch.io/node-group": "secure"}}}
    for path in (f"{NODES}/{WORKER}", f"{NODES}/{WORKER}/status"):
        refusal(guarded.node(WORKER).merge(path, change), "navarch-nodes")


def test_a_kubelet_reports_and_registers_again(guarded: ApiServer) -> None:
    kubelet = guarded.node(OTHER)
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}}
    assert granted(
        kubelet.ask("PATCH", f"{NODES}/{OTHER}/status", ready, kind="application/strategic-merge-patch+json")
    )
    assert granted(kubelet.merge(f"{NODES}/{OTHER}", {"metadata": {"labels": {"kubernetes.io/arch": "amd64"}}}))
    assert granted(guarded.admin().ask("DELETE", f"{NODES}/{OTHER}"))
    assert granted(kubelet.ask("POST", NODES, node(OTHER, "default")))


def test_a_machine_that_was_removed_is_no_node_again(guarded: ApiServer) -> None:
    gone = f"{STEM}-default-7"
    said = refusal(guarded.node(gone).ask("POST", NODES, node(gone, "default")), "navarch-nodes")
    assert f"{gone} is none of the machines of this cluster, or one that was removed" in said


def test_a_machine_does_not_register_in_another_group(guarded: ApiServer) -> None:
    assert granted(guarded.admin().ask("DELETE", f"{NODES}/{OTHER}"))
    refusal(guarded.node(OTHER).ask("POST", NODES, node(OTHER, "cp")), "navarch-nodes")
    assert granted(guarded.node(OTHER).ask("POST", NODES, node(OTHER, "default")))


def test_an_administrator_labels_nodes_as_before(guarded: ApiServer) -> None:
    admin = guarded.user("ann", "navarch:admins")
    assert granted(admin.merge(f"{NODES}/{WORKER}", {"metadata": {"labels": {"node-role.kubernetes.io/web": ""}}}))
    assert granted(admin.merge(f"{NODES}/{WORKER}", {"metadata": {"labels": {"node-role.kubernetes.io/web": None}}}))
    # kubeadm marks control-plane machines; it binds its group to cluster-admin itself.
    bind(guarded, "kubeadm", EVERYTHING, {"kind": "Group", "name": "kubeadm:cluster-admins"})
    kubeadm = guarded.user("kubernetes-admin", "kubeadm:cluster-admins")
    assert granted(kubeadm.merge(f"{NODES}/{CONTROL_PLANE}", {"metadata": {"labels": {CONTROL_PLANE_ROLE: ""}}}))
