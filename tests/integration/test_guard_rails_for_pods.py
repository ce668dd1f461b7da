"""The add-on guard-rails on pods: each attack is tried on a real API server, and so is what must go on working."""

from typing import Any

import pytest
from tests.integration.entry_programs import rendered_addon
from tests.integration.guarded_cluster import (
    CONTROL_PLANE,
    CONTROL_PLANE_ROLE,
    EVERYTHING,
    KUBE_SYSTEM,
    NODES,
    WORKER,
    account,
    bind,
    granted,
    made,
    namespace,
    pod,
    refusal,
    until,
)
from tests.integration.kube_apiserver import ApiServer, Client
from tests.unit.addons.sample_inputs import inputs

pytestmark = [pytest.mark.kube, pytest.mark.tools]


@pytest.fixture(scope="module")
def cni_plugin(guarded: ApiServer) -> Client:
    """The token of the CNI plugin, which is the same on every machine."""
    return guarded.service_account("kube-system", "calico-cni-plugin")


WEB = "/api/v1/namespaces/shop/pods/web"


def test_nobody_changes_a_pods_labels_through_its_status(guarded: ApiServer, cni_plugin: Client) -> None:
    change = {"metadata": {"labels": {"k8s-app": "kube-dns"}}}
    for who in (cni_plugin, guarded.user("ann", "navarch:admins")):
        refusal(who.merge(f"{WEB}/status", change), "navarch-pod-status")


def test_the_cni_plugins_token_gives_no_pod_another_address_or_state(cni_plugin: Client) -> None:
    for status in ({"podIP": "10.0.0.66", "podIPs": [{"ip": "10.0.0.66"}]}, {"phase": "Failed"}):
        refusal(cni_plugin.merge(f"{WEB}/status", {"status": status}), "navarch-pod-status")
    change = {"metadata": {"annotations": {"prometheus.io/port": "22"}}}
    refusal(cni_plugin.merge(f"{WEB}/status", change), "navarch-pod-status")


def test_the_cni_plugin_does_its_work(guarded: ApiServer, cni_plugin: Client) -> None:
    kind = "application/strategic-merge-patch+json"
    own = {"cni.projectcalico.org/podIP": "10.100.0.9/32", "cni.projectcalico.org/containerID": "abc"}
    kubelet = guarded.node(WORKER)
    running = {"status": {"phase": "Running", "podIP": "10.100.0.9", "podIPs": [{"ip": "10.100.0.9"}]}}
    assert granted(cni_plugin.ask("PATCH", f"{WEB}/status", {"metadata": {"annotations": own}}, kind=kind))
    assert granted(kubelet.ask("PATCH", f"{WEB}/status", running, kind=kind))
    empty = {"cni.projectcalico.org/podIP": ""}
    assert granted(cni_plugin.ask("PATCH", f"{WEB}/status", {"metadata": {"annotations": empty}}, kind=kind))


# -- the cloud's credentials


def controller(kube: ApiServer, name: str) -> Client:
    """One of the controller manager's, each of which has an account of its own."""
    return kube.user(
        f"system:serviceaccount:kube-system:{name}", "system:serviceaccounts", "system:serviceaccounts:kube-system"
    )


