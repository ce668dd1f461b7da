"""Bring a chosen add-on's objects into a cluster, as far as it goes now.

Told as a whole in `install`; every part may be repeated, and is: what waits for the cluster ends the call, and the next
call does it all again. Nothing here remembers: what was made is in the inventory, and hooks that ran are Jobs in the
cluster until all is done. After a failure nothing is taken back: what runs goes on running.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from navarch.addons import errors, foreign, health, held_up, hooks, scaled, unchanged
from navarch.addons.connection import Connection
from navarch.addons.contract import Installation, Installing
from navarch.addons.discovery import discover
from navarch.addons.hooks import Note
from navarch.addons.kinds import Discovery, collection
from navarch.addons.parallel import at_once
from navarch.addons.targets import LABEL, Target, targets
from navarch.charts import objects as charted
from navarch.charts.objects import Key, Object
from navarch.domain.catalogue import Item
from navarch.domain.disputes import Dispute
from navarch.domain.errors import Permanent, Responsible, Temporary

RECREATED = frozenset({"RoleBinding", "ClusterRoleBinding", "StorageClass", "CSIDriver", "Job", "PriorityClass"})
"""Of these parts cannot be changed, and nothing is lost when one is made anew. A StatefulSet is made anew too, with its
pods left running."""
_GENERATIONLESS = frozenset(
    {"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
)  # and whose status nobody writes, so that a new resource version is a new content
_LONGEST = 64  # of what the cluster says of an object and a row keeps: uids have 36 characters, names of add-ons 63
_DISPUTES = 5  # fields of one object that are told
_ENDING = "because it is being terminated"  # of a namespace, as its admission plugin says it


def manager(addon: str) -> str:
    """The field manager of an add-on: two that set one field can be told apart."""
    return f"navarch-addon-{addon}"


def install(connection: Connection, wanted: Installation, note: Note) -> Installing:
    """Make it so. `note` is handed the inventory before anything of it is made. Raises Temporary or Permanent."""
    served = wanted.served or discover(connection)
    objects, jobs = charted.kept_apart(wanted.objects)
    due = () if wanted.applied else jobs
    over = any(item.hook and item.mark == wanted.mark for item in wanted.before)  # all of its hooks have run
    moment = "upgrade" if wanted.upgrade else "install"
    running = _targets(wanted, hooks.due(due, f"pre-{moment}"), served)
    finishing = _targets(wanted, hooks.due(due, f"post-{moment}"), served)
    known = {_key(item): item for item in wanted.before}
    plain = _without_replicas(connection, wanted, _targets(wanted, objects, served), known)
    mine, taken = _looked_over(connection, wanted, (*plain, *running, *finishing), known)
    if taken:
        raise _in_the_way(taken)
    same = _unchanged(connection, plain, known)
    _rehearse(connection, wanted, [t for t in plain if known.get(t.key, _UNMADE).uid and t.key not in same])
    hooked = {t.key for t in (*running, *finishing)}
    items = {
        t.key: replace(t.item, uid=known.get(t.key, _UNMADE).uid, mark=wanted.mark if over and t.key in hooked else "")
        for t in mine
    }
    items |= {key: known[key] for key in same}
    before = {key: item for key, item in known.items() if key not in items}
    note((*items.values(), *before.values()))

    ours = {t.key for t in mine}
    for target in plain:
        if (target.key.group, target.key.kind) == ("", "Namespace") and target.key in ours:  # hooks go there, too
            items[target.key], _ = _apply(connection, wanted, target)
    taken_back: list[Dispute] = []
    if not over and (waits := hooks.run(connection, wanted.name, running, wanted.mark)):
        return Installing((*items.values(), *before.values()), (waits,))
    for wave in charted.waves([t.made for t in plain]):
        batch = [t for t in _of(wave, plain) if t.key in ours]
        sent = [t for t in batch if t.key not in same]
        for target, done in zip(sent, at_once(lambda t: _apply(connection, wanted, t), sent), strict=True):
            items[target.key], disputed = done
            taken_back += disputed
        if waiting := _unhealthy(connection, batch):
            return Installing((*items.values(), *before.values()), waiting, tuple(taken_back))
    if not over and (waits := hooks.run(connection, wanted.name, finishing, wanted.mark)):
        return Installing((*items.values(), *before.values()), (waits,), tuple(taken_back))
    if hooked and not over:  # whoever goes on from here, though these may be gone then, runs none of them again
        items |= {key: replace(items[key], mark=wanted.mark) for key in hooked}
        note((*items.values(), *before.values()))

    gone = hooks.passing((*running, *finishing))
    lasting = [item for key, item in items.items() if all(t.key != key for t in gone)]
    resting = [item for item in before.values() if item.hook and any(_is(item, job) for job in jobs)]
    left = _prune(connection, wanted.name, [item for item in before.values() if item not in resting])
    hooks.tidy(connection, gone)
    return Installing((*lasting, *resting, *left), (), tuple(taken_back))


def _is(item: Item, made: Object) -> bool:
    return (item.group, item.kind, item.name) == (charted.group_of(made), made["kind"], made["metadata"]["name"])


_UNMADE = Item("", "", "", "")


def _key(item: Item) -> Key:
    return Key(item.group, item.kind, item.namespace, item.name)


def _targets(wanted: Installation, made: Iterable[Object], served: Discovery) -> list[Target]:
    return targets(wanted.name, wanted.namespace, made, served, among=wanted.objects, ignore=wanted.ignore)


def _unchanged(connection: Connection, targets: list[Target], known: Mapping[Key, Item]) -> frozenset[Key]:
    """Definitions of the set that are there as they are wanted."""
    definitions = [t for t in targets if (t.key.group, t.key.kind) == charted.DEFINITION and t.key in known]
    asked = [(t.path, t.made, known[t.key].uid, known[t.key].mark) for t in definitions if known[t.key].uid]
    same = unchanged.paths(connection, asked)
    return frozenset(t.key for t in definitions if t.path in same)


def _without_replicas(
    connection: Connection, wanted: Installation, targets: list[Target], known: Mapping[Key, Item]
) -> list[Target]:
    """The targets, those without replicas that an autoscaler of the user's sets."""
    there = [t for t in targets if t.key.kind in scaled.SCALABLE and known.get(t.key, _UNMADE).uid]
    paths = {(t.key.kind, t.key.namespace, t.key.name): t.path for t in there if "replicas" in t.made["spec"]}
    others = scaled.by_others(connection, manager(wanted.name), paths)
    return [
        replace(t, made=charted.without(t.made, ["spec.replicas"]))
        if (t.key.kind, t.key.namespace, t.key.name) in others
        else t
        for t in targets
    ]


