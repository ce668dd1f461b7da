"""Reading bodies: what is wrong is told by field, and the rest is still understood."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.api.models.requests import NewCluster
from navarch.api.parsing import judged, merge, understand
from navarch.domain.errors import FieldError
from navarch.domain.request import ClusterRequest, NodeGroupRequest


def fields(document: dict[str, Any]) -> dict[str, str]:
    return {e.field: e.detail for e in understand(NewCluster, document)[1]}


def test_what_fits_is_understood_although_the_rest_does_not() -> None:
    document = {"name": "shop", "spec": {"ssh_keys": 5, "control_plane": {"replicas": "x", "flavor": "m1"}}}
    parsed, errors = understand(NewCluster, document)
    assert {e.field for e in errors} == {"spec.ssh_keys", "spec.control_plane.replicas"}
    assert parsed.asked().name == "shop"
    assert parsed.asked().control_plane.flavor == "m1"
    assert document["spec"] == {"ssh_keys": 5, "control_plane": {"replicas": "x", "flavor": "m1"}}


def test_null_and_absent_leave_it_to_navarch() -> None:
    assert understand(NewCluster, {"name": "a", "labels": None, "spec": None})[0].asked() == ClusterRequest("a")
    document = {"spec": {"network": None, "control_plane": {"etcd_volume": None}, "node_groups": [{"labels": None}]}}
    assert understand(NewCluster, document)[0].asked() == ClusterRequest(node_groups=(NodeGroupRequest(),))


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"nam": "x"}, "nam", "did you mean name?"),
        ({"zzz": 1}, "zzz", "known: name, labels, spec"),
        ({"spec": {"netwrk": {}}}, "spec.netwrk", "did you mean network?"),
        ({"spec": {"node_groups": [{}, {"replica": 1}]}}, "spec.node_groups[1].replica", "did you mean replicas?"),
        ({"spec": {"control_plane": {"etcd_volume": {"size": 1}}}}, "spec.control_plane.etcd_volume.size", "size_gib"),
        ({"spec": []}, "spec", "got a list"),
        ({"name": True}, "name", "got true"),
    ],
)
def test_mistakes_say_what_would_be_right(document: dict[str, Any], field: str, says: str) -> None:
    assert says in fields(document)[field]


def test_several_bad_entries_of_one_list_are_all_told_and_nothing_else_is_lost() -> None:
    document = {"name": "a", "spec": {"ssh_keys": [1, "k", 2], "paused": True}}
    parsed, errors = understand(NewCluster, document)
    assert [e.field for e in errors] == ["spec.ssh_keys[0]", "spec.ssh_keys[2]"]
    assert parsed.asked().paused


def test_what_was_not_understood_is_not_judged() -> None:
    wrong, more = (
        (FieldError("spec.a", "1"),),
        [FieldError(f, "2") for f in ("spec.a", "spec.a.b", "spec.a[0]", "spec.ab")],
    )
    assert [e.field for e in judged(wrong, more)] == ["spec.a", "spec.ab"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON,
        "labels": JSON,
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "network": JSON | st.fixed_dictionaries({}, optional={"dns_servers": JSON, "node_cidr": JSON}),
                "control_plane": JSON | st.fixed_dictionaries({}, optional={"zones": JSON, "etcd_volume": JSON}),
                "node_groups": JSON | st.lists(st.fixed_dictionaries({}, optional={"labels": JSON, "taints": JSON})),
            },
        )
        | JSON,
    },
)


@settings(deadline=None, max_examples=50)
@given(document=SHAPED)
def test_no_document_breaks_it(document: dict[str, Any]) -> None:
    parsed, errors = understand(NewCluster, document)
    parsed.asked()
    assert len({e.field for e in errors}) <= 1000


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_as_in_the_examples_of_rfc_7396(document: Any, patch: Any, merged: Any) -> None:
    assert merge(document, patch) == merged
