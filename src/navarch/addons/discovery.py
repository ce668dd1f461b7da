"""What a cluster's API serves: for paths of objects of any kind, and for what charts are told of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons import errors, foreign
from navarch.addons.connection import Connection
from navarch.addons.kinds import Discovery, Served

_MOST = 5000  # kinds; two thousand come with the largest of platforms


def discover(connection: Connection) -> Discovery:
    """Ask for all of it: three requests."""
    version = foreign.version(connection.get("/version").get("gitVersion"))
    found: list[Served] = []
    for root in ("/api", "/apis"):
        answer = connection.discover(root)
        with errors.understanding(f"GET {root}"):
            found += _served(answer)
        if len(found) > _MOST:
            raise errors.too_much(f"GET {root}", f"names more than {_MOST} kinds")
    return Discovery(version, tuple(found))


def _served(answer: Mapping[str, Any]) -> Iterator[Served]:
    for group in answer["items"]:
        name = str(group["metadata"].get("name") or "")
        for version in group["versions"]:
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind")
                plural = foreign.name(resource["resource"])
                if kind and plural:
                    namespaced, listed = resource.get("scope") == "Namespaced", "list" in resource.get("verbs", ())
                    of = foreign.text(version["version"], 40)
                    yield Served(name, of, foreign.text(kind, 100), plural, namespaced, listed)
