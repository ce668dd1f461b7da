"""Requests for kubelet serving certificates on a real kube-apiserver, asked for as kubelets ask."""

import base64

import httpx
import pytest
from tests.integration.kube_apiserver import ApiServer
from tests.unit.bootstrap.joining import CLUSTER, NODE, NOW, request, worker

from navarch.addons import connection
from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Access
from navarch.reconcile.serving_certificates import decide_requests

pytestmark = pytest.mark.kube

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@pytest.fixture(scope="module")
def access(kube: ApiServer) -> Access:
    return kube.access


def ask(access: Access, name: str, pem: str, signer: str = "kubernetes.io/kubelet-serving") -> None:
    """As the kubelet of worker(1)."""
    who = [("Impersonate-User", NODE), ("Impersonate-Group", "system:nodes")]
    who.append(("Impersonate-Group", "system:authenticated"))
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(pem.encode()).decode(),
            "signerName": signer,
            "usages": ["digital signature", "server auth"],
        },
    }
    with httpx.Client(base_url=access.url, verify=connection._tls(access), trust_env=False) as client:
        answer = client.post(REQUESTS, json=body, headers=who)
    assert answer.status_code == 201, answer.text


def test_requests_are_found_judged_and_decided_once(access: Access) -> None:
    ask(access, "genuine", request())
    ask(access, "foreign", request(addresses=("10.0.0.22",)))
    ask(access, "of-no-concern", request(), signer="example.org/else")
    with KubernetesClusters() as clusters:
        events = decide_requests(clusters, access, CLUSTER, (worker(1), worker(2)), lambda: {}, NOW)
        assert sorted(event.reason for event in events) == ["ServingCertificateApproved", "ServingCertificateDenied"]
        assert clusters.serving_requests(access) == ()
        assert decide_requests(clusters, access, CLUSTER, (worker(1), worker(2)), lambda: {}, NOW) == ()
        clusters.decide_serving_request(access, "gone-meanwhile", None)
    api = connection.Connection(access, connections=1)
    try:
        decided = {
            name: [c["type"] for c in api.get(f"{REQUESTS}/{name}").get("status", {}).get("conditions", [])]
            for name in ("genuine", "foreign", "of-no-concern")
        }
    finally:
        api.close()
    assert decided == {"genuine": ["Approved"], "foreign": ["Denied"], "of-no-concern": []}
