"""References and alternatives of a schema: what of them becomes a field, and where secrets are."""

from typing import Any

import pytest

from navarch.console.alternatives import holds_secret, plain
from navarch.console.forms import Form
from navarch.console.schemas import HIDDEN, fields_of, hidden, leaves, typed

WHOLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"$ref": "#/$defs/name"},
        "level": {
            "title": "Level",
            "oneOf": [{"const": "low", "title": "Little"}, {"const": "high"}, {"enum": [1, 2]}],
        },
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": 3},
        "door": {"$ref": "#/$defs/door", "title": "Front door"},
        "either": {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
        "circle": {"$ref": "#/$defs/circle"},
        "users": {"type": "array", "items": {"$ref": "#/$defs/user"}},
        "nothing": {"$ref": "#/$defs/gone"},
        "narrow": {"$ref": "#/$defs/name", "pattern": "b"},
    },
    "$defs": {
        "name": {"type": "string", "pattern": "^a"},
        "door": {"type": "object", "properties": {"open": {"type": "boolean"}, "key": {"$ref": "#/$defs/key"}}},
        "key": {"type": "string", "writeOnly": True},
        "circle": {"$ref": "#/$defs/circle"},
        "user": {"type": "object", "properties": {"password": {"$ref": "#/$defs/key"}, "of": {"$ref": "#/$defs/user"}}},
    },
}
FIELDS = fields_of(WHOLE)


def test_what_a_reference_or_single_values_say_is_a_field_and_all_else_is_yaml() -> None:
    assert {field.name.removeprefix("values."): field.kind for field in leaves(FIELDS)} == {
        "name": "text", "level": "choice", "size": "number", "door.open": "switch", "door.key": "text",
        "either": "yaml", "circle": "yaml", "users": "yaml", "nothing": "yaml", "narrow": "yaml",
    }  # fmt: skip


def test_alternatives_are_offered_in_their_own_words_and_sent_as_they_are() -> None:
    level = next(field for field in FIELDS if field.path == ("level",))
    assert level.options == (('"low"', "Little"), ('"high"', "high"), ("1", "1"), ("2", "2"))
    assert typed(FIELDS, Form({"values.level": ["1"], "values.size": ["4"]})) == ({"level": 1, "size": 4}, [])


def test_what_is_said_beside_a_reference_is_kept() -> None:
    door = next(field for field in FIELDS if field.path == ("door",))
    assert door.title == "Front door"
    size = next(field for field in FIELDS if field.path == ("size",))
    assert (size.least, size.default) == (1, "3")


@pytest.mark.parametrize("to", ["#", "#/properties/name", "#/$defs/gone", "other.json#/a", "#/$defs/name/type"])
def test_a_reference_leads_within_the_file_or_stays(to: str) -> None:
    its = plain({"$ref": to}, WHOLE)
    assert ("$ref" in its) == (to in ("#/$defs/gone", "other.json#/a", "#/$defs/name/type"))


def test_secrets_are_found_wherever_they_are_and_not_shown() -> None:
    secret = {field.name.removeprefix("values.") for field in leaves(FIELDS) if field.secret}
    assert secret == {"door.key", "users"}
    values = {"name": "a", "door": {"open": True, "key": "hunter2"}, "users": [{"password": "hunter2"}], "more": 1}
    shown = hidden(FIELDS, values | {"nothing": 1})
    expected = {"name": "a", "door": {"open": True, "key": HIDDEN}, "users": HIDDEN, "more": HIDDEN, "nothing": 1}
    assert shown == expected, "what has no field may be secret"
    assert values["door"] == {"open": True, "key": "hunter2"}
    assert hidden((), values) == dict.fromkeys(values, HIDDEN)
    assert not holds_secret({"type": "string"}, WHOLE)


def test_fields_of_several_forms_have_names_of_their_own() -> None:
    fields = fields_of(WHOLE, "addon.store.")
    assert next(leaves(fields)).name == "addon.store.values.name"
    filled = Form({"addon.store.values.name": ["a"], "values.name": ["b"], "addon.store.values": ["more: 1"]})
    assert typed(fields, filled, "addon.store.") == ({"more": 1, "name": "a"}, [])
