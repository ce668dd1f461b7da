"""Reading bodies: what is wrong is told by field, and the rest is still understood."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.domain.errors import FieldError
from navarch.service import understanding, wish
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
        ({"spec": []}, "spec", "must be an object, got a list"),
        ({"labels": 5}, "labels", "must be an object, got the number 5"),
        ({"spec": {"ssh_keys": {}}}, "spec.ssh_keys", "must be a list, got an object"),
        ({"spec": {"paused": "yes"}}, "spec.paused", "must be true or false, got the text 'yes'"),
        ({"spec": {"node_groups": [{"replicas": "2"}]}}, "spec.node_groups[0].replicas", "must be a whole number, got"),
        ({"name": True}, "name", "got true"),
        ({"spec": {"kubernetes_version": ""}}, "spec.kubernetes_version", "must not be empty"),
        ({"spec": {"control_plane": {"etcd_volume": {"size_gib": 0}}}}, "spec.control_plane.etcd_volume.size_gib", "1"),
        ({"spec": {"automatic_upgrades": 1}}, "spec.automatic_upgrades", "must be true or false"),
        ({"spec": {"node_groups": [{"autoscaling": 1}]}}, "spec.node_groups[0].autoscaling", "must be an object"),
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


def test_a_document_of_nothing_but_mistakes_has_some_hundreds_told(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses = list[str]()

    def near(name: str, *rest: Any, **more: Any) -> list[str]:
        guesses.append(name)
        return []

    monkeypatch.setattr(understanding, "get_close_matches", near)
    document = {"name": "a", "spec": {"node_groups": [{"name": "web", "taints": [{"effecx": 1}] * 15_000}]}}
    parsed, errors = understand(NewCluster, document)
    assert errors[0].field == "spec.node_groups[0].taints[0].effecx"
    assert (len(errors), len(guesses)) == (300, 100)
    assert wish.given(parsed)["spec"]["node_groups"][0]["taints"] == [{}] * 15_000
    assert judged(errors, [FieldError("spec.node_groups[0].taints[400].key", "is empty")]) == errors


class Compared(str):
    """A field that counts how often it is compared with another."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    def startswith(self, *arguments: Any) -> bool:
        Compared.times += 1
        return super().startswith(*arguments)

    __hash__ = str.__hash__


def test_what_is_judged_is_not_compared_with_each_thing_that_was_not_understood() -> None:
    wrong = tuple(FieldError(Compared(f"spec.a[{n}]"), "1") for n in range(200))
    more = [FieldError(Compared(f"spec.{'ab'[n % 2]}[{n % 200}].key"), "2") for n in range(2000)]
    Compared.times = 0
    assert len(judged(wrong, more)) == 200 + 1000
    assert Compared.times <= 2 * (len(wrong) + len(more))


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
