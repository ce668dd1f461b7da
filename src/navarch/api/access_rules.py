"""Access rules of application credentials: which requests alone a token may make.

    {"service": "kubernetes", "method": "GET", "path": "/kaas/v1/clusters/*"}

A path is matched as keystonemiddleware does (auth_token/__init__.py, `_path_matches`): `*` and `{name}` stand for one
segment or a part of it, `**` for anything. A customer writes it: it is matched in time that grows with its length times
that of the request's path, whatever they are, so not by a regular expression.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

SERVICE_TYPE = "kubernetes"
"""Navarch's in Keystone's catalogue."""

_PARTS = re.compile(r"(?P<any>\*\*)|(?P<segment>\{[^}]*\}|\*)|(?P<letter>.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One request that is allowed: the service's type, the method, the pattern of the path."""

    service: str
    method: str
    path: str


def permit(rules: Iterable[AccessRule], method: str, path: str) -> bool:
    """Whether one of the rules allows this request to Navarch."""
    return any(r.service == SERVICE_TYPE and r.method == method and path_matches(r.path, path) for r in rules)


def path_matches(pattern: str, path: str) -> bool:
    """Whether the pattern stands for the whole path. `places`: before which parts of the pattern one may be by now."""
    parts = [(match.lastgroup, match[0]) for match in _PARTS.finditer(pattern)]
    places = _with_empty({0}, parts)
    for letter in path:
        reached = set()
        for place in places:
            kind, text = parts[place] if place < len(parts) else ("", "")
            if kind == "letter" and text == letter:
                reached.add(place + 1)
            elif kind == "any":
                reached.add(place)
            elif kind == "segment" and letter != "/":
                reached |= {place, place + 1}
        places = _with_empty(reached, parts)
    return len(parts) in places


def _with_empty(places: set[int], parts: list[tuple[str | None, str]]) -> set[int]:
    """The places, and those behind a part that may stand for nothing."""
    found = set(places)
    for place in range(len(parts)):
        if place in found and parts[place][0] == "any":
            found.add(place + 1)
    return found
