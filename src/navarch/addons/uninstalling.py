"""Take a chosen add-on out of a cluster, as far as it goes now: what its own controllers must clean up first, then what
the API server asks before it answers, then all else, then what its programs made by themselves. What would be lost for
good stays unless it is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from navarch.addons import created, errors, hooks
from navarch.addons.beside import claims_of
from navarch.addons.connection import Connection
from navarch.addons.contract import Removal
from navarch.addons.discovery import discover
from navarch.addons.hooks import Note
from navarch.addons.installing import remove
from navarch.addons.kinds import Discovery, Served, collection
from navarch.addons.parallel import at_once
from navarch.addons.targets import LABEL, Target, targets
from navarch.charts import objects as charted
from navarch.charts.objects import Key, is_stateful, stays
from navarch.domain.catalogue import Item

_OF_EVERY_NAMESPACE = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})
_A_PAGE, _PAGES = 100, 20
_PASSING = frozenset({"Event", "Endpoints", "EndpointSlice", "PodMetrics", "Lease"})


def uninstall(connection: Connection, removal: Removal, note: Note) -> tuple[str, ...]:
    """Ask the next part to go; what is still there of it, in words, or nothing once all is gone. `note` is handed the
    inventory when hooks join it, and when they are done. Raises Temporary or Permanent."""
    served = removal.served or discover(connection)
    _free_of_webhooks(connection, removal)
    removal = _with_claims(connection, removal, note)
    leaving = [item for item in removal.items if not stays(item, with_data=removal.with_data)]
    begun = [item for item in leaving if not _is_namespace(item)]
    if begun:
        its = [item for item in begun if not item.hook]  # as long as some are noted, hooks have not all run
        first, last = (_hooks(removal, moment, served) for moment in ("pre-delete", "post-delete"))
        hooked = {t.item: None for t in (*first, *last) if not t.item.keep} | {i: None for i in begun if i.hook}
        if set(hooked) - set(removal.items):
            note((*(i for i in removal.items if i not in hooked), *hooked))
        if its and (waits := hooks.run(connection, removal.name, first, removal.mark, removal=True)):
            return (waits,)
        if its and (going := created.going(connection, served, removal, early=True)):
            return going
        if going := _going(connection, removal, its):
            return going
        if its and (waits := hooks.run(connection, removal.name, last, removal.mark, removal=True)):
            return (waits,)
        if hooked:
            staying = tuple(i for i in removal.items if i not in begun and i not in hooked)
            note((*staying, *hooked))  # whoever goes on from here removes them, and runs none again
            if any(at_once(lambda item: remove(connection, removal.name, item), hooked)):
                return ("what ran as a hook is going",)
            note(staying)
    if going := created.going(connection, served, removal):
        return going
    empty = [i for i in leaving if _is_namespace(i) and not _holds(connection, served, removal, i.name)]
    return _going(connection, removal, empty)


def _with_claims(connection: Connection, removal: Removal, note: Note) -> Removal:
    """The removal with the claims that its StatefulSets made, as long as these are there to be asked: noted, and then
    labelled as what is the add-on's: those that stay are known by it when the add-on comes again."""
    sets = []
    for item in filter(is_stateful, removal.items):
        try:
            seen = connection.get(f"{collection(item.group, item.version, item.resource, item.namespace)}/{item.name}")
        except errors.Absent:
            continue
        if (seen["metadata"].get("labels") or {}).get(LABEL) == removal.name:
            sets.append(seen)
    claims = claims_of(connection, removal.name, sets)
    if new := tuple(claim for claim in claims if claim not in removal.items):
        removal = replace(removal, items=(*removal.items, *new))
        note(removal.items)
    at_once(lambda claim: _label(connection, removal.name, claim), claims)
    return removal


def _label(connection: Connection, addon: str, claim: Item) -> None:
    path = f"{collection(claim.group, claim.version, claim.resource, claim.namespace)}/{claim.name}"
    try:
        connection.merge(path, {"metadata": {"uid": claim.uid, "labels": {LABEL: addon}}})
    except errors.Absent:
        return


def _hooks(removal: Removal, moment: str, served: Discovery) -> list[Target]:
    return targets(removal.name, removal.namespace, hooks.due(removal.hooks, moment), served)


def _is_namespace(item: Item) -> bool:
    return (item.group, item.kind) == ("", "Namespace")


def _going(connection: Connection, removal: Removal, leaving: Sequence[Item]) -> tuple[str, ...]:
    """Ask the first of what is still there to go, in words; nothing: none of it is."""
    by_key = {Key(i.group, i.kind, i.namespace, i.name): i for i in leaving if i.resource}
    for wave in charted.leaving(by_key):
        items = [by_key[key] for key in wave]
        there = at_once(lambda item: remove(connection, removal.name, item), items)
        if waits := tuple(f"{item} is going" for item, still in zip(items, there, strict=True) if still):
            return waits
    return ()


def _free_of_webhooks(connection: Connection, removal: Removal) -> None:
    """Definitions that stay must not ask a conversion webhook whose service goes: nobody could read their objects."""
    for item in removal.items:
        if (item.group, item.kind) == charted.DEFINITION and stays(item, with_data=removal.with_data):
            path = f"{collection(item.group, item.version, item.resource, '')}/{item.name}"
            try:
                seen = connection.get(path)
                labels = seen["metadata"].get("labels") or {}
                if (
                    labels.get(LABEL) == removal.name
                    and seen["spec"].get("conversion", {}).get("strategy") == "Webhook"
                ):
                    connection.merge(path, {"spec": {"conversion": {"strategy": "None", "webhook": None}}})
            except errors.Absent:
                continue


def _holds(connection: Connection, served: Discovery, removal: Removal, namespace: str) -> bool:
    """Whether there is something in a namespace beside what every one has, and what goes with its owner: with the
    namespace, all of that would go.

    An owner in the same namespace is looked at itself; one that is gone takes what it owned with it. One of the
    cluster's own may live on: what it owns goes with it only if it was of the add-on. A kind with more objects than are
    read counts as held."""
    clusterwide = {(s.api_version, s.kind) for s in served.served if not s.namespaced}
    own = {item.uid for item in removal.items}
    kinds = {(s.group, s.resource): s for s in reversed(served.served) if s.namespaced and s.listed}

    def leaves(owners: Sequence[Mapping[str, Any]]) -> bool:
        return bool(owners) and all(
            (owner["apiVersion"], owner["kind"]) not in clusterwide or owner["uid"] in own for owner in owners
        )

    def held(kind: Served) -> bool:
        path = kind.collection(namespace)
        try:
            listed = tuple(connection.list(path, page=_A_PAGE, pages=_PAGES, whole=False, metadata_only=True))
        except errors.Absent:
            return False
        with errors.understanding(f"GET {path}"):
            return len(listed) >= _A_PAGE * _PAGES or any(
                (kind.kind, item["metadata"]["name"]) not in _OF_EVERY_NAMESPACE
                and not leaves(item["metadata"].get("ownerReferences") or ())
                for item in listed
            )

    return any(at_once(held, [k for k in kinds.values() if k.kind not in _PASSING]))
