"""A form from a JSON Schema: what has a plain type is a field, an object of such fields a group of them, and all else a
text of YAML. Only what was filled in is a value: what is left empty is as the schema's owner says. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from navarch.client.errors import FieldProblem
from navarch.console.alternatives import TITLES, holds_secret, plain
from navarch.console.forms import Form

Json = dict[str, Any]
ROOT = "values"  # what names of fields begin with; the name of the text for all that has no field
SEALED = "(sealed)"  # what the API shows in the place of a secret
HIDDEN = "…"  # stands for a secret that was typed, where a request is shown
_UNSET = ".unset"  # ends the name of the box that takes a sealed value away
_DEEPEST, _MOST = 4, 200  # groups in groups, fields of a form: what is beyond is a text
# Other schemas say more of the same value: a field of its own would be half of the truth. What `alternatives.plain` can
# say in plain words is plain by then.
_SAYS_MORE = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "patternProperties"}
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `kind`: text, number, switch, choice, group or yaml. `default`: as a person would type it; empty: none
    is said. `options`: of a choice, each as JSON and in words. `least`, `most`: of a number. `examples`: in words.
    `secret`: its value, or a part of that, is not to be shown. `before`: what its name has before that of the API,
    where a form holds several of such forms."""

    path: tuple[str, ...]
    kind: str
    title: str
    description: str = ""
    required: bool = False
    secret: bool = False
    advanced: bool = False
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()
    least: int | float | None = None
    most: int | float | None = None
    examples: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    fields: tuple["Field", ...] = ()
    before: str = ""

    @property
    def name(self) -> str:
        """Its name in a form, which ends as the API calls it."""
        return self.before + ".".join((ROOT, *self.path))

    @property
    def unset(self) -> str:
        """The name of the box that takes its sealed value away."""
        return self.name + _UNSET

    @property
    def id(self) -> str:
        """Of its element."""
        return re.sub(r"[^\w.-]", "_", self.name)


def fields_of(schema: Mapping[str, Any], before: str = "") -> tuple[Field, ...]:
    """The fields of an object's schema, in its order. None where there would be too many: a text holds them all.
    `before`: see `Field`."""
    found = tuple(_fields(plain(schema, schema), (), schema, before))
    return found if sum(1 for _ in leaves(found)) <= _MOST else ()


def leaves(fields: Iterable[Field]) -> Iterator[Field]:
    """The fields that hold a value."""
    for field in fields:
        yield from leaves(field.fields) if field.kind == "group" else (field,)


def typed(fields: Iterable[Field], form: Form, before: str = "") -> tuple[Json, list[FieldProblem]]:
    """What was filled in, and what of it is no YAML. A field wins over the text of all else."""
    values, wrong = _all_else(form, before + ROOT)
    for field in leaves(fields):
        given = _given(field, form, wrong)
        if given is not _NOTHING:
            _put(values, field.path, given)
    return values, wrong


def patch(fields: Iterable[Field], own: Mapping[str, Any], form: Form) -> tuple[Json, list[FieldProblem]]:
    """The merge patch that makes values as they were filled in, and what of that is no YAML. `own`: those that are
    set, as the API shows them. What was emptied goes back to its default, but for what is sealed: no form shows it."""
    changes, wrong = _all_else(form, ROOT)
    for field in leaves(fields):
        before, given = _at(own, field.path), _given(field, form, wrong)
        if given is _NOTHING:
            if before is not _NOTHING and (not sealed(before) or form.ticked(field.unset)):
                _put(changes, field.path, None)
        elif given != before:
            _put(changes, field.path, _difference(before, given))
    return changes, wrong


def filled(fields: Iterable[Field], own: Mapping[str, Any]) -> Form:
    """Values that are set, as the form that asks for them; what is sealed is left empty."""
    found: dict[str, list[str]] = {}
    for field in leaves(fields):
        its = _at(own, field.path)
        if its is not _NOTHING and not sealed(its):
            found[field.name] = [_words(field, its)]
    return Form(found)


def sealed_names(fields: Iterable[Field], own: Mapping[str, Any]) -> set[str]:
    """Names of fields that are set, and whose value the API does not show."""
    held = {field.name: _at(own, field.path) for field in leaves(fields)}
    return {name for name, its in held.items() if its is not _NOTHING and sealed(its)}


def without_field(fields: Iterable[Field], own: Mapping[str, Any]) -> list[str]:
    """What is set at the top and has no field."""
    return sorted(own.keys() - {field.path[0] for field in fields})


def hidden(fields: Iterable[Field], values: Mapping[str, Any]) -> Json:
    """Values to show to whoever looks at the screen: without what is secret, and what has no field may be that."""
    known = {field.path: field for field in leaves(fields)}
    groups = {path[:depth] for path in known for depth in range(1, len(path))}

    def shown(its: Any, path: tuple[str, ...]) -> Any:
        if path in known:
            return HIDDEN if known[path].secret else its
        if path in groups and isinstance(its, Mapping):
            return {key: shown(inner, (*path, key)) for key, inner in its.items()}
        return HIDDEN

    return {key: shown(its, (key,)) for key, its in values.items()}


def sealed(value: Any) -> bool:
    """Whether any part of it is not shown."""
    if isinstance(value, Mapping):
        return any(map(sealed, value.values()))
    if isinstance(value, list):
        return any(map(sealed, value))
    return bool(value == SEALED)