def _looked_over(
    connection: Connection, wanted: Installation, targets: Sequence[Target], known: Mapping[Key, Item]
) -> tuple[list[Target], list[str]]:
    """Those that are the add-on's, and what is somebody else's. A namespace that was there before is used and not
    owned: it is not labelled, and stays."""

    def owner(target: Target) -> str | None:
        if known.get(target.key, _UNMADE).uid:
            return wanted.name
        try:
            metadata = connection.metadata(target.path)
        except errors.Absent:
            return wanted.name
        return foreign.text((metadata.get("labels") or {}).get(LABEL, ""), _LONGEST)

    mine, taken = [], []
    for target, whose in zip(targets, at_once(owner, targets), strict=True):
        if whose == wanted.name:
            mine.append(target)
        elif target.key.kind != "Namespace" or target.key.group:
            taken.append(f"{target.key} is {f'of the add-on {whose}' if whose else 'there already'}")
    return mine, taken


def _in_the_way(taken: list[str]) -> Permanent:
    more = f"; and {len(taken) - 10} more" if len(taken) > 10 else ""
    return Permanent(
        f"what the add-on would make is not its own: {'; '.join(taken[:10])}{more}",
        reason="ObjectsInTheWay",
        responsible=Responsible.USER,
        remedy=(
            "Install it into another namespace, remove these objects, or hand them over: "
            f"label them {LABEL}=<the add-on's name>."
        ),
    )


def _rehearse(connection: Connection, wanted: Installation, targets: list[Target]) -> None:
    """What is there is changed on trial first. Raises Permanent with all that cannot be changed, before anything is."""

    def refusal(target: Target) -> str:
        if _is_recreated(target):
            return ""
        try:
            connection.apply_as(manager(wanted.name), target.path, target.made, dry_run=True)
        except Permanent as error:
            return f"{target.key}: {error.message}"
        except errors.Absent:
            pass  # its namespace, or its kind, went: it comes back
        return ""

    refused = [said for said in at_once(refusal, targets) if said]
    if refused:
        raise _refused(refused)


def _is_recreated(target: Target) -> bool:
    return target.key.kind in RECREATED or target.key.kind == "StatefulSet"


def _refused(refused: list[str]) -> Permanent:
    """The cluster's own rules are its owner's, and so is what is in the way: a field that cannot be changed, a policy,
    a quota, a webhook."""
    return Permanent(
        f"the cluster does not take it: {'; '.join(refused[:5])}",
        reason="ClusterRefuses",
        responsible=Responsible.USER,
        remedy=(
            "Change the values; or what refuses (a policy, a quota, a webhook); or remove the objects that are named, "
            "if their fields cannot be changed and nothing in them is needed."
        ),
    )


