"""Add-ons of a cluster that is asked for: a box each, and beneath it the form of its values."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from navarch.client.clusters import Navarch
from navarch.client.errors import FieldProblem, Problem
from navarch.console import schemas
from navarch.console.forms import Form
from navarch.console.schemas import Field

Json = dict[str, Any]
_PLACE = re.compile(r"spec\.addons\[(\d+)\]\.(values(?:\..+)?)")


@dataclass(frozen=True, slots=True)
class Ticked:
    """An add-on whose box is ticked, in the version that the cluster would get. `values`: what was filled in; `unread`:
    what of it is no YAML. An entry that there is not has no fields: the API says so."""

    name: str
    title: str = ""
    version: str = ""
    fields: tuple[Field, ...] = ()
    values: Json | None = None
    unread: tuple[FieldProblem, ...] = ()

    @property
    def before(self) -> str:
        """What names of its fields begin with."""
        return f"addon.{self.name}."

    @property
    def rest(self) -> str:
        """The field of all values that have none of their own."""
        return self.before + schemas.ROOT

    @property
    def id(self) -> str:
        """Of the element that holds its fields."""
        return f"addon-{self.name}"

    def opened(self, form: Form, wrong: Collection[str]) -> bool:
        """Whether its fields are to be seen: something is set, is wrong, or has to be set."""
        names = [field.name for field in schemas.leaves(self.fields)] + [self.rest]
        needed = any(field.required for field in schemas.leaves(self.fields))
        return needed or any(form.text(name) or name in wrong for name in names)


def ticked(navarch: Navarch, form: Form, entries: Iterable[str]) -> tuple[Ticked, ...]:
    """These entries with what the form says of their values."""
    kubernetes = form.text("version")
    if not kubernetes:
        kubernetes = next((v["kubernetes_version"] for v in navarch.catalogue("versions")), "")
    return tuple(_ticked(navarch, form, entry, kubernetes) for entry in dict.fromkeys(entries))


def asked(chosen: Iterable[Ticked], *, hidden: bool = False) -> list[Json]:
    """As the API takes them. `hidden`: to be shown, without what is secret."""
    found = []
    for its in chosen:
        values = its.values or {}
        if hidden and values:
            values = schemas.hidden(its.fields, values)
        found.append({"entry": its.name} | ({"values": values} if values else {}))
    return found


def unread(chosen: Iterable[Ticked]) -> list[FieldProblem]:
    """What is no YAML."""
    return [problem for its in chosen for problem in its.unread]


def words(field: str) -> str:
    """A field of the form in words: of an add-on's value its add-on and its path."""
    return re.sub(r"addon\.([^.]+)\.values\.?", r"\1 ", field).strip()


def at_fields(chosen: Sequence[Ticked], errors: Iterable[FieldProblem]) -> list[FieldProblem]:
    """What the API says of values, by the form's fields instead of by the API's."""
    return [_at_field(chosen, error) for error in errors]


def _at_field(chosen: Sequence[Ticked], error: FieldProblem) -> FieldProblem:
    match = _PLACE.fullmatch(error.field)
    if match is None or int(match[1]) >= len(chosen):
        return error
    its, path = chosen[int(match[1])], chosen[int(match[1])].before + match[2]
    known = [field.name for field in schemas.leaves(its.fields)] + [its.rest]
    name = max((known for known in known if path == known or path.startswith(f"{known}.")), key=len)
    inner = path.removeprefix(name).lstrip(".")
    return FieldProblem(name, f"{inner}: {error.detail}" if inner else error.detail)


def _ticked(navarch: Navarch, form: Form, entry: str, kubernetes: str) -> Ticked:
    try:
        found = navarch.entry(entry, kubernetes=kubernetes)
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return Ticked(entry)
    its = Ticked(entry, found["title"], found["version"])
    fields = schemas.fields_of(found["values_schema"], its.before)
    values, wrong = schemas.typed(fields, form, its.before)
    return Ticked(entry, its.title, its.version, fields, values, tuple(wrong))
