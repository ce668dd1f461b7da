"""The catalogue's cert-manager on a real kube-apiserver: it never stands in the way of anything but its own kinds."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.chosen_entry import ChosenEntry, there, until
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import ApiServer
from tests.integration.test_charts_on_a_real_api_server import AVAILABLE, report
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.charts.rendering import Renderer

pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.timeout(900)]

NAME = "cert-manager"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAME}/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ISSUERS = "/apis/cert-manager.io/v1/namespaces/default/issuers"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAME}/leases/cert-manager-controller"
HOOKS = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{NAME}"
ISSUER = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Issuer",
    "metadata": {"name": "own", "finalizers": ["example.org/wait"]},
    "spec": {"selfSigned": {}},
}


@pytest.fixture
def entry(kube: ApiServer, renderer: Renderer) -> Iterator[ChosenEntry]:
    with KubernetesClusters() as clusters:
        yield ChosenEntry(NAME, kube, clusters, renderer)


def config_map(api: ApiServer, name: str) -> Any:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return api.admin().ask("POST", "/api/v1/namespaces/default/configmaps", body)


def installed(entry: ChosenEntry, api: Connection) -> None:
    """With its pods said to run, which nothing here runs."""
    until(lambda: bool(entry.apply()) and there(api, f"{DEPLOYMENTS}/{NAME}-webhook"))
    assert not there(api, HOOKS), "the API server is told of the webhook once that runs"
    for part in ("controller", "webhook", "cainjector"):
        report(api, f"{DEPLOYMENTS}/{NAME}-{part}", **AVAILABLE)
    assert entry.apply() == ()
    assert there(api, HOOKS)


def test_a_webhook_that_does_not_answer_stops_its_own_kinds_alone_and_a_removal_needs_none_of_it(
    entry: ChosenEntry, kube: ApiServer, api: Connection
) -> None:
    installed(entry, api)
    refused = kube.admin().ask("POST", ISSUERS, ISSUER)
    assert refused.status_code == 500
    assert "webhook.cert-manager.io" in refused.text
    assert config_map(kube, "during").status_code == 201

    with kube.controllers("namespace-controller"):
        until(lambda: not entry.remove())
    assert not there(api, HOOKS)
    assert there(api, f"{DEFINITIONS}/issuers.cert-manager.io"), "what users made stays"
    assert kube.admin().ask("POST", ISSUERS, ISSUER).status_code == 201
    assert {item.kind for item in entry.left(api)} == {"CustomResourceDefinition"}

    installed(entry, api)  # once more, over what stayed
    with kube.controllers("namespace-controller"):
        until(lambda: any("issuers" in its for its in entry.remove(with_data=True)))
        api.merge(f"{ISSUERS}/own", {"metadata": {"finalizers": None}})
        until(lambda: not entry.remove(with_data=True))
    assert entry.left(api) == []
    assert config_map(kube, "after").status_code == 201


@pytest.mark.proof  # the program takes minutes to build where it is not yet
@pytest.mark.timeout(1200)
def test_the_controller_says_that_it_lives_and_gives_its_lease_back(
    entry: ChosenEntry, kube: ApiServer, api: Connection, tmp_path: Path
) -> None:
    installed(entry, api)
    (container,) = api.get(f"{DEPLOYMENTS}/{NAME}-controller")["spec"]["template"]["spec"]["containers"]
    probe = container["livenessProbe"]["httpGet"]
    (port,) = (p["containerPort"] for p in container["ports"] if p["name"] == probe["port"])
    health = f"http://127.0.0.1:{port}{probe['path']}"
    argv = [str(entry_program("cert-manager")), *container["args"], f"--kubeconfig={kube.kubeconfig()}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is None and there(api, LEASE) and bool(holder(api)))
        assert httpx.get(health, trust_env=False).status_code == 200
        process.terminate()
        process.wait(30)
        assert not holder(api), ("the next one would wait for a minute", (tmp_path / "log").read_text()[-2000:])
    finally:
        process.kill()
        process.wait()
    mine = f"/api/v1/namespaces/{NAME}/configmaps"
    api.create(mine, {"metadata": {"name": "mine"}})
    until(lambda: not entry.remove(with_data=True))
    assert there(api, f"{mine}/mine"), "its namespace stays, for what is somebody else's"
    assert not there(api, LEASE), "and what it made there does not"
    with kube.controllers("namespace-controller"):
        api.delete(f"/api/v1/namespaces/{NAME}")
        until(lambda: not there(api, f"/api/v1/namespaces/{NAME}"))


def holder(api: Connection) -> str:
    return str(api.get(LEASE)["spec"].get("holderIdentity") or "")


def test_users_of_a_namespace_can_make_certificates_and_no_challenges(entry: ChosenEntry) -> None:
    objects = [o for o in entry.objects if o["kind"] == "ClusterRole" and o["metadata"].get("labels")]
    allowed = {
        (resource, verb) for o in objects for rule in o["rules"] for resource in rule["resources"]
        for verb in rule["verbs"]
    }  # fmt: skip
    assert {("certificates", "create"), ("issuers", "create"), ("challenges", "get")} <= allowed
    assert not {("challenges", "create"), ("orders", "create"), ("orders", "update")} & allowed
    assert not any(resource == "clusterissuers" for resource, _ in allowed)
