"""The catalogue's cert-manager on a real kube-apiserver: it never stands in the way of anything but its own kinds."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import ApiServer
from tests.integration.test_catalogue import renderer as renderer
from tests.integration.test_charts_on_a_real_api_server import AVAILABLE, report
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Installation, Removal
from navarch.addons.errors import Absent
from navarch.charts.entry import pack
from navarch.charts.rendering import Circumstances, Renderer
from navarch.domain.catalogue import Item

pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.timeout(900)]

ENTRY = Path(__file__).parents[2] / "addons" / "cert-manager"
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


class Entry:
    """The entry as a worker has it in a cluster."""

    def __init__(self, kube: ApiServer, clusters: KubernetesClusters, renderer: Renderer) -> None:
        self.kube, self.clusters, self.items = kube, clusters, tuple[Item, ...]()
        at = Circumstances(NAME, NAME, "1.37.2", clusters.served(kube.access))
        rendered = renderer.render(pack(ENTRY), {}, at)
        self.objects = (*rendered.definitions, *rendered.objects)

    def apply(self) -> tuple[str, ...]:
        """What it waits for."""
        wanted = Installation(NAME, NAME, "1", upgrade=False, objects=self.objects, before=self.items)
        done = self.clusters.install(self.kube.access, wanted, self._note)
        self.items = done.items
        return done.waits

    def remove(self, *, with_data: bool = False) -> tuple[str, ...]:
        """What still goes."""
        return self.clusters.uninstall(self.kube.access, Removal(NAME, self.items, with_data), self._note)

    def _note(self, items: tuple[Item, ...]) -> None:
        self.items = items


@pytest.fixture
def entry(kube: ApiServer, renderer: Renderer) -> Iterator[Entry]:
    with KubernetesClusters() as clusters:
        yield Entry(kube, clusters, renderer)


def there(api: Connection, path: str) -> bool:
    try:
        api.get(path)
    except Absent:
        return False
    return True


def config_map(api: ApiServer, name: str) -> Any:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return api.admin().ask("POST", "/api/v1/namespaces/default/configmaps", body)


def until(so: Callable[[], bool]) -> None:
    """Asked again and again, for so long that only a hang reaches it: 2 s on a machine that has nothing else to do."""
    end = time.monotonic() + 240
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)


def installed(entry: Entry, api: Connection) -> None:
    """With its pods said to run, which nothing here runs."""
    until(lambda: bool(entry.apply()) and there(api, f"{DEPLOYMENTS}/{NAME}-webhook"))
    assert not there(api, HOOKS), "the API server is told of the webhook once that runs"
    for part in ("controller", "webhook", "cainjector"):
        report(api, f"{DEPLOYMENTS}/{NAME}-{part}", **AVAILABLE)
    assert entry.apply() == ()
    assert there(api, HOOKS)


def test_a_webhook_that_does_not_answer_stops_its_own_kinds_alone_and_a_removal_needs_none_of_it(
    entry: Entry, kube: ApiServer, api: Connection
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
    left = [item for item in entry.items if there(api, path_of(api, item))]
    assert {item.kind for item in left} == {"CustomResourceDefinition"}

    installed(entry, api)  # once more, over what stayed
    with kube.controllers("namespace-controller"):
        until(lambda: any("issuers" in its for its in entry.remove(with_data=True)))
        api.merge(f"{ISSUERS}/own", {"metadata": {"finalizers": None}})
        until(lambda: not entry.remove(with_data=True))
    assert [item for item in entry.items if there(api, path_of(api, item))] == []
    assert config_map(kube, "after").status_code == 201


def path_of(api: Connection, item: Item) -> str:
    root = f"/apis/{item.group}/{item.version}" if item.group else f"/api/{item.version}"
    within = f"/namespaces/{item.namespace}" if item.namespace else ""
    return f"{root}{within}/{item.resource}/{item.name}"


@pytest.mark.proof  # the program takes minutes to build where it is not yet
@pytest.mark.timeout(1200)
def test_the_controller_says_that_it_lives_and_gives_its_lease_back(
    entry: Entry, kube: ApiServer, api: Connection, tmp_path: Path
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
    with kube.controllers("namespace-controller"):
        until(lambda: not entry.remove(with_data=True))


def holder(api: Connection) -> str:
    return str(api.get(LEASE)["spec"].get("holderIdentity") or "")


def test_users_of_a_namespace_can_make_certificates_and_no_challenges(entry: Entry) -> None:
    objects = [o for o in entry.objects if o["kind"] == "ClusterRole" and o["metadata"].get("labels")]
    allowed = {
        (resource, verb) for o in objects for rule in o["rules"] for resource in rule["resources"]
        for verb in rule["verbs"]
    }  # fmt: skip
    assert {("certificates", "create"), ("issuers", "create"), ("challenges", "get")} <= allowed
    assert not {("challenges", "create"), ("orders", "create"), ("orders", "update")} & allowed
    assert not any(resource == "clusterissuers" for resource, _ in allowed)
