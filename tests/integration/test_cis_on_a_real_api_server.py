"""The CIS checks of roles and policies, on the objects that a real API server has with every add-on."""

import pytest
from proofs.cis.cluster_checks import CLUSTER_CHECKS
from proofs.cis.collect import KINDS
from proofs.cis.seen import Cluster
from tests.integration.guarded_cluster import furnish
from tests.integration.kube_apiserver import ApiServer
from tests.integration.roles_page import settle

pytestmark = pytest.mark.kube

GROUPS = {
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "namespaces": "/api/v1",
    "pods": "/api/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "configmaps": "/api/v1",
    "validatingadmissionpolicies": "/apis/admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings": "/apis/admissionregistration.k8s.io/v1",
}
# There is no kubelet here: what pods of the system are like is not to be seen.
OF_PODS = {"5.1.6", "5.2.2", "5.3.1", "5.3.2", "5.7.2", "5.7.4"}


def test_roles_and_policies_are_as_the_benchmark_wants_them_or_argued(kube: ApiServer) -> None:
    furnish(kube)
    with kube.controllers("clusterrole-aggregation-controller"):
        settle(kube)
    seen = Cluster({kind: kube.admin().ask("GET", f"{GROUPS[kind]}/{kind}").json()["items"] for kind in KINDS})
    wrong = {check.number: check.wrong(seen) for check in CLUSTER_CHECKS if check.number not in OF_PODS}
    assert {number: said for number, said in wrong.items() if said} == {
        "3.1.1": "kubeconfigs hold certificates",
        "5.1.2": "navarch:editors",
        "5.1.4": "navarch:editors",
        "5.1.8": "navarch:editors",
        "5.1.13": "navarch:editors",
    }
    assert all(check.argued for check in CLUSTER_CHECKS if wrong.get(check.number))
