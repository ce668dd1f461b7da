"""Objects of charts: what they are, what is wrong with them, in which order they come and go."""

import json
from pathlib import Path
from typing import Any

import pytest

from navarch.charts.differing import differences, masked, masks_in, secrets_in
from navarch.charts.objects import (
    Key,
    encoded,
    kept_apart,
    key_of,
    leaving,
    malformed,
    scaled_by_others,
    waves,
    without,
)

ADDONS = Path(__file__).parents[3] / "addons"


def made(kind: str, name: str = "a", api: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **more}


def hook(when: str, name: str = "h", weight: str = "0", kind: str = "Job", api: str = "batch/v1") -> dict[str, Any]:
    annotations = {"helm.sh/hook": when, "helm.sh/hook-weight": weight}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "annotations": annotations}}


def test_an_object_is_the_same_in_another_version_of_its_api() -> None:
    assert key_of(made("Boat", api="example.org/v1")) == key_of(made("Boat", api="example.org/v2"))


def test_what_is_malformed_is_named() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod = {"template": {"spec": {"containers": [{"name": "c", "env": env}]}}}
    told = malformed(
        (
            made("ConfigMap"),
            made("ConfigMap"),
            {"kind": "ConfigMap"},
            hook("post-rollback"),
            hook("pre-delete,test", "g"),
            hook("pre-install", "k", kind="ServiceAccount", api="v1"),
            hook("pre-install", "n", kind="Namespace", api="v1"),
            hook("pre-upgrade", "p", kind="PersistentVolumeClaim", api="v1"),
            hook("pre-upgrade", "a", kind="ConfigMap", api="v1"),
            made("Deployment", api="apps/v1", spec=pod),
            hook("test", "t", kind="Pod", api="v1"),
        )
    )
    assert told == [
        "ConfigMap a is there twice",
        "an object without apiVersion, kind or metadata.name: {'kind': 'ConfigMap'}",
        "Job h: the hook post-rollback is not supported",
        "Namespace n: a hook cannot be of this kind: it would go and come with each upgrade",
        "PersistentVolumeClaim p: a hook cannot be of this kind: it would go and come with each upgrade",
        "ConfigMap a is there twice",
        "Deployment a: container c has the variable A twice",
    ]


def test_hooks_are_kept_apart_in_the_order_of_their_weights() -> None:
    objects = (hook("pre-install", "b", "5"), made("ConfigMap"), hook("pre-install", "a", "-5"))
    plain, hooks = kept_apart(objects)
    assert [o["metadata"]["name"] for o in plain] == ["a"]
    assert [o["metadata"]["name"] for o in hooks] == ["a", "b"]


def test_of_one_weight_what_a_job_needs_comes_before_it() -> None:
    its = (hook("test", "a"), hook("test", "z", kind="ServiceAccount", api="v1"), hook("test", "y", "-1"))
    assert [o["metadata"]["name"] for o in kept_apart(its)[1]] == ["y", "z", "a"]


def test_definitions_come_first_and_custom_resources_last_and_they_leave_the_other_way() -> None:
    objects = (
        made("Boat", api="example.org/v1"), made("APIService", api="apiregistration.k8s.io/v1"),
        made("Deployment", api="apps/v1"), made("ConfigMap"), made("Namespace"),
        made("CustomResourceDefinition", api="apiextensions.k8s.io/v1"),
    )  # fmt: skip
    assert [[o["kind"] for o in wave] for wave in waves(objects)] == [
        ["Namespace", "CustomResourceDefinition"], ["ConfigMap"], ["Deployment"], ["APIService"], ["Boat"],
    ]  # fmt: skip
    assert [[key.kind for key in wave] for wave in leaving(map(key_of, objects))] == [
        ["Boat"], ["APIService"], ["Deployment", "ConfigMap", "CustomResourceDefinition"], ["Namespace"],
    ]  # fmt: skip


def test_what_others_set_is_not_said() -> None:
    deployment = made("Deployment", api="apps/v1", spec={"replicas": 3, "paused": False})
    assert without(deployment, ["spec.replicas", "spec.nothing.there"])["spec"] == {"paused": False}
    assert deployment["spec"]["replicas"] == 3
    scaler = made("HorizontalPodAutoscaler", api="autoscaling/v2")
    scaler["spec"] = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    assert scaled_by_others((scaler, deployment)) == {("Deployment", "", "web")}


