"""Whether a cluster that is new or has changed is among those that a list's filters ask for. The API's list is the
judge; this says the same of one cluster, so that a page need not ask for each change."""

from collections.abc import Iterable
from typing import Any

_SHORTEST_ID = 4  # as the API: what is shorter is no beginning of an id


def fits(filters: Iterable[tuple[str, str]], cluster: Any) -> bool:
    """`filters`: the list's parameters. Of one that is given more than once, one is enough."""
    asked: dict[str, list[str]] = {}
    for name, value in filters:
        asked.setdefault(name, []).append(value)
    return all(any(_fits(name, value, cluster) for value in values) for name, values in asked.items())


def _fits(name: str, value: str, cluster: Any) -> bool:
    status = cluster["status"]
    match name:
        case "search":
            texts = [cluster["name"], *(f"{key}={label}" for key, label in cluster["labels"].items())]
            return all(_mentions(texts, cluster["id"], word) for word in value.lower().split())
        case "phase":
            return bool(status["phase"] == value)
        case "kubernetes_version":
            version = status.get("kubernetes_version") or cluster["spec"]["kubernetes_version"]
            return bool(version == value or version.startswith(f"{value}."))
        case "responsible":
            return any(c.get("responsible") == value and c["status"] != "True" for c in status["conditions"])
        case _:
            return True


def _mentions(texts: list[str], id_: str, word: str) -> bool:
    return any(word in text.lower() for text in texts) or (len(word) >= _SHORTEST_ID and id_.startswith(word))
