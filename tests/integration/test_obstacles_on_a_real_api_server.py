"""What an upgrade would meet in a cluster, as a real kube-apiserver tells it; and what kubeadm writes there."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.entry_programs import real_renderer
from tests.integration.kube_apiserver import ApiServer, program
from tests.unit.addons.sample_inputs import inputs
from tests.unit.bootstrap.joining import NOW as JOINS_AT
from tests.unit.bootstrap.joining import SECRETS, control_plane, facts

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Access, Asks
from navarch.addons.errors import Exists
from navarch.bootstrap.join import join_answer
from navarch.bootstrap.kubeadm import INIT_FILE
from navarch.domain.errors import Temporary
from navarch.domain.kube import ClusterObstacle

pytestmark = [pytest.mark.kube, pytest.mark.tools]

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
WEBHOOKS = f"{ADMISSION}/validatingwebhookconfigurations"
CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
EVERYTHING = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
NOT_KUBE_SYSTEM = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]
}


@pytest.fixture(scope="module")
def api(kube: ApiServer) -> Iterator[Connection]:
    connection = Connection(kube.access, connections=4)
    for made in (
        ("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-node-lease"}}),
        ("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}),
        (  # what the controller manager makes
            "/api/v1/namespaces/kube-system/serviceaccounts",
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
        ),
        ("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}}),
    ):
        with contextlib.suppress(Exists):
            connection.create(*made)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def clusters(kube: ApiServer, api: Connection) -> Iterator[KubernetesClusters]:
    """With every add-on there."""
    with KubernetesClusters(real_renderer()) as made:
        for name, _ in made.digests(inputs()):
            for last in (False, False, True):
                try:
                    made.apply(kube.access, inputs(), name)
                    break
                except Temporary:
                    if last:
                        raise
        yield made


def obstacles(clusters: KubernetesClusters, access: Access, *, of_stop: bool = False) -> tuple[ClusterObstacle, ...]:
    """Of an upgrade, or of a stop."""
    found = clusters.observe(access, Asks(survey=True)).obstacles
    assert found is not None
    return tuple(obstacle for obstacle in found if obstacle.of_stop is of_stop)


def some(clusters: KubernetesClusters, access: Access) -> tuple[ClusterObstacle, ...]:
    """Once there are any: the API server takes a moment to know of a configuration."""
    for _ in range(20):
        if found := obstacles(clusters, access):
            return found
        time.sleep(0.2)
    raise AssertionError("nothing is in the way")


@pytest.fixture(autouse=True)
def nothing_left(kube: ApiServer, clusters: KubernetesClusters) -> Iterator[None]:
    """The API server knows that the configurations of the test before are gone."""
    yield
    for _ in range(20):
        if not obstacles(clusters, kube.access):
            return
        time.sleep(0.2)
    raise AssertionError("something is still in the way")


@contextlib.contextmanager
def there(api: Connection, path: str, made: dict[str, Any]) -> Iterator[None]:
    api.create(path, made)
    try:
        yield
    finally:
        api.delete(f"{path}/{made['metadata']['name']}")


def webhooks(of: str = "policy", **changes: Any) -> dict[str, Any]:
    hook = {
        "name": f"all.{of}.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
        "rules": [EVERYTHING],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": of},
        "webhooks": [hook | changes],
    }


def test_nothing_of_navarchs_own_is_in_the_way(kube: ApiServer, clusters: KubernetesClusters) -> None:
    assert obstacles(clusters, kube.access) == ()
    assert clusters.observe(kube.access, Asks()).obstacles is None


def test_what_is_tried_is_not_made(kube: ApiServer, clusters: KubernetesClusters, api: Connection) -> None:
    def named() -> set[str]:
        paths = ("/api/v1/nodes", CONFIG_MAPS, "/apis/apps/v1/daemonsets", "/apis/apps/v1/deployments", "/api/v1/pods")
        listed = [made for path in (*paths, "/api/v1/events") for made in api.get(path)["items"]]
        return {made["metadata"]["name"] for made in listed}

    before = api.get("/api/v1/nodes/worker-1")["metadata"]["resourceVersion"]
    obstacles(clusters, kube.access)
    assert "worker-1" in named() and not [name for name in named() if "rehearsal" in name]
    assert api.get("/api/v1/nodes/worker-1")["metadata"]["resourceVersion"] == before


def test_a_webhook_that_nobody_answers_for_is_in_the_way(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    with there(api, WEBHOOKS, webhooks()):
        (found,) = some(clusters, kube.access)
        (kept,) = obstacles(clusters, kube.access, of_stop=True)
    assert (found.what, found.reason, found.blocks) == (
        "ValidatingWebhookConfiguration policy",
        "WebhookNotAnswering",
        True,
    )
    assert (kept.what, kept.reason) == (found.what, "PodsWaitForWebhook")
    assert "nodes" in found.where
    assert found.message == "no ready endpoint is behind its Service policy/hook"
    assert "policy/hook" in found.remedy


def test_a_webhook_that_looks_at_deletions_alone_is_in_the_way_where_nobody_answers_for_it(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    with there(api, WEBHOOKS, webhooks(rules=[EVERYTHING | {"operations": ["DELETE"], "resources": ["pods"]}])):
        (found,) = some(clusters, kube.access)
    assert (found.reason, found.where, found.blocks) == ("WebhookNotAnswering", "pods in kube-system", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"failurePolicy": "Ignore"},
        {"rules": [EVERYTHING | {"scope": "Namespaced"}], "namespaceSelector": {"matchLabels": {"team": "blue"}}},
        {"rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["scales"]}]},
        {
            "rules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
            ],
            "namespaceSelector": NOT_KUBE_SYSTEM,
        },
        {"matchConditions": [{"name": "never", "expression": "false"}], "clientConfig": {"url": "https://127.0.0.1:1"}},
    ],
    ids=["failures pass", "of a team", "of what is not written", "of workloads, not in kube-system", "never asked"],
)
def test_a_webhook_that_keeps_out_of_the_way_is_none(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection, changes: dict[str, Any]
) -> None:
    nowhere = {"clientConfig": {"url": "https://127.0.0.1:1"}}
    roles = EVERYTHING | {"resources": ["clusterroles"]}
    later = webhooks("later", **nowhere, rules=[roles])  # once it is known, the one before is
    with there(api, WEBHOOKS, webhooks(**changes)), there(api, WEBHOOKS, later):
        assert [found.what for found in some(clusters, kube.access)] == ["ValidatingWebhookConfiguration later"]


def test_a_webhook_that_does_not_answer_where_it_should_is_in_the_way(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    nodes = EVERYTHING | {"resources": ["nodes"], "apiGroups": [""]}
    with there(api, WEBHOOKS, webhooks(rules=[nodes], clientConfig={"url": "https://127.0.0.1:1"})):
        (found,) = some(clusters, kube.access)
    assert (found.reason, found.where, found.blocks) == ("WebhookNotAnswering", "nodes, changes of nodes", True)
    assert "connection refused" in found.message


def test_a_webhook_whose_endpoints_do_not_answer_is_in_the_way(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    ready = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.100.0.7"], "conditions": {"ready": True}}],
        "ports": [{"port": 443}],
    }
    leases = EVERYTHING | {"resources": ["leases"], "apiGroups": ["coordination.k8s.io"]}
    service = {"service": {"namespace": "default", "name": "hook"}}
    with there(api, slices, ready), there(api, WEBHOOKS, webhooks(rules=[leases], clientConfig=service)):
        (found,) = some(clusters, kube.access)
    assert (found.reason, found.blocks) == ("WebhookNotAnswering", True)
    assert found.where == "leases in kube-node-lease, leases in kube-system"
    assert found.message.startswith("it does not answer: ")


def policy(expression: str, resource: str, group: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource]}
    version = "admissionregistration.k8s.io/v1"
    return (
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "ours"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": expression, "message": "we do not have that here"}],
            },
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "ours"},
            "spec": {"policyName": "ours", "validationActions": ["Deny"]},
        },
    )


def test_a_policy_that_denies_what_add_ons_are_made_of_is_in_the_way(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    made, binding = policy("!object.spec.template.spec.?hostNetwork.orValue(false)", "daemonsets", "apps")
    with (
        there(api, f"{ADMISSION}/validatingadmissionpolicies", made),
        there(api, f"{ADMISSION}/validatingadmissionpolicybindings", binding),
    ):
        (one,) = some(clusters, kube.access)
    assert (one.what, one.where, one.reason, one.blocks) == (
        "ValidatingAdmissionPolicy ours",
        "daemonsets in kube-system",
        "PolicyDenies",
        True,
    )
    assert "we do not have that here" in one.message


def test_objects_of_a_version_that_is_not_served_are_told(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection
) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

    def versions(*, served: bool) -> list[dict[str, Any]]:
        schema = {"openAPIV3Schema": {"type": "object"}}
        return [
            {"name": "v1alpha1", "served": served, "storage": served, "schema": schema},
            {"name": "v1", "served": True, "storage": not served, "schema": schema},
        ]

    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "scope": "Namespaced",
            "versions": versions(served=True),
        },
    }
    with there(api, definitions, made):
        assert obstacles(clusters, kube.access) == ()
        api.merge(f"{definitions}/things.example.org", {"spec": {"versions": versions(served=False)}})
        (found,) = some(clusters, kube.access)
    assert (found.what, found.reason, found.blocks) == (
        "CustomResourceDefinition things.example.org",
        "StoredVersionNotServed",
        False,
    )
    assert "v1alpha1" in found.message


def test_the_api_server_tells_which_deprecated_apis_are_asked_for(api: Connection) -> None:
    api.get("/api/v1/componentstatuses")
    lines = api.lines("/metrics", b"apiserver_requested_deprecated_apis{", most=20)
    assert any(b'resource="componentstatuses"' in line for line in lines), lines


def test_a_machine_writes_what_its_kubeadm_reads_and_roles_stay_as_they_are_applied(
    kube: ApiServer, clusters: KubernetesClusters, api: Connection, tmp_path: Path
) -> None:
    """What `machine/join-control-plane` does before it joins, with the cluster's configuration as somebody left it."""
    answer = join_answer(facts(control_plane(1), peers=(0,)), SECRETS, JOINS_AT)
    (tmp_path / "init.yaml").write_text(next(file.content for file in answer.files if file.path == INIT_FILE))
    broken = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config"}}
    with contextlib.suppress(Exists):
        api.create(CONFIG_MAPS, {**broken, "data": {"ClusterConfiguration": "kubernetesVersion: v1.2.3"}})
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings"
    names = ("kubeadm:nodes-kubeadm-config", "kubeadm:kubelet-config")
    applied = [{key: api.get(f"{bindings}/{name}")[key] for key in ("roleRef", "subjects")} for name in names]
    done = subprocess.run(
        [
            *(str(program("kubeadm")), "init", "phase", "upload-config", "all"),
            *("--config", str(tmp_path / "init.yaml"), "--kubeconfig", str(kube.kubeconfig())),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load(api.get(f"{CONFIG_MAPS}/kubeadm-config")["data"]["ClusterConfiguration"])
    assert (written["kubernetesVersion"], written["etcd"]["local"]["imageTag"]) == ("v1.37.2", "3.6.8-0")
    assert yaml.safe_load(api.get(f"{CONFIG_MAPS}/kubelet-config")["data"]["kubelet"])["serverTLSBootstrap"] is True
    after = [{key: api.get(f"{bindings}/{name}")[key] for key in ("roleRef", "subjects")} for name in names]
    assert after == applied
    seen = {addon.name: addon for addon in clusters.observe(kube.access, Asks(survey=True)).addons}
    assert seen["access"].digest == dict(clusters.digests(inputs()))["access"]
