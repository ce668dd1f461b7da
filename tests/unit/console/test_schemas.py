"""Forms from schemas: which field is made of what, and what a filled form asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from navarch.client.errors import FieldProblem
from navarch.console.forms import Form
from navarch.console.schemas import by_field, fields_of, filled, leaves, patch, sealed_names, typed, without_field

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["host", "size"],
    "properties": {
        "host": {"type": "string", "title": "Host", "examples": ["shop.example.org"]},
        "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "share": {"type": ["number", "null"]},
        "cpu": {"type": ["string", "integer"], "default": "500m"},
        "debug": {"type": "boolean", "default": False},
        "level": {"enum": ["low", 2, None]},
        "store": {
            "type": "object",
            "properties": {"password": {"type": "string", "writeOnly": True}, "gib": {"type": "integer"}},
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "hosts": {"type": "array", "items": {"type": "string"}},
        "either": {"type": "string", "oneOf": [{"maxLength": 3}, {"minLength": 9}]},
    },
}
FIELDS = fields_of(SCHEMA)


def form(**fields: str) -> Form:
    return Form(
        {f"values.{name.replace('__', '.')}" if name != "values" else name: [its] for name, its in fields.items()}
    )


def test_each_type_has_its_kind_of_field_and_all_else_is_yaml() -> None:
    kinds = {field.name.removeprefix("values."): field.kind for field in leaves(FIELDS)}
    assert kinds == {
        "host": "text", "size": "number", "share": "number", "cpu": "text", "debug": "switch", "level": "choice",
        "store.password": "text", "store.gib": "number", "labels": "yaml", "hosts": "yaml", "either": "yaml",
    }  # fmt: skip
    by_name = {field.path: field for field in leaves(FIELDS)}
    assert by_name["store", "password"].secret
    assert by_name["host",].required
    assert not by_name["size",].required, "it has a default"
    assert (by_name["size",].least, by_name["size",].most, by_name["size",].default) == (1, 9, "3")


def test_a_form_that_is_left_empty_asks_for_nothing() -> None:
    assert typed(FIELDS, Form({field.name: [""] for field in leaves(FIELDS)})) == ({}, [])


def test_what_is_filled_in_has_its_type() -> None:
    values, wrong = typed(
        FIELDS,
        form(
            host="a", size="4", share="0.5", cpu="2", debug="false", level="2", store__password=" p ", labels="a: b",
            hosts="[x, 2026-01-01]", values="extra: 1\nsize: 7",
        ),
    )  # fmt: skip
    assert wrong == []
    assert values == {
        "host": "a", "size": 4, "share": 0.5, "cpu": "2", "debug": False, "level": 2, "store": {"password": " p "},
        "labels": {"a": "b"}, "hosts": ["x", "2026-01-01"], "extra": 1,
    }  # fmt: skip


def test_what_does_not_fit_is_passed_on_for_the_api_to_refuse() -> None:
    assert typed(FIELDS, form(size="many", debug="perhaps", level="high"))[0] == {
        "size": "many", "debug": "perhaps", "level": "high",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a: [", "a: &x 1\nb: *x", "a: !!python/object:os.system x", "a: .nan", "a: !!binary aGk=", "[" * 5000]
)
def test_a_text_that_is_no_plain_yaml_is_refused_at_its_field(text: str) -> None:
    for name in ("labels", "values"):
        values, wrong = typed(FIELDS, form(**{name: text}))
        assert values == {}
        assert [problem.field for problem in wrong] == ["values" if name == "values" else "values.labels"]


def test_all_else_must_be_keys_with_values() -> None:
    assert typed(FIELDS, form(values="just words"))[1][0].field == "values"


OWN = {"size": 4, "labels": {"a": "1", "b": "2"}, "store": {"password": "(sealed)", "gib": 5}, "odd": "(sealed)"}


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    assert patch(FIELDS, OWN, filled(FIELDS, OWN)) == ({}, [])
    assert "(sealed)" not in str(filled(FIELDS, OWN))
    assert sealed_names(FIELDS, OWN) == {"values.store.password"}
    assert without_field(FIELDS, OWN) == ["odd"]


def test_what_was_emptied_goes_back_and_what_is_sealed_stays_unless_it_is_taken_away() -> None:
    asked, _ = patch(FIELDS, OWN, form(size="", labels="a: '1'\nc: '3'", store__gib="5"))
    assert asked == {"size": None, "labels": {"b": None, "c": "3"}}
    asked, _ = patch(
        FIELDS, OWN, form(size="4", labels="{a: '1', b: '2'}", store__gib="5", store__password__unset="yes")
    )
    assert asked == {"store": {"password": None}}
    asked, _ = patch(FIELDS, OWN, form(size="4", labels="{a: '1', b: '2'}", store__gib="6", store__password="new"))
    assert asked == {"store": {"password": "new", "gib": 6}}


def test_problems_stand_at_their_fields_and_others_beside() -> None:
    problems = [
        FieldProblem("values.size", "too big"),
        FieldProblem("values.hosts.0", "no host"),
        FieldProblem("name", "taken"),
        FieldProblem("values", "missing property 'host'"),
        FieldProblem("", "no"),
    ]
    at, beside = by_field(problems, FIELDS, ("name",))
    assert at == {"values.size": ["too big"], "values.hosts": ["0: no host"], "name": ["taken"]}
    assert beside == ["values: missing property 'host'", "no"]


def test_a_schema_of_too_many_fields_has_none() -> None:
    many = {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(300)}}
    assert fields_of(many) == ()


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": {"a": True, "b": {"type": 3}}}])
def test_a_strange_schema_makes_no_page_fail(schema: dict[str, Any]) -> None:
    assert all(field.kind == "yaml" for field in leaves(fields_of(schema)))


def test_the_entries_of_the_catalogue_make_forms() -> None:
    folder = Path(__file__).parents[3] / "addons"
    schemas = [json.loads(path.read_text()) for path in folder.glob("*/values.schema.json")]
    assert schemas
    assert all(fields_of(schema) for schema in schemas)
