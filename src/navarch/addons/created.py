"""Objects that programs of a chosen add-on made by themselves, as its entry lists them: found exactly, and removed with
the add-on. What has a label of another add-on is never one of them, nor is what the add-on itself leaves.

What others ask for an answer (webhooks, APIServices) and what the programs themselves must clean up after (objects of
kinds that others defined) is asked to go while they run: what they make again meanwhile is not waited for, and goes at
the end, with all else. Then their rights have gone, and nothing comes back.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.contract import Removal
from navarch.addons.kinds import Discovery, Served
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL
from navarch.addons.targets import LABEL
from navarch.charts.objects import stays, while_it_runs
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.terms import Created

MOST = 100
"""Of one kind, by labels. Of more, none is removed: so many were hardly meant."""


def going(connection: Connection, served: Discovery, removal: Removal, *, early: bool = False) -> tuple[str, ...]:
    """Ask them to go, `early` those that go while the programs run; what is still there of these, in words. Raises
    Temporary or Permanent."""
    rules = [rule for rule in removal.creates if not early or while_it_runs(rule.group, rule.kind)]
    found = [(rule, path, metadata) for rule in rules for path, metadata in _found(connection, served, removal, rule)]
    there = at_once(lambda each: _still_there(connection, each[1], each[2]), found)
    named = (f"{rule.kind} {path.rpartition('/')[2]} is going" for rule, path, _ in found)
    return tuple(said for said, still in zip(named, there, strict=True) if still)


def _found(
    connection: Connection, served: Discovery, removal: Removal, rule: Created
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and metadata of each of its objects."""
    kind = _kind(served, rule)
    if kind is None:  # its definition has gone, and every object with it
        return
    collection = kind.collection(rule.namespace)
    left = {item.uid for item in removal.items if stays(item, with_data=removal.with_data)}
    for metadata in _listed(connection, collection, rule):
        labels = metadata.get("labels") or {}
        others = labels.get(LABEL, removal.name) != removal.name or ADDON_LABEL in labels
        if rule.has(labels) and not others and metadata.get("uid") not in left:
            yield f"{collection}/{metadata['name']}", metadata


def _kind(served: Discovery, rule: Created) -> Served | None:
    """The kind as it is served, if it is of the scope that the entry says."""
    return next(
        (s for s in served.served if (s.group, s.kind, s.namespaced) == (rule.group, rule.kind, not rule.clusterwide)),
        None,
    )


def _listed(connection: Connection, collection: str, rule: Created) -> list[Mapping[str, Any]]:
    try:
        if rule.name:
            return [connection.metadata(f"{collection}/{rule.name}")]
        chosen = ",".join(f"{key}={value}" for key, value in rule.labels)
        page = connection.list(
            collection, page=MOST + 1, pages=1, whole=False, metadata_only=True, labelSelector=chosen
        )
        listed = [made["metadata"] for made in page]
    except errors.Absent:
        return []
    if len(listed) > MOST:
        raise Permanent(
            f"of {rule} there are more than {MOST}, which the add-on's program is said to have made: none is removed",
            reason="TooManyToRemove",
            responsible=Responsible.USER,
            remedy="Look at them, and remove those that are the add-on's yourself; then it goes on.",
        )
    return listed


def _still_there(connection: Connection, path: str, metadata: Mapping[str, Any]) -> bool:
    """Ask that very object to go; whether it is still there, for a finalizer."""
    if not metadata.get("deletionTimestamp"):
        connection.delete(path, uid=str(metadata["uid"]))
    try:
        return bool(connection.metadata(path).get("uid") == metadata["uid"])
    except errors.Absent:
        return False
