"""Reading bodies: what is wrong is told by field, and the rest is still understood."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.domain.errors import FieldError
from navarch.service import wish
from navarch.service.understanding import judged, understand
from navarch.service.wish import NewCluster


def fields(document: dict[str, Any]) -> dict[str, str]:
    return {e.field: e.detail for e in understand(NewCluster, document)[1]}


def test_what_fits_is_understood_although_the_rest_does_not() -> None:
    document = {"name": "shop", "spec": {"ssh_keys": 5, "control_plane": {"replicas": "x", "flavor": "m1"}}}
    parsed, errors = understand(NewCluster, document)
    assert {e.field for e in errors} == {"spec.ssh_keys", "spec.control_plane.replicas"}
    assert wish.given(parsed) == {"name": "shop", "spec": {"control_plane": {"flavor": "m1"}}}
    assert document["spec"] == {"ssh_keys": 5, "control_plane": {"replicas": "x", "flavor": "m1"}}


def test_what_is_given_is_told_from_what_is_left_out() -> None:
    document = {
        "name": "a",
        "labels": None,
        "spec": {"network": None, "control_plane": {"etcd_volume": None}, "node_groups": [{"labels": None}]},
    }
    parsed, errors = understand(NewCluster, document)
    assert (wish.given(parsed), errors) == (document, ())


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"nam": "x"}, "nam", "did you mean name?"),
        ({"zzz": 1}, "zzz", "known: name, region, labels, spec"),
        ({"spec": {"netwrk": {}}}, "spec.netwrk", "did you mean network?"),
        ({"spec": {"node_groups": [{}, {"replica": 1}]}}, "spec.node_groups[1].replica", "did you mean replicas?"),
        ({"spec": {"control_plane": {"etcd_volume": {"size": 1}}}}, "spec.control_plane.etcd_volume.size", "size_gib"),
        ({"spec": []}, "spec", "got a list"),
        ({"name": True}, "name", "got true"),
        ({"spec": {"kubernetes_version": ""}}, "spec.kubernetes_version", "at least 1 character"),
        ({"spec": {"control_plane": {"etcd_volume": {"size_gib": 0}}}}, "spec.control_plane.etcd_volume.size_gib", "1"),
        ({"spec": {"running": False}}, "spec.running", "paused stops Navarch"),
        ({"spec": {"node_groups": [{"autoscaling": 1}]}}, "spec.node_groups[0].autoscaling", "not offered yet"),
    ],
)
def test_mistakes_say_what_would_be_right(document: dict[str, Any], field: str, says: str) -> None:
    assert says in fields(document)[field]


def test_several_bad_entries_of_one_list_are_all_told_and_nothing_else_is_lost() -> None:
    document = {"name": "a", "spec": {"ssh_keys": [1, "k", 2], "paused": True}}
    parsed, errors = understand(NewCluster, document)
    assert [e.field for e in errors] == ["spec.ssh_keys[0]", "spec.ssh_keys[2]"]
    assert wish.given(parsed)["spec"] == {"paused": True}


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
    wish.given(parsed)
    assert len({e.field for e in errors}) <= 1000
