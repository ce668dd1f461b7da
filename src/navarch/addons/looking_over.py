"""What became of the objects of chosen add-ons: which are gone, which somebody changed, what is not healthy yet.

A list for each kind and not a request for each object: they are found by their label, whatever add-on they are of.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from navarch.addons import complaints, errors, health, held_up
from navarch.addons.beside import beside
from navarch.addons.connection import Connection
from navarch.addons.installing import mark_of
from navarch.addons.kinds import collection
from navarch.addons.parallel import at_once
from navarch.addons.targets import LABEL
from navarch.charts.objects import DEFINITION, is_stateful
from navarch.domain.catalogue import Beside, ChosenSeen, Item
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.terms import EventsRule

_A_PAGE, _PAGES = 100, 20
_SAID = 10  # of an add-on: lost, and waiting
_WHY_SECONDS = 3.0  # for why workloads wait and what hangs on add-ons, of all of them together
Kind = tuple[str, str, str]
There = Mapping[Kind, Mapping[tuple[str, str], Mapping[str, Any]]]


def listened(
    connection: Connection,
    seen: Sequence[ChosenSeen],
    rules: Sequence[tuple[str, tuple[EventsRule, ...]]],
    now: datetime,
) -> tuple[ChosenSeen, ...]:
    """The same, with what those complain of that have rules for it, unless something of them is not there or not well:
    that is told first. One whose events cannot be read is left out: whether it complains is unknown. `now`: by the
    cluster's clock."""
    asked = dict(rules)

    def told(one: ChosenSeen) -> ChosenSeen | None:
        if one.name not in asked or one.lost or one.waiting:
            return one
        try:
            return replace(one, complaint=complaints.heard(connection, asked[one.name], now))
        except (Temporary, Permanent, errors.Absent):
            return None

    return tuple(filter(None, at_once(told, seen)))


def look(
    connection: Connection, chosen: Sequence[tuple[str, tuple[Item, ...]]], counted: Collection[str] = ()
) -> tuple[ChosenSeen, ...]:
    """Each of these add-ons by its inventory. `counted`: those of which is asked what hangs on them."""
    kinds: dict[Kind, bool] = {}
    for _, items in chosen:
        for item in items:
            if item.uid:
                kind = (item.group, item.version, item.resource)
                kinds[kind] = kinds.get(kind, False) or (item.kind in health.TELLING and not _is_definition(item))
    listed = at_once(lambda entry: _listed(connection, entry[0], whole=entry[1]), kinds.items())
    there = dict(zip(kinds, listed, strict=True))
    asked = connection.within(_WHY_SECONDS)
    seen = (_seen(asked, name, items, there) for name, items in chosen)
    return tuple(
        replace(its, beside=_beside(asked, its.name, items, there)) if its.name in counted else its
        for its, (_, items) in zip(seen, chosen, strict=True)
    )


def _beside(connection: Connection, name: str, items: Sequence[Item], there: There) -> Beside | None:
    try:
        with errors.understanding("what hangs on an add-on"):
            return beside(connection, name, items, _sets(items, there))
    except (Temporary, Permanent, errors.Absent):  # the look is worth more than that: it is asked the next time
        return None


def _sets(items: Sequence[Item], there: There) -> list[Mapping[str, Any]]:
    """Its StatefulSets that are there."""
    found = (
        there[i.group, i.version, i.resource].get((i.namespace, i.name)) for i in items if i.uid and is_stateful(i)
    )
    return [one for one in found if one is not None]


def _is_definition(item: Item) -> bool:
    """Of definitions the metadata is read: a page of large ones is longer than an answer may be. That they are served
    is waited for where they are made."""
    return (item.group, item.kind) == DEFINITION


def _listed(connection: Connection, kind: Kind, *, whole: bool) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    path = collection(*kind, namespace="")
    try:
        found = connection.list(path, page=_A_PAGE, pages=_PAGES, metadata_only=not whole, labelSelector=LABEL)
        return {(o["metadata"].get("namespace") or "", o["metadata"]["name"]): o for o in found}
    except errors.Absent:  # the kind, or this version of it, is not served any more
        return {}


def _seen(
    connection: Connection,
    name: str,
    items: Sequence[Item],
    there: There,
) -> ChosenSeen:
    lost: list[str] = []
    waiting: list[str] = []
    for item in items:
        if not item.uid:
            continue
        found = there[item.group, item.version, item.resource].get((item.namespace, item.name))
        if found is None or found["metadata"].get("uid") != item.uid:
            lost.append(f"{item}: not there")
            continue
        if item.mark and mark_of(item.kind, found["metadata"], name) != item.mark:
            lost.append(f"{item}: changed")
        # Items of a list do not say their kind.
        if len(waiting) == _SAID or item.kind not in health.TELLING:
            continue
        if _is_definition(item):
            waiting += [f"{item}: is being deleted"] if found["metadata"].get("deletionTimestamp") else []
        else:
            lacking = held_up.lacking(connection, {**found, "kind": item.kind})
            waiting += [f"{item}: {lacking}"] if lacking else []
    return ChosenSeen(name, tuple(lost[:_SAID]), tuple(waiting))
