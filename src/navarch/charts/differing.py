"""What differs between two renderings, for people: which objects come, go and change, and in which fields."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from navarch.charts.objects import Key, Object, hooks_of, key_of

MASK = "(sealed)"
"""Stands in the place of what is secret. It is shown and never taken as a value."""
_APPLIES_OTHERS = frozenset(
    {
        "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas",
        "dependencies", "patternProperties", "prefixItems", "contains", "unevaluatedProperties", "unevaluatedItems",
    }
)  # fmt: skip
"""Keywords by which a schema has other schemas say more of the same value, such as that it is secret."""
_LONGEST = 200
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that would come (`before` None), go (`after` None) or change. `field`: a dotted path; empty: the whole
    object. Texts are cut, and what is secret is masked."""

    object: str
    field: str
    before: Any
    after: Any


def differences(
    before: Iterable[Object], after: Iterable[Object], secrets: tuple[str, ...] = ()
) -> tuple[Difference, ...]:
    """In the order of the objects' kinds and names. Hooks are none of them. `secrets` are masked wherever they are."""
    old, new = _by_key(before), _by_key(after)
    found: list[Difference] = []
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            found.append(Difference(str(key), "", "present", None))
        elif key not in old:
            found.append(Difference(str(key), "", None, "present"))
        else:
            secret = (key.group, key.kind) == ("", "Secret")
            for field, was, becomes in _fields("", old[key], new[key], secret):
                found.append(Difference(str(key), field, _veiled(was, secrets), _veiled(becomes, secrets)))
    return tuple(found)


def masked(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Values to be shown: those that the schema calls `writeOnly` are masked, and so is what it does not describe
    plainly: by a type or by values of its own, with no other schema that is to be asked, too."""
    known = {} if _APPLIES_OTHERS & schema.keys() else schema.get("properties") or {}
    return {key: _masked(value, known.get(key)) for key, value in values.items()}


def _masked(value: Any, schema: Any) -> Any:
    if not isinstance(schema, dict) or schema.get("writeOnly") or _APPLIES_OTHERS & schema.keys():
        return MASK
    if isinstance(value, dict):
        return masked(value, schema) if "properties" in schema else _open(value, schema)
    if isinstance(value, list):
        return [_masked(item, schema.get("items")) for item in value]
    return value if schema.keys() & {"type", "enum", "const"} else MASK


def _open(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose keys are the user's own, such as labels."""
    inner = schema.get("additionalProperties")
    return {key: _masked(item, inner) for key, item in value.items()}


def secrets_in(values: Any, schema: Any) -> tuple[str, ...]:
    """Values that are not to be shown, wherever a chart puts them: those that `masked` masks and that are long enough
    to be told from other words."""
    shown = _masked(values, schema)
    return tuple(sorted(_hidden(values, shown), key=len, reverse=True))


def veiled(text: str, secrets: Iterable[str]) -> str:
    """A text without these."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _hidden(values: Any, shown: Any) -> Iterator[str]:
    if isinstance(values, dict):
        for key, inner in values.items():
            yield from _hidden(inner, shown[key] if isinstance(shown, dict) else MASK)
    elif isinstance(values, list):
        for place, inner in enumerate(values):
            yield from _hidden(inner, shown[place] if isinstance(shown, list) else MASK)
    elif shown == MASK and isinstance(values, str) and len(values) >= _SHORTEST_SECRET:
        yield values


def masks_in(values: Any) -> bool:
    """Whether a mask came back as a value: somebody sends what was shown."""
    if isinstance(values, dict):
        return any(masks_in(inner) for inner in values.values())
    if isinstance(values, list):
        return any(masks_in(inner) for inner in values)
    return bool(values == MASK)


def _by_key(objects: Iterable[Object]) -> dict[Key, Object]:
    return {key_of(made): made for made in objects if not hooks_of(made)}


def _fields(path: str, before: Any, after: Any, secret: bool) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            hidden = secret and path in ("data", "stringData")
            where = f"{path}.{name}" if path else name
            for inner, old, new in _fields(where, before.get(name), after.get(name), secret):
                yield (inner, _sealed(old), _sealed(new)) if hidden else (inner, old, new)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _fields(f"{path}[{index}]", old, new, secret)
    elif before != after:
        yield path, _plain(before), _plain(after)


def _veiled(value: Any, secrets: tuple[str, ...]) -> Any:
    return _short(veiled(value, secrets) if isinstance(value, str) else value)


def _sealed(value: Any) -> Any:
    return None if value is None else MASK


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _short(value: Any) -> Any:
    return f"{value[: _LONGEST - 1]}…" if isinstance(value, str) and len(value) > _LONGEST else value
