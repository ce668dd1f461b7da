"""Values to JSON and back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.domain.clusters import cluster

from navarch.domain.codec import Undecodable, decode, draft, encode, read
from navarch.domain.machines import Machine
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer, Quota
from navarch.domain.openstack.resources import Kind, Rule, SecurityGroup
from navarch.domain.openstack.steps import CreateServer, Remove
from navarch.domain.spec import ClusterSpec, NodeGroup, NodeGroupSpec, Role, Taint
from navarch.domain.status import Event, Phase, Status

TYPES: tuple[type, ...] = (ClusterSpec, NodeGroup, Status, Event, Offer, Quota, Machine, KnownObject, CreateServer)


@pytest.mark.parametrize("type_", TYPES, ids=lambda t: t.__name__)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_what_was_written_is_read_again(type_: type, data: Any) -> None:
    st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    value = data.draw(st.from_type(type_))
    assert decode(type_, json.loads(json.dumps(encode(value)))) == value


@dataclass(frozen=True)
class Small:
    """One required field, one with a default."""

    size: int
    name: str = "none"


@dataclass(frozen=True)
class Either:
    """One of two steps, or nothing."""

    step: CreateServer | Remove | None = None


def test_a_newer_versions_fields_are_ignored_and_missing_ones_take_their_defaults() -> None:
    assert decode(Small, {"size": 1, "colour": "red"}) == Small(1)


def test_members_of_a_union_are_told_apart() -> None:
    for either in (Either(Remove(Kind.SERVER, "1", "web")), Either()):
        assert decode(Either, json.loads(json.dumps(encode(either)))) == either
    with pytest.raises(Undecodable, match="unknown type"):
        decode(Either, {"step": {"$type": "Explode"}})


def test_sets_are_written_in_one_order() -> None:
    rules = [Rule("tcp", port, port, cidr="0.0.0.0/0") for port in (80, 443, 22)]
    first = encode(SecurityGroup("1", "sg", frozenset(rules)))
    assert first == encode(SecurityGroup("1", "sg", frozenset(reversed(rules))))


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "Small: size missing"),
        ({"size": "1"}, "Small.size: int was expected, got str"),
        ({"size": True}, "Small.size: int was expected, got bool"),
        ({"size": 1, "name": None}, "Small.name: str was expected, got NoneType"),
        ([], "Small: an object was expected, got list"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(data: Any, path: str) -> None:
    with pytest.raises(Undecodable, match=path):
        decode(Small, data)


def test_bad_parts_deep_inside_are_found() -> None:
    with pytest.raises(Undecodable, match=r"Status.phase"):
        decode(Status, {"phase": "Confused"})
    with pytest.raises(Undecodable, match=r"Machine.created_at"):
        decode(Machine, {"name": "m", "role": "worker", "group": "g", "serial": 1, "zone": "z", "created_at": "soon"})
    with pytest.raises(Undecodable, match=r"ClusterSpec.release.components\[1\]"):
        decode(ClusterSpec, {"release": {"kubernetes_version": "1", "image_id": "i", "image_name": "n", "bundle": "b",
                                         "components": [["a", "b"], 5]}})  # fmt: skip
    with pytest.raises(Undecodable, match="2 items"):
        decode(Offer, {"releases": [{"kubernetes_version": "1", "image_id": "i", "image_name": "n", "bundle": "b",
                                         "components": [["a"]]}]})  # fmt: skip


def test_enums_and_integers_for_floats_are_read() -> None:
    assert decode(Role, "worker") is Role.WORKER
    assert decode(Event, {"at": "2026-01-01T00:00:00+00:00", "reason": "R", "message": "", "seconds": 2}).seconds == 2.0
    assert encode(Phase.READY) == "Ready"


def test_a_type_that_it_does_not_know_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})


def test_what_is_read_twice_from_the_same_text_is_the_same_value() -> None:
    text = json.dumps(encode(cluster().spec))
    assert read(ClusterSpec, text) == cluster().spec
    assert read(ClusterSpec, text) is read(ClusterSpec, text)


def test_text_that_does_not_fit_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(Undecodable, match="kubernetes_version"):
            read(ClusterSpec, '{"kubernetes_version": 5}')


def test_a_draft_is_empty_where_something_is_left_to_navarch() -> None:
    empty = draft(ClusterSpec, {"network": None, "paused": True})
    assert (empty.kubernetes_version, empty.paused) == ("", True)
    assert (empty.network.external_network, empty.network.node_cidr) == ("", "10.0.0.0/24")
    assert (empty.control_plane.etcd_volume.size_gib, empty.control_plane.replicas) == (0, 1)


def test_a_draft_has_pairs_as_people_write_them_and_null_is_as_good_as_missing() -> None:
    written = {"labels": {"b": "2", "a": "1", "c": None}, "taints": [{"key": "k", "value": None}], "max_surge": None}
    assert draft(NodeGroupSpec, written) == NodeGroupSpec("", labels=(("b", "2"), ("a", "1")), taints=(Taint("k", ""),))


def test_a_draft_is_strict_in_types() -> None:
    with pytest.raises(Undecodable, match=r"NodeGroupSpec\.replicas"):
        draft(NodeGroupSpec, {"replicas": "2"})
