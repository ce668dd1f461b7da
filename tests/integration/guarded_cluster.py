"""A cluster of one control-plane machine and two workers on a real API server: every add-on, and a few pods."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.entry_programs import real_renderer
from tests.integration.kube_apiserver import ApiServer, api_server
from tests.unit.addons.sample_inputs import STEM, inputs

from navarch.addons import catalogue
from navarch.addons.client import KubernetesClusters
from navarch.domain.errors import Temporary

WORKER, OTHER, CONTROL_PLANE = f"{STEM}-default-1", f"{STEM}-default-2", f"{STEM}-cp-0"
NODES, KUBE_SYSTEM = "/api/v1/nodes", "/api/v1/namespaces/kube-system"
CONTROL_PLANE_ROLE = "node-role.kubernetes.io/control-plane"


def node(name: str, group: str, **labels: str) -> dict[str, Any]:
    """As a kubelet registers it."""
    own = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "navarch.io/node-group": group}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": own | labels}}


def pod(name: str, namespace: str, *, node: str = "", **spec: Any) -> dict[str, Any]:
    """A small one, which asks for nothing special."""
    bound = {"nodeName": node} if node else {}
    containers = [{"name": "c", "image": "none"}]
    body = {"automountServiceAccountToken": False, "containers": containers, **bound, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": body}


def account(namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def made(kube: ApiServer, path: str, body: dict[str, Any]) -> None:
    answer = kube.admin().ask("POST", path, body)
    assert answer.status_code == 201, answer.text


def refusal(answer: Any, *policies: str) -> str:
    """Why one of the policies refused; fails where it was none of them, or nothing."""
    assert answer.status_code == 403, answer.text
    said: str = answer.json()["message"]
    assert any(f"ValidatingAdmissionPolicy '{policy}'" in said for policy in policies), said
    return said


def granted(answer: Any) -> bool:
    assert answer.status_code in (200, 201), answer.text
    return True


EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def bind(kube: ApiServer, name: str, rules: list[dict[str, Any]], subject: dict[str, Any]) -> None:
    """Give somebody a cluster role, everywhere."""
    rbac, group = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    version, metadata = {"apiVersion": f"{group}/v1"}, {"metadata": {"name": name}}
    made(kube, f"{rbac}/clusterroles", version | {"kind": "ClusterRole", "rules": rules} | metadata)
    subjects = [subject | ({} if "namespace" in subject else {"apiGroup": group})]
    given = {"roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name}, "subjects": subjects}
    made(kube, f"{rbac}/clusterrolebindings", version | {"kind": "ClusterRoleBinding"} | metadata | given)


@pytest.fixture(scope="session")
def guarded() -> Iterator[ApiServer]:
    """The cluster."""
    with tempfile.TemporaryDirectory(prefix="navarch-kube-") as folder, api_server(Path(folder)) as kube:
        furnish(kube)
        yield kube


def furnish(kube: ApiServer) -> None:
    """Everything that is in it."""
    with KubernetesClusters(real_renderer()) as clusters:
        for name in catalogue.names():
            for last in (False, False, True):
                try:
                    clusters.apply(kube.access, inputs(), name)
                    break
                except Temporary:
                    if last:
                        raise
    made(kube, f"{KUBE_SYSTEM}/serviceaccounts", account("kube-system", "default"))
    for name in ("shop", "tools"):
        made(kube, "/api/v1/namespaces", namespace(name))
        made(kube, f"/api/v1/namespaces/{name}/serviceaccounts", account(name, "default"))
    for machine, group in ((WORKER, "default"), (OTHER, "default"), (CONTROL_PLANE, "cp")):
        until(lambda m=machine, g=group: kube.node(m).ask("POST", NODES, node(m, g)).status_code in (201, 409))
    made(
        kube, f"{KUBE_SYSTEM}/pods", pod("calico-node-x", "kube-system", node=WORKER, serviceAccountName="calico-node")
    )
    made(kube, "/api/v1/namespaces/shop/pods", pod("web", "shop", node=WORKER))
    stranger = kube.node(f"{STEM}-default-9")
    until(lambda: stranger.ask("POST", NODES, node(f"{STEM}-default-9", "default")).status_code == 403)


def until(seen: Any) -> None:
    """The API server takes up policies within a second or two."""
    end = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
