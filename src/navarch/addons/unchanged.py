"""Definitions that are there as they are wanted, and need not be sent again.

An installation passes by all of its objects whenever something was waited for. To an API server most cost nothing; a
definition of some hundred kilobytes takes it seconds, and ten of them at once longer than an answer may.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once
from navarch.charts.objects import Object

CONTENT = "navarch.io/content"
"""Annotation of a definition: the SHA-256 of what it was applied as, in hex."""


def annotated(made: Object) -> Object:
    """The definition with its content's digest."""
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    metadata = made["metadata"]
    return {**made, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), CONTENT: digest}}}


def paths(connection: Connection, definitions: Iterable[tuple[str, Object, str, str]]) -> frozenset[str]:
    """Of (path, definition as it is sent, uid, generation): the paths of those that nobody has changed since it was
    applied so."""

    def same(wanted: tuple[str, Object, str, str]) -> str:
        path, made, uid, generation = wanted
        try:
            seen = connection.metadata(path)
        except errors.Absent:
            return ""
        is_that = (seen.get("uid"), str(seen.get("generation"))) == (uid, generation)
        return path if is_that and _said(made["metadata"], seen) and not seen.get("deletionTimestamp") else ""

    return frozenset(filter(None, at_once(same, definitions)))


def _said(wanted: Any, seen: Any) -> bool:
    """Whether all labels and annotations are there."""
    return all(
        (wanted.get(field) or {}).items() <= (seen.get(field) or {}).items() for field in ("labels", "annotations")
    )