def from_template(addon: str, kind: str, *, on: str = "") -> dict[str, Any]:
    """A pod as its controller makes it; that of DaemonSets puts the node's name in place of the template's affinity."""
    workload = next(o for o in rendered_addon(inputs(), addon).objects if o["kind"] == kind)
    spec = workload["spec"]["template"]["spec"]
    if on:
        terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [on]}]}]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec = spec | {"affinity": {"nodeAffinity": required}}
    metadata = {"generateName": f"{workload['metadata']['name']}-", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_pods_with_the_clouds_credentials_go_to_control_plane_machines(guarded: ApiServer) -> None:
    daemon_sets, replica_sets = (controller(guarded, f"{kind}-controller") for kind in ("daemon-set", "replicaset"))
    pods = f"{KUBE_SYSTEM}/pods"
    assert granted(daemon_sets.ask("POST", pods, from_template("cloud-controller", "DaemonSet", on=CONTROL_PLANE)))
    assert granted(replica_sets.ask("POST", pods, from_template("cinder-csi", "Deployment")))


def test_a_worker_that_bears_the_label_of_a_control_plane_machine_gets_none(guarded: ApiServer) -> None:
    daemon_sets = controller(guarded, "daemon-set-controller")
    taken = daemon_sets.ask("POST", f"{KUBE_SYSTEM}/pods", from_template("cloud-controller", "DaemonSet", on=WORKER))
    refusal(taken, "navarch-cloud-credentials")


REFERENCES: dict[str, dict[str, Any]] = {
    "a volume": {"volumes": [{"name": "v", "secret": {"secretName": "cloud-config"}}]},
    "a projected volume": {
        "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "cloud-config"}}]}}]
    },
    "a variable": {
        "containers": [
            {
                "name": "c",
                "image": "none",
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "cloud-config", "key": "cloud.conf"}}}],
            }
        ]
    },
    "all variables, in an init container": {
        "initContainers": [{"name": "i", "image": "none", "envFrom": [{"secretRef": {"name": "cloud-config"}}]}]
    },
}


@pytest.mark.parametrize("how", REFERENCES)
def test_whatever_way_a_pod_refers_to_them(guarded: ApiServer, how: str) -> None:
    asked = pod("thief", "kube-system", **REFERENCES[how])
    refusal(guarded.admin().ask("POST", f"{KUBE_SYSTEM}/pods", asked), "navarch-cloud-credentials")


def test_a_workers_kubelet_reads_no_credentials_of_the_cloud(guarded: ApiServer) -> None:
    assert guarded.node(WORKER).ask("GET", f"{KUBE_SYSTEM}/secrets/cloud-config").status_code == 403


# -- control-plane machines


TOLERATES: dict[str, dict[str, Any]] = {
    "everything": {"tolerations": [{"operator": "Exists"}]},
    "everything that keeps pods away": {"tolerations": [{"operator": "Exists", "effect": "NoSchedule"}]},
    "the taint": {"tolerations": [{"key": CONTROL_PLANE_ROLE, "effect": "NoSchedule"}]},
    "the taint, whatever its effect": {"tolerations": [{"key": CONTROL_PLANE_ROLE, "operator": "Exists"}]},
    "nothing, but names the machine": {"nodeName": CONTROL_PLANE},
}
HARMLESS: dict[str, Any] = {
    "tolerations": [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5},
        {"key": "node-role.kubernetes.io/web", "operator": "Exists"},
    ]
}


