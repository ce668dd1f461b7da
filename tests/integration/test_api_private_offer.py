"""Flavors and volume types that are private are for the projects that have access to them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.integration.api_fixtures import OFFER, Api, errors

from navarch.domain.offer import Flavor, Quota, VolumeType

pytestmark = pytest.mark.postgres
GPU = Flavor("f-gpu", "gpu.large", 8, 32768, 40)


def grant(api: Api, project_id: str) -> None:
    """What a worker writes down of a project that may use both."""
    own = Quota((), (GPU,), (VolumeType("gold", ("z1", "z2", "z3")),), datetime.now(UTC))
    api.store.write_quota(project_id, own)


def test_its_project_sees_and_uses_them_and_no_other_does(api: Api) -> None:
    grant(api, "alpha")
    api.store.write_quota("beta", Quota(read_at=datetime.now(UTC)))
    assert "gpu.large" in [f["name"] for f in api.get("/flavors").json()["flavors"]]
    assert "gold" in [t["name"] for t in api.get("/volume_types").json()["volume_types"]]
    beta = api.as_("bea")
    assert "gpu.large" not in [f["name"] for f in beta.get("/flavors").json()["flavors"]]
    volume = {"type": "gold", "size_gib": 50}
    groups = [{"name": "gpu", "replicas": 1, "flavor": "gpu.large", "root_volume": volume}]
    body = {"name": "shop", "spec": {"node_groups": groups}}
    assert api.post("/clusters", body).status_code == 202
    refused = beta.post("/clusters", body)
    assert refused.status_code == 422
    assert any("is not a flavor" in message for message in errors(refused).values())


def test_a_group_gets_one_later(api: Api) -> None:
    api.create()
    grant(api, "alpha")
    added = api.post("/clusters/shop/node_groups", {"name": "gpu", "spec": {"replicas": 1, "flavor": "gpu.large"}})
    assert added.status_code == 202, added.text
    changed = api.patch("/clusters/shop/node_groups/default", {"spec": {"flavor": "gpu.large"}})
    assert changed.status_code == 200, changed.text
    of_cluster = api.patch("/clusters/shop", {"spec": {"control_plane": {"flavor": "gpu.large"}}})
    assert of_cluster.status_code == 200, of_cluster.text


def test_a_private_thing_of_a_public_ones_name_does_not_hide_it() -> None:
    first = OFFER.flavors[0]
    own = Quota(flavors=(replace(GPU, name=first.name),), volume_types=(replace(OFFER.volume_types[0], zones=()),))
    assert OFFER.beside(own).flavors == OFFER.flavors
    assert OFFER.beside(own).volume_types == OFFER.volume_types
