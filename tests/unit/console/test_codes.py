"""The console has words for each code that the service may send: asked of the service's own source."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import navarch
from navarch.console import codes
from navarch.domain import steps
from navarch.domain.openstack import steps as openstack_steps
from navarch.domain.providers import KINDS
from navarch.domain.status import Phase

_SOURCE = Path(navarch.__file__).parent
_ROOMS = ("domain", "service", "reconcile", "addons", "clouds")
# Calls of which an argument is a reason, by its place.
_CALLS = {"Finding": 0, "Obstacle": 0, "arrived": 0, "Event": 1, "note": 1, "Condition": 2, "Change": 2}
_NOT_SHOWN = {"NotYet"}  # never becomes a condition


def literals() -> Iterator[tuple[str, str]]:
    """(reason, where) of every reason that is written in the source."""
    for path in sorted(p for room in _ROOMS for p in (_SOURCE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given: list[ast.expr] = [k.value for k in node.keywords if k.arg == "reason"]
            place = _CALLS.get(name)
            given += [] if place is None else node.args[place : place + 1]
            for its in given:
                if isinstance(its, ast.Constant) and isinstance(its.value, str) and its.value[:1].isupper():
                    yield its.value, path.name


def subclasses(type_: type[Any]) -> Iterator[type[Any]]:
    for its in type_.__subclasses__():
        yield its
        yield from subclasses(its)


def test_every_reason_has_words() -> None:
    found = dict(literals())
    assert len(found) > 30, "the source is read"
    assert {r: where for r, where in found.items() if r not in codes.REASONS and r not in _NOT_SHOWN} == {}


def test_every_step_has_words() -> None:
    assert openstack_steps
    bare = {its.__name__ for its in subclasses(steps.Step) if not its.__subclasses__()}
    assert len(bare) > 25
    assert bare - set(codes.REASONS) == set()


def test_every_phase_has_words() -> None:
    assert {phase.value for phase in Phase} == set(codes.PHASES)


def test_every_kind_of_object_has_words() -> None:
    assert set(KINDS) == set(codes.KINDS)


@pytest.mark.parametrize("table", ["KINDS", "PHASES", "CONDITIONS", "REASONS", "PARTS", "QUOTAS"])
def test_words_are_words(table: str) -> None:
    assert all((text and not text.isupper()) or text == "API" for text in getattr(codes, table).values())
