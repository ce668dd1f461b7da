"""What the client sends is what the API documents, and what the CLI reads is what it answers."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from navarch.api.app import create_app
from navarch.api.settings import ApiSettings
from navarch.cli.cluster.create import node_groups, request_body
from navarch.client import shapes
from navarch.client.clusters import Navarch
from navarch.client.http import Http
from navarch.client.lean_httpx import httpx
from navarch.service.kubeconfigs import NewKubeconfig
from navarch.service.wish import ClusterPatch, NewCluster, NewNodeGroup, NodeGroupPatch

NOTHING = cast(Any, None)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(
        store=NOTHING,
        identity=NOTHING,
        sealer=NOTHING,
        report_tokens=NOTHING,
        settings=ApiSettings(),
        planner=NOTHING,
    )
    return app.openapi()


class Nobody:
    def headers(self) -> dict[str, str]:
        return {}

    def renew(self) -> bool:
        return False


def sent(call: Callable[[Navarch], Any]) -> Any:
    """The one request that a call makes."""
    requests: list[Any] = []

    def note(request: Any) -> Any:
        requests.append(request)
        return httpx.Response(200, json={})

    with Navarch(Http("https://n", Nobody(), transport=httpx.MockTransport(note))) as client:
        result = call(client)
        if hasattr(result, "__next__"):
            list(result)
    (request,) = requests
    return request


CALLS: dict[str, tuple[Callable[[Navarch], Any], Any]] = {
    "create": (lambda n: n.create_cluster({"name": "x"}), NewCluster),
    "plan": (lambda n: n.plan_cluster({"name": "x"}), NewCluster),
    "list": (lambda n: n.clusters(labels={"a": "b"}, name="x"), None),
    "show": (lambda n: n.cluster("x"), None),
    "update": (lambda n: n.update_cluster("x", {"spec": {"paused": True}}, if_match='"1"'), ClusterPatch),
    "plan update": (lambda n: n.plan_update("x", {"labels": {"a": "b"}}), ClusterPatch),
    "delete": (lambda n: n.delete_cluster("x", keep_volumes=True), None),
    "kubeconfig": (lambda n: n.issue_kubeconfig("x", {"role": "view", "ttl_seconds": 600}), NewKubeconfig),
    "groups": (lambda n: n.node_groups("x"), None),
    "group": (lambda n: n.node_group("x", "g"), None),
    "new group": (lambda n: n.create_node_group("x", {"name": "g", "spec": {"replicas": 1}}), NewNodeGroup),
    "change group": (lambda n: n.update_node_group("x", "g", {"spec": {"replicas": 3}}), NodeGroupPatch),
    "delete group": (lambda n: n.delete_node_group("x", "g"), None),
    "machines": (lambda n: n.machines("x"), None),
    "events": (lambda n: n.events("x", after=7), None),
    **{
        noun: (lambda n, noun=noun: n.catalogue(noun), None)  # type: ignore[misc]
        for noun in ("versions", "flavors", "zones", "volume_types", "external_networks")
    },
    "quota": (lambda n: n.quota(), None),
    "ready": (lambda n: n.ready(), None),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_request_is_one_that_the_api_documents(name: str, document: dict[str, Any]) -> None:
    call, body_model = CALLS[name]
    request = sent(call)
    path, item = _route(document, request.url.path)
    operation = item.get(request.method.lower())
    assert operation is not None, f"{request.method} {path}"
    parameters = [*operation.get("parameters", []), *item.get("parameters", [])]
    known = {p["name"] for p in parameters if p["in"] == "query"}
    assert set(request.url.params) <= known, path
    assert ("Idempotency-Key" in {p["name"] for p in parameters}) == ("idempotency-key" in request.headers)
    if body_model is not None:
        body_model.model_validate(json.loads(request.content))


def _route(document: dict[str, Any], path: str) -> tuple[str, Any]:
    for template, item in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            return template, item
    raise AssertionError(f"no route for {path}")


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        (shapes.Cluster, "ClusterView"), (shapes.ClusterStatus, "StatusView"), (shapes.Condition, "ConditionView"),
        (shapes.NodeGroup, "NodeGroupView"), (shapes.Machine, "MachineView"), (shapes.BootReport, "BootReportView"),
        (shapes.Event, "EventView"), (shapes.Kubeconfig, "KubeconfigView"), (shapes.MachineCount, "CountView"),
    ],
)  # fmt: skip
def test_every_field_that_is_read_is_one_that_is_answered(shape: Any, schema: str, document: dict[str, Any]) -> None:
    answered = document["components"]["schemas"][schema]["properties"]
    assert set(shape.__annotations__) <= set(answered)


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ("VersionView", {"kubernetes_version", "image_name", "built_at", "components"}),
        ("FlavorView", {"name", "vcpus", "ram_mib", "disk_gib", "control_plane", "id"}),
        ("VolumeTypeView", {"name", "zones"}), ("ExternalNetworkView", {"id", "name", "cidrs"}),
        ("AllowanceView", {"name", "limit", "used", "free", "unit"}), ("ZoneView", {"name"}),
        ("PlanView", {"changes", "steps", "needs", "fits", "quota_known"}),
        ("NeedView", {"resource", "needed", "free", "limit", "unit", "short"}),
        ("StepView", {"kind", "name", "details"}),
    ],
)  # fmt: skip
def test_every_column_of_a_table_is_one_that_is_answered(
    schema: str, fields: set[str], document: dict[str, Any]
) -> None:
    assert fields <= set(document["components"]["schemas"][schema]["properties"])


def test_all_options_of_create_together_are_a_request_that_the_api_understands() -> None:
    body = request_body(
        {}, name="shop", labels={"a": "b"},
        wishes={
            "kubernetes_version": "1.37.2", "control_plane.replicas": 3, "control_plane.flavor": "f",
            "control_plane.zones": ["z1"], "control_plane.etcd_volume.type": "ssd",
            "control_plane.etcd_volume.size_gib": 10, "network.node_cidr": "10.0.0.0/24", "network.pod_cidr": "c",
            "network.service_cidr": "c", "network.external_network": "public", "network.api_allowed_cidrs": ["c"],
            "ssh_keys": ["k"],
            "node_groups": node_groups(2, "f", ["z1"], ["name=web,zones=z1+z2,label=a:b,taint=a=b:NoExecute"]),
        },
    )  # fmt: skip
    NewCluster.model_validate(body)
