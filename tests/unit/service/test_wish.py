"""The wish in the API has what the domain's has, and says of it what is so."""

import re
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest
from pydantic import BaseModel
from tests.unit.domain.clusters import cluster

from navarch.domain import calendar, spec
from navarch.domain.drafts import changed_cluster, changed_node_group, merge
from navarch.service import wish
from navarch.service.understanding import understand

SHOWN: dict[type[BaseModel], type] = {
    wish.Volume: spec.VolumeSpec,
    wish.RootVolume: spec.VolumeSpec,
    wish.KeepFailed: spec.KeepFailed,
    wish.Schedule: calendar.Schedule,
    wish.MaintenanceWindow: calendar.MaintenanceWindow,
    wish.Network: spec.NetworkSpec,
    wish.ControlPlane: spec.ControlPlaneSpec,
    wish.Taint: spec.Taint,
    wish.NodeGroupSpec: spec.NodeGroupSpec,
    wish.Autoscaling: spec.Autoscaling,
    wish.Spare: spec.Spare,
    wish.ClusterSpec: spec.ClusterSpec,
}
# Navarch's own notes
NOT_SHOWN = {"release", "external_network_id", "running_since", "automatic_since", "image_named", "follows_since"}
NOT_FIELDS = {"node_image"}  # a part of the release


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_every_field_of_the_domain_is_shown(model: Any) -> None:
    assert {f.name for f in fields(SHOWN[model])} - NOT_SHOWN == set(model.model_fields) - NOT_FIELDS


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_a_text_tells_the_default_in_force(model: Any) -> None:
    for field in (f for f in fields(SHOWN[model]) if f.name not in NOT_SHOWN):
        told = re.search(r"Default: ([\d./]*\d%?|true|false)\.", model.model_fields[field.name].description or "")
        if told is not None and field.default is not MISSING:
            assert told[1] == _told(field.default), field.name


def _told(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_a_request_may_have_each_field_of_an_answer_and_null() -> None:
    shop = cluster(region="RegionOne")
    document = wish.of_cluster(shop)
    asked = wish.ClusterPatch.model_validate(document)
    assert wish.given(asked) == document
    nothing = {"name": None, "region": None, "labels": None, "spec": dict.fromkeys(document["spec"])}
    assert wish.given(wish.ClusterPatch.model_validate(nothing)) == nothing
    group = wish.of_node_group(shop.node_groups[0])
    assert wish.given(wish.NodeGroupPatch.model_validate(group)) == group


def test_the_text_of_a_field_is_that_of_the_request_too() -> None:
    schema = wish.NodeGroupPatch.model_json_schema()["$defs"]["NodeGroupSpecInput"]
    for name, field in wish.NodeGroupSpec.model_fields.items():
        assert schema["properties"][name]["description"] == field.description


WHOLE = spec.NodeGroupSpec(
    "m1.small",
    root_volume=spec.VolumeSpec("ssd", 20),
    max_surge="25%",
    repair_conditions=("KernelDeadlock",),
    keep_failed_machines=spec.KeepFailed(1),
    kubernetes_version="1.36.3",
)


def test_what_is_shown_is_what_would_be_asked_for() -> None:
    group = spec.NodeGroup("web", WHOLE)
    assert changed_node_group(group, merge({}, wish.of_node_group(group))) == group
    shop = cluster()
    office = calendar.Schedule("08:00", "20:00", ("mon", "tue"), "Europe/Berlin")
    night = calendar.MaintenanceWindow("03:00", 2)
    plane = replace(shop.spec.control_plane, root_volume=spec.VolumeSpec("ssd", 20))
    wanted = replace(shop.spec, schedule=office, maintenance=night, soak_seconds=60, control_plane=plane)
    document = merge({}, wish.of_cluster(replace(shop, spec=wanted)))
    drafted = changed_cluster(shop, document).spec
    for field in fields(spec.ClusterSpec):
        if field.name not in {*NOT_SHOWN, "network"}:
            assert getattr(drafted, field.name) == getattr(wanted, field.name)
    assert drafted.node_image == wanted.node_image


@pytest.mark.parametrize("share", [True, 1.5, [], {}])
@pytest.mark.parametrize("field", ["max_surge", "max_unavailable", "max_unhealthy"])
def test_a_share_is_a_number_or_percent(field: str, share: object) -> None:
    _, errors = understand(wish.NodeGroupPatch, {"spec": {field: share}})
    (told,) = errors
    assert told.field == f"spec.{field}"
    assert told.detail.startswith("must be a number or percent, as 25%, got ")
