"""How many pods a cluster has, by one small request to a real API server."""

from collections.abc import Iterator

import pytest
from tests.integration.kube_apiserver import ApiServer

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Asks

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def api(kube: ApiServer) -> Iterator[Connection]:
    connection = Connection(kube.access, connections=1)
    made = "/api/v1/namespaces/default/serviceaccounts"
    if not connection.get(made)["items"]:
        connection.create(made, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    yield connection
    for seen in connection.get(PODS)["items"]:
        connection._ask("DELETE", f"{PODS}/{seen['metadata']['name']}", body={"gracePeriodSeconds": 0})
    connection.close()


def test_pods_are_counted_as_a_look_at_all_of_them_counts_them(kube: ApiServer, api: Connection) -> None:
    with KubernetesClusters() as clusters:
        before = clusters.count_pods(kube.access)
        assert before is not None
        for number in range(5):
            containers = [{"name": "c", "image": "registry.invalid/c"}]
            metadata, spec = {"name": f"web-{number}"}, {"containers": containers}
            api.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
            assert clusters.count_pods(kube.access) == before + number + 1
        pods = clusters.observe(kube.access, Asks(pods=True, all_pods=True)).pods
        assert pods is not None and pods.count == before + 5
