"""What the API server refuses by its own configuration, whoever asks."""

from typing import Any

import pytest
from tests.integration.guarded_cluster import KUBE_SYSTEM, account, granted, made, namespace, pod
from tests.integration.kube_apiserver import ApiServer, Client

pytestmark = pytest.mark.kube

PODS = "/api/v1/namespaces/shop/pods"


def container(**context: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": "none", "securityContext": context}]}


WAYS_TO_THE_MACHINE: dict[str, dict[str, Any]] = {
    "the machine's files": {"volumes": [{"name": "h", "hostPath": {"path": "/etc/kubernetes"}}]},
    "the machine's network": {"hostNetwork": True},
    "the machine's processes": {"hostPID": True},
    "all rights": container(privileged=True),
    "a capability": container(capabilities={"add": ["SYS_ADMIN"]}),
    "no system call filter": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
}


@pytest.fixture(scope="module")
def admin(guarded: ApiServer) -> Client:
    return guarded.user("ann", "navarch:admins")


@pytest.mark.parametrize("way", WAYS_TO_THE_MACHINE)
def test_a_pod_does_not_reach_for_its_machine(admin: Client, way: str) -> None:
    answer = admin.ask("POST", PODS, pod("x", "shop", **WAYS_TO_THE_MACHINE[way]))
    assert answer.status_code == 403, answer.text
    assert 'violates PodSecurity "baseline:latest"' in answer.json()["message"]


def test_the_maker_of_a_deployment_is_warned(admin: Client) -> None:
    inside = {"metadata": {"labels": {"app": "x"}}, "spec": pod("", "")["spec"] | {"hostNetwork": True}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "warned"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": inside},
    }
    answer = admin.ask("POST", "/apis/apps/v1/namespaces/shop/deployments?dryRun=All", deployment)
    assert granted(answer)
    assert "would violate PodSecurity" in answer.headers["Warning"]


def test_an_ordinary_pod_and_one_of_kube_system_are_made(admin: Client) -> None:
    assert granted(admin.ask("POST", f"{PODS}?dryRun=All", pod("x", "shop")))
    assert granted(admin.ask("POST", f"{KUBE_SYSTEM}/pods?dryRun=All", pod("x", "kube-system", hostNetwork=True)))


def test_an_administrator_exempts_a_namespace(guarded: ApiServer, admin: Client) -> None:
    made(guarded, "/api/v1/namespaces", namespace("backup", **{"pod-security.kubernetes.io/enforce": "privileged"}))
    made(guarded, "/api/v1/namespaces/backup/serviceaccounts", account("backup", "default"))
    assert granted(admin.ask("POST", "/api/v1/namespaces/backup/pods", pod("x", "backup", hostNetwork=True)))


def test_a_service_takes_no_address_inside_the_cluster(admin: Client) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "thief"},
        "spec": {"ports": [{"port": 443}], "externalIPs": ["198.51.100.2"]},
    }
    answer = admin.ask("POST", "/api/v1/namespaces/shop/services", service)
    assert answer.status_code == 403, answer.text
    assert "external IPs is denied" in answer.json()["message"]
