"""The SQL, under names: every statement of the store, and the one place that reads the files.

`-- name:` begins a statement, `-- part:` what several statements have in common: they have it in the place of its name
in braces.
"""

import re
from functools import lru_cache
from importlib.resources import files

_MARK = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)


@lru_cache(maxsize=1)
def _read() -> dict[str, dict[str, str]]:
    """Text by name, of statements and of parts."""
    found: dict[str, dict[str, str]] = {"name": {}, "part": {}}
    for file in sorted(files(__package__).iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        _, *pieces = _MARK.split(file.read_text("utf-8"))
        for kind, name, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            if name in found[kind]:
                raise ValueError(f"{file.name}: a second {kind} {name}")
            found[kind][name] = text.strip()
    return found


@lru_cache(maxsize=1)
def _all() -> dict[str, bytes]:
    return {
        name: re.sub(r"\{(\w+)\}", lambda its: part(its[1]).decode(), text).encode()
        for name, text in _read()["name"].items()
    }


def query(name: str) -> bytes:
    """The statement of that name. Raises KeyError."""
    return _all()[name]


def part(name: str) -> bytes:
    """The part of that name, without its comments. Raises KeyError."""
    return re.sub(r"^--.*\n", "", _read()["part"][name], flags=re.MULTILINE).encode()


def names() -> frozenset[str]:
    """The name of every statement."""
    return frozenset(_all())
