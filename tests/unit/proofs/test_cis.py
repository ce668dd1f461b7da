"""The checks of `make proof-cis`, on machines as the golden answers make them and on ones that are worse."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from proofs.cis import collect, report
from proofs.cis.cluster_checks import CLUSTER_CHECKS, workload
from proofs.cis.machine_checks import CONTROL_PLANE_CHECKS, NODE_CHECKS
from proofs.cis.seen import KUBELET_CONFIG, MANIFESTS, Cluster, File, Machine
from tests.unit.proofs.golden_machines import machine

CONTROL_PLANE, WORKER = machine(is_control_plane=True), machine(is_control_plane=False)
CHECKS = {check.number: check for check in (*CONTROL_PLANE_CHECKS, *NODE_CHECKS)}
# What Kubernetes does by itself where nothing is said.
RIGHT_BY_DEFAULT = {"4.2.4", "4.2.5", "4.2.6", "4.2.7", "4.2.8", "4.2.11"}


def test_a_cluster_of_today_fails_in_no_line_of_its_machines() -> None:
    told = [line for line in report.lines((CONTROL_PLANE, WORKER), Cluster({})) if line.number in CHECKS]
    assert {line.number: line.seen for line in told if line.outcome == report.FAILED} == {}
    assert {line.number for line in told if line.outcome == report.ARGUED} == {
        "1.1.12", "1.2.9", "1.2.11", "4.1.1", "4.2.7", "4.2",
    }  # fmt: skip


def test_no_line_passes_where_there_is_nothing_to_see() -> None:
    empty = Machine("x", True, {"/var/lib/etcd/member": File(0o777)}, {})
    passing = {number for number, check in CHECKS.items() if not check.wrong(empty)}
    assert passing == RIGHT_BY_DEFAULT


def with_flag(component: str, **changed: str | None) -> Machine:
    """The control-plane machine with arguments of a static pod changed; None: left out."""
    path = f"{MANIFESTS}/{component}.yaml"
    manifest = yaml.safe_load(CONTROL_PLANE.files[path].content)
    said = CONTROL_PLANE.flags(component) | {name.replace("_", "-"): value for name, value in changed.items()}
    words = [f"--{name}={value}" for name, value in said.items() if value is not None]
    manifest["spec"]["containers"][0]["command"][1:] = words
    return with_file(path, content=yaml.safe_dump(manifest))


def with_file(path: str, **changed: Any) -> Machine:
    files = {**CONTROL_PLANE.files, path: replace(CONTROL_PLANE.files[path], **changed)}
    return replace(CONTROL_PLANE, files=files)


def with_setting(**changed: Any) -> Machine:
    said = {**yaml.safe_load(CONTROL_PLANE.files[KUBELET_CONFIG].content), **changed}
    return with_file(KUBELET_CONFIG, content=yaml.safe_dump(said))


def with_document(name: str, change: Callable[[dict[str, Any]], None]) -> Machine:
    path = f"/etc/kubernetes/navarch/{name}.yaml"
    document = yaml.safe_load(CONTROL_PLANE.files[path].content)
    change(document)
    return with_file(path, content=yaml.safe_dump(document))


def standard(admission: dict[str, Any]) -> dict[str, Any]:
    """Pod Security's part of the admission configuration."""
    found: dict[str, Any] = admission["plugins"][0]["configuration"]
    return found


