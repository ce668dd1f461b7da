"""The SQL, under names: every statement of the store, and the one place that reads the files."""

from functools import lru_cache
from importlib.resources import files

_MARK = "-- name: "


@lru_cache(maxsize=1)
def _all() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for file in sorted(files(__package__).iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        for part in file.read_text("utf-8").split(_MARK)[1:]:
            name, _, text = part.partition("\n")
            if name.strip() in found:
                raise ValueError(f"{file.name}: a second query named {name.strip()}")
            found[name.strip()] = text.strip().encode()
    return found


def query(name: str) -> bytes:
    """The statement of that name. Raises KeyError."""
    return _all()[name]


def names() -> frozenset[str]:
    """Every name there is."""
    return frozenset(_all())