def test_a_secrets_text_becomes_data() -> None:
    assert encoded(made("Secret", stringData={"a": "b"}, data={"c": "ZA=="}))["data"] == {"a": "Yg==", "c": "ZA=="}


def test_a_difference_is_told_by_field_and_what_is_secret_is_masked() -> None:
    before = (made("ConfigMap", data={"a": "1", "b": "2"}), made("Secret", data={"p": "eA=="}), made("Service", "old"))
    after = (made("ConfigMap", data={"a": "1", "b": "3"}), made("Secret", data={"p": "eQ=="}), made("Service", "new"))
    found = differences(before, after)
    assert [(d.object, d.field, d.before, d.after) for d in found] == [
        ("ConfigMap a", "data.b", "2", "3"),
        ("Secret a", "data.p", "(sealed)", "(sealed)"),
        ("Service new", "", None, "present"),
        ("Service old", "", "present", None),
    ]


def test_values_are_masked_by_their_schema_and_where_it_says_nothing() -> None:
    schema = {
        "properties": {
            "open": {"type": "string"},
            "password": {"writeOnly": True},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "deep": {"properties": {"token": {"writeOnly": True}, "size": {"type": "integer"}}},
        }
    }
    values = {"open": "a", "password": "b", "labels": {"x": "y"}, "deep": {"token": "c", "size": 1}, "unknown": "d"}
    shown = masked(values, schema)
    assert shown == {
        "open": "a", "password": "(sealed)", "labels": {"x": "y"}, "deep": {"token": "(sealed)", "size": 1},
        "unknown": "(sealed)",
    }  # fmt: skip
    assert masks_in(shown)
    assert not masks_in(values)


@pytest.mark.parametrize(
    ("described", "value"),
    [
        ({"$ref": "#/definitions/secret"}, "hunter2"),
        ({"type": "string", "allOf": [{"$ref": "#/definitions/secret"}]}, "hunter2"),
        ({"oneOf": [{"type": "null"}, {"$ref": "#/definitions/secret"}]}, "hunter2"),
        ({"type": "object", "patternProperties": {"p.*": {"writeOnly": True}}}, {"password": "hunter2"}),
        ({"type": "object", "additionalProperties": {"$ref": "#/definitions/secret"}}, {"password": "hunter2"}),
        ({"type": "object", "additionalProperties": True}, {"password": "hunter2"}),
        ({"type": "object"}, {"deep": {"password": "hunter2"}}),
        ({"type": "array", "items": {"$ref": "#/definitions/secret"}}, ["hunter2"]),
        ({"type": "array"}, ["hunter2"]),
        ({}, "hunter2"),
    ],
)
def test_what_is_not_described_plainly_is_masked(described: dict[str, Any], value: Any) -> None:
    schema = {"definitions": {"secret": {"type": "string", "writeOnly": True}}, "properties": {"a": described}}
    assert "hunter2" not in str(masked({"a": value}, schema))
    assert secrets_in({"a": value}, schema) == ("hunter2",)


def test_a_schema_that_others_complete_shows_nothing() -> None:
    schema = {
        "properties": {"password": {"type": "string"}},
        "allOf": [{"properties": {"password": {"writeOnly": True}}}],
    }
    assert masked({"password": "hunter2"}, schema) == {"password": "(sealed)"}


def test_the_values_of_headroom_are_shown() -> None:
    schema = json.loads((ADDONS / "headroom" / "values.schema.json").read_text())
    values = {"replicas": 2, "cpu": "250m", "memory": "1Gi", "priority": -5, "nodeSelector": {"pool": "blue"}}
    assert masked(values, schema) == values


def test_what_is_secret_is_masked_wherever_a_chart_puts_it() -> None:
    schema = {"properties": {"password": {"writeOnly": True}, "size": {"type": "integer"}}}
    secrets = secrets_in({"password": "hunter2", "size": 1}, schema)
    assert secrets == ("hunter2",)
    before, after = made("ConfigMap", data={"url": "x"}), made("ConfigMap", data={"url": "http://a:hunter2@b"})
    (found,) = differences((before,), (after,), secrets)
    assert found.after == "http://a:(sealed)@b"


def test_a_key_reads_as_people_write_it() -> None:
    assert str(Key("apps", "Deployment", "shop", "web")) == "Deployment shop/web"
