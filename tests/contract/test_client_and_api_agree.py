"""What the client sends is what the API documents, and what the CLI reads is what it answers."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from navarch.api.app import create_app
from navarch.api.settings import ApiSettings
from navarch.cli import fields
from navarch.cli.wishes import given_by, node_groups, unsettable
from navarch.client import shapes
from navarch.client.clusters import Navarch
from navarch.client.errors import Unavailable
from navarch.client.http import Http
from navarch.client.lean_httpx import httpx
from navarch.service.addon_wish import AddonPatch, NewAddon
from navarch.service.kubeconfigs import NewKubeconfig
from navarch.service.understanding import understand
from navarch.service.wish import ClusterPatch, NewCluster, NewNodeGroup, NodeGroupPatch

NOTHING = cast(Any, None)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(
        store=NOTHING,
        identity=NOTHING,
        sealer=NOTHING,
        machine_tokens=NOTHING,
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
        with suppress(Unavailable):  # a stream that is none
            result = call(client)
            if hasattr(result, "__next__"):
                list(result)
    (request,) = requests
    return request


CALLS: dict[str, tuple[Callable[[Navarch], Any], Any]] = {
    "create": (lambda n: n.create_cluster({"name": "x"}), NewCluster),
    "plan": (lambda n: n.plan_cluster({"name": "x"}), NewCluster),
    "list": (
        lambda n: n.clusters(
            labels={"a": "b"},
            name="x",
            search="x",
            phases=["Ready"],
            versions=["1.36"],
            responsible=["user"],
            sort="-name",
        ),
        None,
    ),
    "show": (lambda n: n.cluster("x"), None),
    "watch": (lambda n: n.watch("x", seconds=5, last_event_id="1").__enter__(), None),
    "update": (lambda n: n.update_cluster("x", {"spec": {"paused": True}}, if_match=1), ClusterPatch),
    "plan update": (lambda n: n.plan_update("x", {"labels": {"a": "b"}}), ClusterPatch),
    "delete": (lambda n: n.delete_cluster("x", keep_volumes=True), None),
    "kubeconfig": (lambda n: n.issue_kubeconfig("x", {"role": "view", "ttl_seconds": 600}), NewKubeconfig),
    "groups": (lambda n: n.node_groups("x"), None),
    "group": (lambda n: n.node_group("x", "g"), None),
    "new group": (lambda n: n.create_node_group("x", {"name": "g", "spec": {"replicas": 1}}), NewNodeGroup),
    "plan group": (lambda n: n.plan_node_group("x", {"name": "g"}), NewNodeGroup),
    "plan group change": (lambda n: n.plan_node_group_update("x", "g", {"spec": {"replicas": 3}}), NodeGroupPatch),
    "change group": (lambda n: n.update_node_group("x", "g", {"spec": {"replicas": 3}}), NodeGroupPatch),
    "delete group": (lambda n: n.delete_node_group("x", "g"), None),
    "addons": (lambda n: n.addons("x"), None),
    "all addons": (lambda n: n.all_addons("x"), None),
    "addon": (lambda n: n.addon("x", "a"), None),
    "install addon": (lambda n: n.install_addon("x", {"entry": "e", "values": {"a": 1}}), NewAddon),
    "plan addon": (lambda n: n.plan_addon("x", {"entry": "e"}), NewAddon),
    "update addon": (lambda n: n.update_addon("x", "a", {"version": "1.0.0"}, if_match=1), AddonPatch),
    "plan addon update": (lambda n: n.plan_addon_update("x", "a", {"values": {"a": None}}), AddonPatch),
    "remove addon": (lambda n: n.remove_addon("x", "a", with_data=True), None),
    "entries": (lambda n: n.entries(), None),
    "entry": (lambda n: n.entry("e", version="1.0.0", kubernetes="1.37"), None),
    "entry's icon": (lambda n: n.entry_icon("e", version="1.0.0"), None),
    "machines": (lambda n: n.machines("x", removed=True), None),
    "upgrades": (lambda n: n.upgrades("x"), None),
    "figures": (lambda n: n.figures("x", "6h"), None),
    "workloads": (lambda n: n.workloads("x", "shop"), None),
    "delete machine": (lambda n: n.delete_machine("x", "m", keep_size=True, if_match=1), None),
    "plan machine deletion": (lambda n: n.plan_machine_deletion("x", "m", keep_size=True), None),
    "events": (lambda n: n.events("x", after=7), None),
    **{
        noun: (lambda n, noun=noun: n.catalogue(noun), None)  # type: ignore[misc]
        for noun in ("versions", "flavors", "zones", "volume_types", "external_networks")
    },
    "timeline": (lambda n: n.timeline("x", everything=True), None),
    "progress": (lambda n: n.progress("x", since="2026-03-01T12:00:00Z"), None),
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
        (shapes.Progress, "ProgressView"), (shapes.ProgressRow, "ProgressRowView"),
        (shapes.Upgrade, "UpgradeView"), (shapes.Obstacle, "ObstacleView"),
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
        ("EntryView", {"name", "version", "title", "description", "icon", "versions", "needs"}),
        ("NeedsView", {"memory_mib", "cpu_millis", "volumes", "balancers"}), ("ImageView", {"reference", "digest"}),
        ("EntryDetailView", {"values_schema", "readme", "category", "licence", "app_version", "deprecated", "images"}),
        ("AddonPlanView", {"differences", "looked_up"}),
        ("AddonView", {"name", "entry", "version", "upgrade", "namespace", "values", "generation", "status"}),
        ("AddonStatusView", {"phase", "conditions", "objects", "notes"}),
        ("ObjectView", {"kind", "namespace", "name", "stays"}),
        ("DifferenceView", {"object", "field", "before", "after"}),
        ("VolumeTypeView", {"name", "zones"}), ("ExternalNetworkView", {"id", "name", "cidrs"}),
        ("AllowanceView", {"name", "limit", "used", "free", "unit"}), ("ZoneView", {"name"}),
        ("PlanView", {"changes", "steps", "needs", "fits", "quota_known", "machines", "addons"}),
        ("NewAddonView", {"name", "title", "entry", "version", "namespace", "values", "differences"}),
        ("PaceView", {"control_plane", "worker", "measured"}),
        ("ImpactView", {"created", "replaced", "drained", "removed", "started", "stopped", "seconds", "pace", "waits"}),
        ("NeedView", {"resource", "needed", "free", "limit", "unit", "short"}),
        ("StepView", {"kind", "name", "details"}),
        ("LaneView", {"group", "subject", "name", "seconds", "segments"}),
        ("SegmentView", {"start", "end", "failed", "running", "message"}),
        ("TimelineView", {"name", "created_at", "kubernetes_version", "lanes", "total_seconds", "age_seconds"}),
    ],
)  # fmt: skip
def test_every_column_of_a_table_is_one_that_is_answered(
    schema: str, fields: set[str], document: dict[str, Any]
) -> None:
    assert fields <= set(document["components"]["schemas"][schema]["properties"])


WORDS: dict[fields.Kind, Any] = {
    fields.TEXT: "x", fields.NUMBER: 3, fields.SWITCH: True, fields.WORDS: ["x"], fields.RANGES: ["10.0.0.0/8"],
    fields.SHARE: "25%", fields.DURATION: "5m", fields.VOLUME: "ssd:40", fields.KEPT: "1:48",
    fields.SPARE: "2:500m+512Mi",
    fields.LIMITS: "1-6", fields.SCHEDULE: "08:00-20:00", fields.WINDOW: "03:00+4",
    fields.ADDONS: ["monitoring,version=1.0.0,name=m,namespace=n"],
    fields.LABELS: ["a=b"], fields.NO_LABELS: ["c"], fields.TAINTS: ["a=b:NoExecute"],
}  # fmt: skip
COMMANDS: dict[str, tuple[tuple[fields.Field, ...], Any]] = {
    "cluster create": (fields.NEW_CLUSTER, NewCluster),
    "cluster update": (fields.CLUSTER, ClusterPatch),
    "nodegroup create": (fields.NEW_NODE_GROUP, NewNodeGroup),
    "nodegroup update": (fields.NODE_GROUP, NodeGroupPatch),
}
# Fields without an option: what is not offered yet, what has a command or an argument of its own.
NO_OPTION = {
    "name", "spec.running", "spec.network.subnet_id", "spec.network.public_api",
    "spec.node_groups",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_all_options_together_are_a_request_that_the_api_understands(command: str, tmp_path: Path) -> None:
    options, model = COMMANDS[command]
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAA me@home")
    words = {field.name: WORDS.get(field.kind, [str(key)]) for field in options}
    given = given_by(options, words)
    assert understand(model, given)[1] == ()
    left = given_by(
        options, dict.fromkeys(words) | {"unset": [f.option.removeprefix("--") for f in unsettable(options)]}
    )
    assert understand(model, left)[1] == ()


def test_a_node_group_in_words_is_one_that_the_api_understands() -> None:
    words = (
        "name=web,flavor=f,replicas=2,zone=z1+z2,label=a:b,taint=a=b:NoExecute,max_surge=2,max_unavailable=25%,"
        "root_volume=ssd:40,drain_timeout=5m,force_drain=true,repair_condition=A+B,keep_failed=1:48,version=1.36.3,"
        "autoscaling=1-6,spare=2:500m+512Mi"
    )
    groups = node_groups(2, "f", ["z1"], [words, words.replace("zone", "zones").replace("label", "labels")])
    assert groups is not None
    assert groups[1] == groups[2]
    assert understand(NewCluster, {"spec": {"node_groups": groups}})[1] == ()


@pytest.mark.parametrize("command", ["cluster create", "nodegroup create"])
def test_every_field_that_may_be_asked_for_has_an_option(command: str, document: dict[str, Any]) -> None:
    options, model = COMMANDS[command]
    later = {"spec.paused", "spec.rollout_paused"} if command == "cluster create" else set()
    offered = {field.path for field in options} | NO_OPTION | later

    def has_option(path: str) -> bool:
        """By itself, or with the object that it is in."""
        return path in offered or path.rpartition(".")[0] in offered

    assert [path for path in _paths(document, model.__name__, "") if not has_option(path)] == []


def test_every_schema_that_the_document_names_is_in_it(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named - set(document["components"]["schemas"]) == set()


def _paths(document: dict[str, Any], schema: str, path: str) -> Iterator[str]:
    """Dotted paths of what a request may have, but for what is in lists."""
    for name, field in document["components"]["schemas"][schema]["properties"].items():
        below = [kind["$ref"].rpartition("/")[2] for kind in field.get("anyOf", []) if "$ref" in kind]
        if below:
            yield from _paths(document, below[0], f"{path}{name}.")
        else:
            yield path + name
