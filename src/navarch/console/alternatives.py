"""What a JSON Schema says by references and alternatives, said plainly where that is the whole truth. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
TITLES = "x-navarch-titles"  # of an `enum` that was made of alternatives: words by value, as JSON
_ALTERNATIVES = ("oneOf", "anyOf")
_FARTHEST = 8  # references that lead to references
_SAID_OF_ONE = frozenset({"const", "enum", "title", "description", "type"})
_NULL = {"type": "null"}


def plain(schema: Schema, whole: Schema) -> Schema:
    """The same schema without `$ref` into its own file, without `oneOf` and `anyOf` of single values (they are an
    `enum`), and without those that only say that it may be null. What cannot be said so stays as it is. `whole`: the
    file."""
    its = _referred(schema, whole)
    for word in _ALTERNATIVES:
        those = its.get(word)
        if isinstance(those, list) and those and all(isinstance(one, Mapping) for one in those):
            its = _without(its, word, [_referred(one, whole) for one in those], whole)
    return its


def holds_secret(schema: Any, whole: Schema, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a value of this schema, or any part of one, is secret."""
    if isinstance(schema, list):
        return any(holds_secret(one, whole, seen) for one in schema)
    if not isinstance(schema, Mapping):
        return False
    to = schema.get("$ref")
    if isinstance(to, str) and to not in seen and holds_secret(_target(to, whole), whole, seen | {to}):
        return True
    if schema.get("writeOnly") is True:
        return True
    return any(holds_secret(inner, whole, seen) for inner in schema.values())


def _without(its: Schema, word: str, those: Sequence[Schema], whole: Schema) -> Schema:
    rest = {key: said for key, said in its.items() if key != word}
    values = [one for one in those if one != _NULL]
    if len(values) == 1 and len(those) == 2:  # something, or nothing
        return plain({**values[0], **rest}, whole)
    if "enum" in rest or not all(_is_of_values(one) for one in values):
        return its
    enum, titles = [], {}
    for one in values:
        for value in [one["const"]] if "const" in one else one["enum"]:
            enum.append(value)
            if one.get("title") and "const" in one:
                titles[json.dumps(value)] = str(one["title"])
    return {**rest, "enum": enum, TITLES: titles}


def _is_of_values(one: Schema) -> bool:
    return one.keys() <= _SAID_OF_ONE and ("const" in one or isinstance(one.get("enum"), list))


def _referred(schema: Schema, whole: Schema) -> Schema:
    """What it refers to, with what is said beside the reference."""
    its = schema
    for _ in range(_FARTHEST):
        to = its.get("$ref")
        target = _target(to, whole) if isinstance(to, str) else None
        if target is None:
            return its
        beside = {key: said for key, said in its.items() if key != "$ref"}
        if beside.keys() & target.keys() - {"title", "description", "default", "examples"}:
            return its  # both are to hold: one in the place of the other would be half of the truth
        its = {**target, **beside}
    return its


def _target(to: str, whole: Schema) -> Schema | None:
    """What stands at a JSON pointer of the file."""
    if to != "#" and not to.startswith("#/"):
        return None
    its: Any = whole
    for part in to.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(its, Mapping) or name not in its:
            return None
        its = its[name]
    return its if isinstance(its, Mapping) else None