def by_field(
    errors: Iterable[FieldProblem], fields: Iterable[Field], others: Iterable[str] = ()
) -> tuple[dict[str, list[str]], list[str]]:
    """What is wrong with each field, by its name, and what is wrong beside them. `others`: names of fields that are no
    values."""
    known = {field.name for field in leaves(fields)} | set(others)
    at: dict[str, list[str]] = {}
    beside: list[str] = []
    for error in errors:
        fitting = [name for name in known if error.field == name or error.field.startswith(f"{name}.")]
        if not fitting:
            beside.append(f"{error.field}: {error.detail}" if error.field else error.detail)
            continue
        name = max(fitting, key=len)
        inner = error.field.removeprefix(name).lstrip(".")
        at.setdefault(name, []).append(f"{inner}: {error.detail}" if inner else error.detail)
    return at, beside


def _fields(schema: Mapping[str, Any], path: tuple[str, ...], whole: Mapping[str, Any], before: str) -> Iterator[Field]:
    required = schema.get("required")
    must = required if isinstance(required, list) else []
    properties = schema.get("properties")
    for name, inner in (properties if isinstance(properties, Mapping) else {}).items():
        its = inner if isinstance(inner, Mapping) else {}
        yield _field(plain(its, whole), (*path, name), name in must, whole, before)


def _field(
    schema: Mapping[str, Any], path: tuple[str, ...], required: bool, whole: Mapping[str, Any], before: str
) -> Field:
    its = schema.get("type")
    said = its if isinstance(its, list) else [its]
    types = tuple(word for word in said if isinstance(word, str) and word != "null")
    options = schema.get("enum")
    inner: tuple[Field, ...] = ()
    if _SAYS_MORE & schema.keys():
        kind = "yaml"
    elif isinstance(options, list) and not any(isinstance(option, dict | list) for option in options):
        kind = "choice"
    elif types == ("boolean",):
        kind = "switch"
    elif types and set(types) <= {"integer", "number"}:
        kind = "number"
    elif "string" in types and set(types) <= {"string", "integer", "number"}:
        kind = "text"
    elif types == ("object",) and schema.get("properties") and len(path) < _DEEPEST:
        kind, inner = "group", tuple(_fields(schema, path, whole, before))
    else:
        kind = "yaml"
    examples = schema.get("examples")
    return Field(
        path,
        kind,
        title=str(schema.get("title") or path[-1]),
        description=str(schema.get("description") or ""),
        required=required and "default" not in schema,
        secret=holds_secret(schema, whole),
        advanced=bool(schema.get("x-navarch-advanced")),
        default="" if schema.get("default") in (None, "", [], {}) else _plain(schema["default"]),
        options=tuple(_options(schema)) if kind == "choice" else (),
        least=_bound(schema.get("minimum")),
        most=_bound(schema.get("maximum")),
        examples=tuple(map(_plain, examples[:3])) if isinstance(examples, list) else (),
        types=types,
        fields=inner,
        before=before,
    )


def _options(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of a choice, in the words of the alternatives where they have some."""
    titles = schema.get(TITLES) or {}
    for its in schema["enum"]:
        value = json.dumps(its)
        yield value, titles.get(value) or _plain(its)


def _given(field: Field, form: Form, wrong: list[FieldProblem]) -> Any:
    """What was filled in; _NOTHING: nothing. What does not fit the field's type is the API's to refuse."""
    text = form.secret(field.name) if field.secret and field.kind == "text" else form.text(field.name)
    if not text:
        return _NOTHING
    if field.kind == "yaml":
        return _yaml(field.name, text, wrong)
    if field.kind == "switch":
        return {"true": True, "false": False}.get(text, text)
    if field.kind == "choice":
        return next((json.loads(its) for its, _ in field.options if its == text), text)
    return _number(text, field.types) if field.kind == "number" else text


def _number(text: str, types: tuple[str, ...]) -> int | float | str:
    if re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    if "number" in types and re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", text):
        return float(text)
    return text


def _all_else(form: Form, name: str) -> tuple[Json, list[FieldProblem]]:
    wrong: list[FieldProblem] = []
    its = _yaml(name, form.text(name), wrong) if form.text(name) else {}
    if its is _NOTHING:
        return {}, wrong
    if not isinstance(its, dict):
        return {}, [FieldProblem(name, "must be keys with their values, as in `size: 3`")]
    return its, wrong


class PlainLoader(yaml.SafeLoader):
    """YAML that is as large as it looks: no aliases, by which a few lines can mean millions; days are texts."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not taken", mark)
        return super().compose_node(parent, index)


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, its) for tag, its in those if tag != "tag:yaml.org,2002:timestamp"]
    for first, those in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(name: str, text: str, wrong: list[FieldProblem]) -> Any:
    """What it says, as JSON can say it."""
    try:
        return json.loads(json.dumps(yaml.load(text, PlainLoader), allow_nan=False))  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        wrong.append(FieldProblem(name, f"is not YAML: {error.problem}{where}"))
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        wrong.append(FieldProblem(name, "is not YAML that JSON could say"))
    return _NOTHING


def _difference(before: Any, after: Any) -> Any:
    """The merge patch (RFC 7396) from one value to another."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    gone = {key: None for key in before if key not in after}
    changed = {key: _difference(before.get(key), its) for key, its in after.items() if before.get(key) != its}
    return gone | changed


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    its: Any = values
    for part in path:
        if not isinstance(its, Mapping) or part not in its:
            return _NOTHING
        its = its[part]
    return its


def _put(values: Json, path: tuple[str, ...], its: Any) -> None:
    *inner, last = path
    for part in inner:
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    values[last] = its


def _words(field: Field, its: Any) -> str:
    if field.kind == "yaml":
        return yaml.safe_dump(its, sort_keys=False, allow_unicode=True).removesuffix("...\n").strip()
    if field.kind == "choice":
        return json.dumps(its)
    return _plain(its)


def _plain(its: Any) -> str:
    return its if isinstance(its, str) else json.dumps(its, ensure_ascii=False)


def _bound(its: Any) -> int | float | None:
    return its if isinstance(its, int | float) and not isinstance(its, bool) else None
