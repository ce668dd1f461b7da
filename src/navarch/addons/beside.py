"""What hangs on a chosen add-on and is none of its objects: claims that its StatefulSets made, and objects of the kinds
that it defines.

A StatefulSet's claims have no owner: Kubernetes keeps them, whatever becomes of it
(https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/). They are known by name (TEMPLATE-SET-ORDINAL)
and by the labels of its selector, which the controller gives to each of them. One that was there before the set and was
not noted as the add-on's is somebody else's, whom the set found there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from navarch.addons import errors, foreign
from navarch.addons.connection import Connection
from navarch.addons.kinds import collection
from navarch.addons.parallel import at_once
from navarch.addons.targets import LABEL
from navarch.charts.objects import DEFINITION, KEEP
from navarch.domain.catalogue import Beside, Item

_A_PAGE, _PAGES = 100, 10
_KINDS = 60  # that an add-on defines
_CLAIM, _CLAIMS = "PersistentVolumeClaim", "persistentvolumeclaims"
Seen = Mapping[str, Any]


def beside(connection: Connection, name: str, items: Sequence[Item], sets: Iterable[Seen]) -> Beside:
    """All of it. `items`: the add-on's inventory; `sets`: its StatefulSets that are there."""
    definitions = [i.name for i in items if (i.group, i.kind) == DEFINITION and i.uid][:_KINDS]
    groups = dict.fromkeys(definition.partition(".")[2] for definition in definitions)
    versions = dict(zip(groups, at_once(lambda group: _preferred(connection, group), groups), strict=True))

    def count(definition: str) -> int | None:
        plural, _, group = definition.partition(".")
        try:
            return connection.count(collection(group, versions[group], plural, "")) if versions[group] else None
        except errors.Absent:
            return None

    counted = zip(definitions, at_once(count, definitions), strict=True)
    return Beside(claims_of(connection, name, sets), tuple((kind, number) for kind, number in counted if number))


def claims_of(connection: Connection, addon: str, sets: Iterable[Seen]) -> tuple[Item, ...]:
    """The claims that these StatefulSets made, and nobody else's."""
    found = at_once(lambda one: _made_by(connection, addon, one), list(sets))
    return tuple(sorted({item for items in found for item in items}))


def _made_by(connection: Connection, addon: str, one: Seen) -> list[Item]:
    path = "StatefulSet"
    with errors.understanding(path):
        namespace, name, spec = one["metadata"]["namespace"], one["metadata"]["name"], one["spec"]
        labels = dict(spec["selector"].get("matchLabels") or {})
        since = str(one["metadata"].get("creationTimestamp") or "")  # RFC 3339 in UTC: by letters is by time
        templates = [re.escape(str(t["metadata"]["name"])) for t in spec.get("volumeClaimTemplates") or ()]
    if not labels or not templates:
        return []
    named = re.compile(rf"(?:{'|'.join(templates)})-{re.escape(name)}-\d+")
    path = collection("", "v1", _CLAIMS, namespace)
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    found = connection.list(path, page=_A_PAGE, pages=_PAGES, whole=False, metadata_only=True, labelSelector=selector)
    return [_item(claim["metadata"]) for claim in found if _is_its(claim["metadata"], named, labels, addon, since)]


def _is_its(metadata: Seen, named: re.Pattern[str], labels: Mapping[str, str], addon: str, since: str) -> bool:
    """By the name, all labels and its age: what a server answers to a selector is its owner's word."""
    has = metadata.get("labels") or {}
    whose = has.get(LABEL)
    mine = whose == addon or (whose is None and str(metadata.get("creationTimestamp") or "") >= since)
    return mine and labels.items() <= has.items() and named.fullmatch(str(metadata["name"])) is not None


def _item(metadata: Seen) -> Item:
    keep = (metadata.get("annotations") or {}).get(KEEP) == "keep"
    names = foreign.name(metadata["namespace"]), foreign.name(metadata["name"])
    return Item("", _CLAIM, *names, "v1", _CLAIMS, uid=foreign.text(metadata["uid"], 64), keep=keep)


def _preferred(connection: Connection, group: str) -> str:
    """The version in which a group's objects can be asked for; empty: it is not served."""
    try:
        answer = connection.get(f"/apis/{group}")
    except errors.Absent:
        return ""
    with errors.understanding(f"GET /apis/{group}"):
        return foreign.name(answer["preferredVersion"]["version"])