def template(kind: str, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(path, object) of what makes such pods in namespace shop."""
    group, plural = {
        "Deployment": ("apps", "deployments"), "DaemonSet": ("apps", "daemonsets"), "Job": ("batch", "jobs"),
    }[kind]  # fmt: skip
    labels = {} if kind == "Job" else {"app": "x"}
    selector = {} if kind == "Job" else {"selector": {"matchLabels": labels}}
    never = {"restartPolicy": "Never"} if kind == "Job" else {}
    inside = {"metadata": {"labels": labels}, "spec": pod("", "")["spec"] | never | spec}
    body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"generateName": "x-", "namespace": "shop"}}
    return f"/apis/{group}/v1/namespaces/shop/{plural}", body | {"spec": selector | {"template": inside}}


@pytest.mark.parametrize("what", TOLERATES)
def test_no_foreign_pod_comes_to_a_control_plane_machine(guarded: ApiServer, what: str) -> None:
    admin, asked = guarded.user("ann", "navarch:admins"), pod("x", "shop", **TOLERATES[what])
    said = refusal(admin.ask("POST", "/api/v1/namespaces/shop/pods", asked), "navarch-control-plane-pods")
    assert "navarch.io/control-plane-pods=allowed" in said
    for kind in ("Deployment", "DaemonSet", "Job"):
        path, body = template(kind, TOLERATES[what])
        refusal(admin.ask("POST", path, body), "navarch-control-plane-pod-templates")


def test_no_toleration_is_added_later(guarded: ApiServer) -> None:
    admin = guarded.user("ann", "navarch:admins")
    change = [{"op": "add", "path": "/spec/tolerations/-", "value": {"operator": "Exists"}}]
    refusal(admin.ask("PATCH", WEB, change, kind="application/json-patch+json"), "navarch-control-plane-pods")
    assert granted(admin.merge(WEB, {"metadata": {"labels": {"tier": "front"}}}))


def test_ordinary_pods_are_made_as_before(guarded: ApiServer) -> None:
    admin = guarded.user("ann", "navarch:admins")
    assert granted(admin.ask("POST", "/api/v1/namespaces/shop/pods", pod("fine", "shop", **HARMLESS)))
    for kind in ("Deployment", "DaemonSet", "Job"):
        assert granted(admin.ask("POST", *template(kind, HARMLESS)))


def test_an_administrator_opens_them_to_a_namespace(guarded: ApiServer) -> None:
    allowed = {"navarch.io/control-plane-pods": "allowed"}
    made(guarded, "/api/v1/namespaces", namespace("monitoring", **allowed))
    made(guarded, "/api/v1/namespaces/monitoring/serviceaccounts", account("monitoring", "default"))
    admin, asked = guarded.user("ann", "navarch:admins"), pod("agent", "monitoring", **TOLERATES["everything"])
    assert granted(admin.ask("POST", "/api/v1/namespaces/monitoring/pods", asked))


# -- kube-system


@pytest.fixture(scope="module")
def deployer(guarded: ApiServer) -> Client:
    """A program in a namespace of its own that may make pods, enter them and get tokens, everywhere."""
    made(guarded, "/api/v1/namespaces/tools/serviceaccounts", account("tools", "deployer"))
    rules = [{"apiGroups": ["", "apps", "batch"], "resources": ["*"], "verbs": ["create", "get", "update", "patch"]}]
    bind(guarded, "deployer", rules, {"kind": "ServiceAccount", "namespace": "tools", "name": "deployer"})
    return guarded.service_account("tools", "deployer")


def test_a_program_that_may_make_pods_everywhere_makes_and_enters_none_in_kube_system(
    guarded: ApiServer, deployer: Client
) -> None:
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path, deployment = template("Deployment", {})
    deployment["metadata"]["namespace"] = "kube-system"
    for asked in (
        ("POST", f"{KUBE_SYSTEM}/pods", pod("x", "kube-system")),
        ("POST", f"{KUBE_SYSTEM}/serviceaccounts/calico-node/token", token),
        ("POST", path.replace("shop", "kube-system"), deployment),
        ("POST", f"{KUBE_SYSTEM}/pods/calico-node-x/exec?command=sh&stdout=true", None),
        ("GET", f"{KUBE_SYSTEM}/pods/calico-node-x/exec?command=sh&stdout=true", None),
        ("GET", f"{KUBE_SYSTEM}/pods/calico-node-x/portforward?ports=9091", None),
    ):
        refusal(deployer.ask(*asked), "navarch-system-pods")


def test_and_does_what_it_likes_elsewhere(deployer: Client) -> None:
    assert granted(deployer.ask("POST", "/api/v1/namespaces/tools/pods", pod("built", "tools")))
    assert granted(deployer.ask("POST", *template("Deployment", {})))


def test_the_clusters_own_parts_work_in_kube_system(guarded: ApiServer) -> None:
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    manager = guarded.user("system:kube-controller-manager")
    assert granted(manager.ask("POST", f"{KUBE_SYSTEM}/serviceaccounts/default/token", token))
    mirror = pod("etcd-x", "kube-system", node=CONTROL_PLANE, hostNetwork=True)
    metadata = {
        "annotations": {"kubernetes.io/config.mirror": "hash"},
        "ownerReferences": [
            {
                "apiVersion": "v1", "kind": "Node", "name": CONTROL_PLANE, "controller": True,
                "uid": guarded.admin().ask("GET", f"{NODES}/{CONTROL_PLANE}").json()["metadata"]["uid"],
            }
        ],
    }  # fmt: skip
    mirror["metadata"] |= metadata
    del mirror["spec"]["automountServiceAccountToken"]
    assert granted(guarded.node(CONTROL_PLANE).ask("POST", f"{KUBE_SYSTEM}/pods", mirror))


def test_who_is_an_administrator_by_rbac_is_one_here(guarded: ApiServer) -> None:
    made(guarded, "/api/v1/namespaces/tools/serviceaccounts", account("tools", "gitops"))
    bind(guarded, "gitops", EVERYTHING, {"kind": "ServiceAccount", "namespace": "tools", "name": "gitops"})
    gitops = guarded.service_account("tools", "gitops")
    assert granted(gitops.ask("POST", f"{KUBE_SYSTEM}/pods", pod("by-gitops", "kube-system")))


# -- others


def test_editors_keep_out_of_namespaces_that_allow_privileged_pods(guarded: ApiServer) -> None:
    made(guarded, "/api/v1/namespaces", namespace("agents", **{"pod-security.kubernetes.io/enforce": "privileged"}))
    made(guarded, "/api/v1/namespaces/agents/serviceaccounts", account("agents", "default"))
    rules = [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]}]
    bind(guarded, "like-edit", rules, {"kind": "User", "name": "eva"})
    editor, admin = guarded.user("eva", "navarch:editors"), guarded.user("ann", "navarch:admins")
    privileged: dict[str, Any] = {
        "containers": [{"name": "c", "image": "none", "securityContext": {"privileged": True}}]
    }
    assert granted(admin.ask("POST", "/api/v1/namespaces/agents/pods", pod("agent", "agents", **privileged)))
    refusal(editor.ask("POST", "/api/v1/namespaces/agents/pods", pod("x", "agents")), "navarch-editors")
    refusal(editor.ask("POST", "/api/v1/namespaces/agents/pods/agent/exec?command=sh&stdout=true"), "navarch-editors")
    assert granted(editor.ask("POST", "/api/v1/namespaces/shop/pods", pod("edited", "shop")))


def test_a_service_takes_over_no_balancer_that_is_there(guarded: ApiServer) -> None:
    path, key = "/api/v1/namespaces/shop/services", "loadbalancer.openstack.org/load-balancer-id"
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "front", "annotations": {}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }  # fmt: skip
    editor = guarded.user("eva", "navarch:editors")
    assert granted(editor.ask("POST", path, service))
    theirs = {"metadata": {"annotations": {key: "8d3b1d1c-0000-4000-8000-000000000000"}}}
    refusal(editor.merge(f"{path}/front", theirs), "navarch-load-balancers")
    taking = service | {"metadata": {"name": "second", **theirs["metadata"]}}
    refusal(editor.ask("POST", path, taking), "navarch-load-balancers")
    assert granted(controller(guarded, "cloud-controller-manager").merge(f"{path}/front", theirs))
    assert granted(editor.merge(f"{path}/front", {"metadata": {"labels": {"a": "b"}}}))


def test_every_expression_fits_the_objects_that_it_is_about(guarded: ApiServer) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    def listed() -> list[dict[str, Any]]:
        found = guarded.admin().ask("GET", path, labelSelector="navarch.io/addon=guard-rails").json()["items"]
        assert len(found) == len(policies)
        return [p for p in found if p.get("status", {}).get("observedGeneration") == p["metadata"]["generation"]]

    policies = [o for o in rendered_addon(inputs(), "guard-rails").objects if o["kind"].endswith("Policy")]
    with guarded.controllers("validatingadmissionpolicy-status-controller"):
        until(lambda: len(listed()) == len(policies))
    warned = {p["metadata"]["name"]: p["status"]["typeChecking"] for p in listed() if p["status"].get("typeChecking")}
    assert warned == {}
