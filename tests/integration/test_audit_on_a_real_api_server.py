"""What the audit log of a real kube-apiserver tells, and what it does not."""

import json
import time
from typing import Any

import pytest
from tests.integration.kube_apiserver import ApiServer, Client

pytestmark = pytest.mark.kube

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "cloud-config"},
    "stringData": {"a": "correct horse"},
}


def lines(kube: ApiServer) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (kube.folder / "audit.log").read_text().splitlines(keepends=True) if "\n" in line
    ]


def told_of(kube: ApiServer, who: Client, method: str, path: str) -> set[tuple[str, str]]:
    """What the log says, as (verb, level), once it was asked for a path."""
    before = len(lines(kube))
    who.ask(method, path)
    # A question that is always told comes behind it: then the log has said all it will say.
    kube.admin().ask("GET", f"{KUBE_SYSTEM}/secrets")
    end = time.monotonic() + 20
    while not any(line["requestURI"] == f"{KUBE_SYSTEM}/secrets" for line in lines(kube)[before:]):
        assert time.monotonic() < end, "the log tells nothing at all"
        time.sleep(0.05)
    return {(line["verb"], line["level"]) for line in lines(kube)[before:] if line["requestURI"] == path}


@pytest.fixture(scope="module")
def calico(kube: ApiServer) -> Client:
    """A certificate stands for the token: who asks is what matters."""
    account = "system:serviceaccount:kube-system:calico-node"
    return kube.user(account, "system:serviceaccounts", "system:serviceaccounts:kube-system")


@pytest.mark.parametrize(
    ("method", "path", "verb"),
    [
        ("GET", f"{KUBE_SYSTEM}/secrets/cloud-config", "get"),
        ("GET", f"{KUBE_SYSTEM}/secrets?limit=1", "list"),
        ("GET", f"{KUBE_SYSTEM}/pods/p/exec?command=sh", "get"),
        ("POST", f"{KUBE_SYSTEM}/pods/p/exec?command=sh", "create"),
        ("GET", f"{KUBE_SYSTEM}/pods/p/portforward?ports=1", "get"),
        ("GET", "/api/v1/nodes/n/proxy/pods", "get"),
        ("POST", f"{KUBE_SYSTEM}/serviceaccounts/default/token", "create"),
        ("GET", "/apis/certificates.k8s.io/v1/certificatesigningrequests", "list"),
    ],
)
def test_what_a_stolen_identity_is_used_for_is_told(
    kube: ApiServer, calico: Client, method: str, path: str, verb: str
) -> None:
    assert told_of(kube, kube.node("worker-1"), method, path) == {(verb, "Metadata")}
    assert told_of(kube, calico, method, path) == {(verb, "Metadata")}


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/pods", f"{KUBE_SYSTEM}/configmaps/coredns"])
def test_what_the_clusters_own_parts_read_all_day_is_not(kube: ApiServer, calico: Client, path: str) -> None:
    assert told_of(kube, calico, "GET", path) == set()


def test_the_log_holds_no_secret(kube: ApiServer) -> None:
    assert kube.admin().ask("POST", f"{KUBE_SYSTEM}/secrets", SECRET).status_code == 201
    assert told_of(kube, kube.admin(), "GET", f"{KUBE_SYSTEM}/secrets/cloud-config") == {("get", "Metadata")}
    assert "correct horse" not in (kube.folder / "audit.log").read_text()