def _apply(connection: Connection, wanted: Installation, target: Target) -> tuple[Item, tuple[Dispute, ...]]:
    """Server-side apply, and which fields others had set; what cannot be changed is made anew where nothing is lost by
    that."""
    who, disputes = manager(wanted.name), tuple[Dispute, ...]()
    try:
        metadata, disputes = _sent(connection, who, target)
    except errors.Absent as error:  # its kind or namespace is not there yet, or not any more
        raise Temporary(str(error), reason="WaitingForKinds", after=2.0) from error
    except Permanent as error:
        if _ENDING in error.message:
            raise Temporary(f"{target.key}: its namespace is being deleted", reason="NamespaceEnds") from error
        if error.reason != errors.INVALID or not _is_recreated(target):
            raise _refused([f"{target.key}: {error.message}"]) from error
        metadata = _made_anew(connection, who, target, error)
    uid = foreign.text(metadata.get("uid", ""), _LONGEST)
    return replace(target.item, uid=uid, mark=mark_of(target.key.kind, metadata, wanted.name)), disputes


def _sent(connection: Connection, who: str, target: Target) -> tuple[Mapping[str, Any], tuple[Dispute, ...]]:
    """Applied, whoever else had set a field: first without force, for the API server to say whose it was."""
    try:
        return connection.apply_as(who, target.path, target.made, force=False), ()
    except errors.Disputed as disputed:
        metadata = connection.apply_as(who, target.path, target.made)
        fields = disputed.fields[:_DISPUTES]
        return metadata, tuple(Dispute(str(target.key), field, manager) for field, manager in fields)


def _made_anew(connection: Connection, who: str, target: Target, error: Permanent) -> Mapping[str, Any]:
    """Remove what cannot be changed and make it again; gives its metadata. Whether it would be taken is tried before
    anything is removed: `error`, of the change, may be of something that no new object mends."""
    try:
        seen = connection.metadata(target.path)
        if not seen.get("deletionTimestamp"):
            connection.rehearse(target.collection, _trial(target.made))
            connection.delete(target.path, uid=str(seen["uid"]), orphan=target.key.kind == "StatefulSet")
            connection.metadata(target.path)
    except errors.Absent:
        seen = {}
    except Permanent as refusal:
        raise _refused([f"{target.key}: {refusal.message}"]) from error
    if seen:  # until whoever has a finalizer on it has done its part
        raise Temporary(f"{target.key}: it is made anew once the old one is gone", reason="ObjectEnds", after=2.0)
    try:
        return connection.apply_as(who, target.path, target.made)
    except errors.Absent as absent:
        raise Temporary(str(absent), reason="WaitingForKinds", after=2.0) from absent
    except Permanent as refusal:
        raise _refused([f"{target.key}: {refusal.message}"]) from refusal


def _trial(made: Object) -> Object:
    """The object under a name that is free. Of priority classes one may be the default: the old one still is."""
    metadata = {key: value for key, value in made["metadata"].items() if key != "name"}
    trial = {**made, "metadata": {**metadata, "generateName": f"{made['metadata']['name']}-"}}
    return charted.without(trial, ["globalDefault"] if made["kind"] == "PriorityClass" else ())


def mark_of(kind: str, metadata: Mapping[str, Any], addon: str) -> str:
    """Changes when somebody changes what is wanted of an object; empty where that cannot be told from its metadata."""
    if kind in scaled.SCALABLE:
        return scaled.fields_mark(metadata, manager(addon))
    if kind in _GENERATIONLESS:
        return foreign.text(metadata.get("resourceVersion", ""), _LONGEST)
    return foreign.text(metadata.get("generation") or "", _LONGEST)


def _unhealthy(connection: Connection, batch: list[Target]) -> tuple[str, ...]:
    telling = [t for t in batch if t.key.kind in health.TELLING]

    def said(target: Target) -> str:
        try:
            lacking = held_up.lacking(connection, connection.get(target.path))
        except errors.Absent:
            lacking = "not there"
        return f"{target.key}: {lacking}" if lacking else ""

    return tuple(filter(None, at_once(said, telling)))


def _prune(connection: Connection, addon: str, before: Iterable[Item]) -> tuple[Item, ...]:
    """Remove what the add-on made once and has no more; gives what stays: namespaces, and what outlives the add-on
    itself where its data is not asked for."""
    kept = tuple(i for i in before if charted.stays(i, with_data=False) or (i.group, i.kind) == ("", "Namespace"))
    at_once(lambda item: remove(connection, addon, item), [i for i in before if i not in kept])
    return kept


def remove(connection: Connection, addon: str, item: Item) -> bool:
    """Ask an object to go, if it is still the add-on's; whether it is still there."""
    path = f"{collection(item.group, item.version, item.resource, item.namespace)}/{item.name}"
    try:
        metadata = connection.metadata(path)
    except errors.Absent:
        return False
    if (metadata.get("labels") or {}).get(LABEL) != addon:
        return False
    if not metadata.get("deletionTimestamp"):
        connection.delete(path, uid=str(metadata["uid"]))
    return True


def _of(wave: tuple[Object, ...], targets: list[Target]) -> list[Target]:
    wanted = {charted.key_of(made) for made in wave}
    return [target for target in targets if target.key in wanted]
