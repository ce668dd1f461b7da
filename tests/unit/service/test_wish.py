"""The wish in the API has what the domain's has, and says of it what is so."""

import re
from dataclasses import MISSING, fields
from typing import Any

import pytest
from pydantic import BaseModel
from tests.unit.domain.clusters import cluster

from navarch.domain import spec
from navarch.service import wish

SHOWN: dict[type[BaseModel], type] = {
    wish.Volume: spec.VolumeSpec,
    wish.Network: spec.NetworkSpec,
    wish.ControlPlane: spec.ControlPlaneSpec,
    wish.Taint: spec.Taint,
    wish.NodeGroupSpec: spec.NodeGroupSpec,
    wish.ClusterSpec: spec.ClusterSpec,
}
NOT_SHOWN = {"release", "external_network_id"}  # Navarch's own notes
NOT_OFFERED = {"running", "autoscaling", "root_volume"}


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_every_field_of_the_domain_is_shown(model: Any) -> None:
    assert {f.name for f in fields(SHOWN[model])} - NOT_SHOWN == set(model.model_fields) - NOT_OFFERED


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_a_text_tells_the_default_in_force(model: Any) -> None:
    for field in (f for f in fields(SHOWN[model]) if f.name not in NOT_SHOWN):
        told = re.search(r"Default: ([\d./]*\d)\.", model.model_fields[field.name].description or "")
        if told is not None and field.default is not MISSING:
            assert told[1] == str(field.default), field.name


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