API, MANAGER, SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"
WORSE: list[tuple[str, Machine]] = [
    ("1.1.1", with_file(f"{MANIFESTS}/{API}.yaml", mode=0o644)),
    ("1.1.2", with_file(f"{MANIFESTS}/{API}.yaml", owner="navarch:navarch")),
    ("1.1.9", with_file("/etc/cni/net.d/10-calico.conflist", mode=0o644)),
    ("1.1.11", with_file("/var/lib/etcd/member", mode=0o755)),
    ("1.1.20", with_file("/etc/kubernetes/pki/apiserver.crt", mode=0o664)),
    ("1.1.21", with_file("/etc/kubernetes/pki/etcd/server.key", mode=0o640)),
    ("1.2.1", with_document("authentication", lambda d: d["anonymous"].pop("conditions"))),
    ("1.2.1", with_flag(API, authentication_config=None)),
    ("1.2.3", with_flag(API, enable_admission_plugins="NodeRestriction")),
    ("1.2.6", with_document("authorization", lambda d: d["authorizers"].append({"type": "AlwaysAllow", "name": "x"}))),
    ("1.2.7", with_flag(API, authorization_config=None, authorization_mode="RBAC")),
    ("1.2.13", with_flag(API, disable_admission_plugins="ServiceAccount")),
    ("1.2.16", with_flag(API, profiling=None)),
    ("1.2.18", with_flag(API, audit_log_maxage="7")),
    ("1.2.21", with_flag(API, request_timeout="0s")),
    ("1.2.29", with_document("encryption", lambda d: d["resources"][0]["providers"].reverse())),
    ("1.2.30", with_flag(API, tls_cipher_suites="TLS_RSA_WITH_3DES_EDE_CBC_SHA")),
    ("1.2.31", with_flag(API, service_account_extend_token_expiration=None)),
    ("1.3.6", with_flag(MANAGER, feature_gates="RotateKubeletServerCertificate=false")),
    ("1.3.7", with_flag(MANAGER, bind_address="0.0.0.0")),
    ("1.4.2", with_flag(SCHEDULER, bind_address="0.0.0.0")),
    ("2.2", with_flag("etcd", client_cert_auth="false")),
    ("2.3", with_flag("etcd", auto_tls="true")),
    ("2.7", with_flag("etcd", trusted_ca_file="/etc/kubernetes/pki/ca.crt")),
    ("5.2", with_document("admission", lambda d: standard(d)["defaults"].pop("enforce"))),
    ("5.2", with_document("admission", lambda d: standard(d)["exemptions"]["namespaces"].append("a"))),
    ("3.2.2", with_document("audit-policy", lambda d: d["rules"].insert(0, {"level": "None", "users": ["x"]}))),
    ("3.2.2", with_document("audit-policy", lambda d: d["rules"].pop(1))),
    ("4.2.1", with_setting(authentication={"anonymous": {"enabled": True}})),
    ("4.2.2", with_setting(authorization={"mode": "AlwaysAllow"})),
    ("4.2.4", with_setting(readOnlyPort=10255)),
    ("4.2.5", with_setting(streamingConnectionIdleTimeout="0s")),
    ("4.2.11", with_setting(featureGates={"RotateKubeletServerCertificate": False})),
    ("4.2.13", with_setting(podPidsLimit=-1)),
    ("4.2.14", with_setting(seccompDefault=False)),
]  # fmt: skip


@pytest.mark.parametrize(("number", "worse"), WORSE, ids=[f"{n}-{i}" for i, (n, _) in enumerate(WORSE)])
def test_what_is_worse_is_told(number: str, worse: Machine) -> None:
    assert not CHECKS[number].wrong(CONTROL_PLANE)
    assert CHECKS[number].wrong(worse)


def test_a_drop_in_changes_what_the_kubelets_file_says() -> None:
    path = "/etc/kubernetes/kubelet.conf.d/10-host.conf"
    machine = replace(WORKER, files={**WORKER.files, path: File(0o644, content="readOnlyPort: 10255\n")})
    assert CHECKS["4.2.4"].wrong(machine)


# -- the cluster


def binding(role: str, *names: str, kind: str = "Group", namespace: str = "") -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    subjects = [{"kind": kind, "name": name, **where} for name in names]
    return {"metadata": {"name": f"{role}-{names[0]}"}, "roleRef": {"name": role}, "subjects": subjects}


def role(name: str, verbs: str, resources: str, group: str = "") -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {"metadata": {"name": name}, "rules": [rule]}


def pod(name: str, owner: str, namespace: str = "kube-system", **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": namespace,
        "ownerReferences": [{"kind": "DaemonSet", "name": owner, "controller": True}],
    }
    return {"metadata": metadata, "spec": {"containers": [{"name": "c"}], **spec}}


PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
TOKEN: dict[str, Any] = {"volumes": [{"projected": {"sources": [{"serviceAccountToken": {}}]}}]}
CLUSTERS: list[tuple[str, dict[str, list[dict[str, Any]]], str]] = [
    ("5.1.1", {"clusterrolebindings": [binding("cluster-admin", "system:masters", "ann")]}, "ann"),
    ("5.1.2", {"clusterroles": [role("r", "get list", "secrets")],
               "clusterrolebindings": [binding("r", "sa", kind="ServiceAccount", namespace="tools")]}, "tools/sa"),
    ("5.1.2", {"clusterroles": [role("edit", "get", "secrets")],
               "clusterrolebindings": [binding("edit", "navarch:editors")]}, "navarch:editors"),
    ("5.1.3", {"clusterroles": [role("navarch:x", "*", "pods")]}, "navarch:x"),
    ("5.1.5", {"rolebindings": [binding("v", "default", kind="ServiceAccount", namespace="shop")]}, "shop: v-default"),
    ("5.1.6", {"pods": [pod("a", "csi-cinder-nodeplugin", **TOKEN)]}, "csi-cinder-nodeplugin"),
    ("5.1.7", {"clusterrolebindings": [binding("r", "system:masters")]}, "r-system:masters"),
    ("5.1.11", {"clusterroles": [role("r", "update", "certificatesigningrequests/approval", "certificates.k8s.io")],
                "clusterrolebindings": [binding("r", "ann")]}, "ann"),
    ("5.2.1", {"namespaces": [{"metadata": {"name": "a", "labels": PRIVILEGED}}]}, "a"),
    ("5.2.2", {"pods": [pod("a", "x", containers=[{"securityContext": {"privileged": True}}])]}, "x"),
    ("5.3.1", {"pods": [pod("a", "other")]}, "no calico-node runs"),
    ("5.3.2", {"pods": [pod("a", "x"), pod("b", "y", namespace="shop")]}, "kube-system"),
    ("5.7.2", {"pods": [pod("a", "x", securityContext={"seccompProfile": {"type": "Unconfined"}})]}, "x"),
    ("4.3.1", {"configmaps": [{"metadata": {"name": "kube-proxy-config"},
                               "data": {"config.conf": "metricsBindAddress: 0.0.0.0:10249"}}]}, "0.0.0.0:10249"),
    ("-", {"validatingadmissionpolicies": [{"metadata": {"name": "navarch-nodes"}}]}, "navarch-nodes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "objects", "told"), CLUSTERS, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(CLUSTERS)]
)
def test_what_is_wrong_in_a_cluster_is_told(number: str, objects: dict[str, list[dict[str, Any]]], told: str) -> None:
    (check,) = (check for check in CLUSTER_CHECKS if check.number == number)
    assert check.wrong(Cluster(objects)) == told


def test_an_argument_holds_for_what_it_is_about_and_nothing_more() -> None:
    roles = [role("edit", "get", "secrets")]

    def outcome(*names: str) -> str:
        seen = Cluster({"clusterroles": roles, "clusterrolebindings": [binding("edit", *names)]})
        return next(x.outcome for x in report.lines((), seen) if x.number == "5.1.2")

    assert outcome("navarch:admins") == report.PASSED
    assert outcome("navarch:editors") == report.ARGUED
    assert outcome("navarch:editors", "team-blue") == report.FAILED


def test_a_machine_is_read_without_its_secrets(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for path, content in {
        "etc/kubernetes/manifests/kube-apiserver.yaml": "manifest",
        "etc/kubernetes/pki/ca.key": "secret",
        "etc/kubernetes/admin.conf": "secret",
        "etc/kubernetes/navarch/authorizer.key": "secret",
        "etc/kubernetes/navarch/audit-policy.yaml": "policy",
        "var/lib/etcd/member/member/wal/1.wal": "data",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
        (root / path).chmod(0o640)
    seen = collect.machine("cp-0", root, {})
    assert seen.control_plane
    assert {f.content for f in seen.files.values()} == {"manifest", "policy", ""}
    assert seen.files["/etc/kubernetes/pki/ca.key"].mode == 0o640
    assert seen.files["/var/lib/etcd/member"]
    assert not seen.below("/var/lib/etcd/member")


def test_the_page_says_what_was_looked_at() -> None:
    told = report.page(report.lines((CONTROL_PLANE, WORKER), Cluster({})), "1 control-plane and 1 worker machines")
    assert "1 control-plane and 1 worker machines" in told
    assert "| 1.2.3 | no external addresses of Services | pass |  |" in told


def test_an_agent_of_every_node_is_known_whatever_versions_are_in_its_name() -> None:
    agent = pod("calico-node-v3-31-0-x", "calico-node-v3-31-0")
    agent["metadata"]["labels"] = {"navarch.io/agent": "calico-node"}
    assert workload(agent) == "calico-node"
    assert workload(pod("a-x", "a")) == "a"
