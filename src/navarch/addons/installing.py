"""Bring a chosen add-on's objects into a cluster, as far as it goes now.

Told as a whole in `install`; every part may be repeated, and is: what waits for the cluster ends the call, and the next
call does it all again. Nothing here remembers: what was made is in the inventory, and hooks that ran are Jobs in the
cluster until all is done. After a failure nothing is taken back: what runs goes on running.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from navarch.addons import errors, foreign, health, held_up, hooks, scaled, unchanged
from navarch.addons.connection import Connection
from navarch.addons.contract import Installation, Installing
from navarch.addons.discovery import Discovery, Served, collection, discover
from navarch.addons.parallel import at_once
from navarch.charts import objects as charted
from navarch.charts.objects import Key, Object
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent, Responsible, Temporary

LABEL = "navarch.io/chosen-addon"
"""On each object of a chosen add-on: its name. By it the objects are found, and only what has it is removed."""
RECREATED = frozenset({"RoleBinding", "ClusterRoleBinding", "StorageClass", "CSIDriver", "Job", "PriorityClass"})
"""Of these parts cannot be changed, and nothing is lost when one is made anew. A StatefulSet is made anew too, with its
pods left running."""
_GENERATIONLESS = frozenset(
    {"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
)  # and whose status nobody writes, so that a new resource version is a new content
_LONGEST = 64  # of what the cluster says of an object and a row keeps: uids have 36 characters, names of add-ons 63
_ENDING = "because it is being terminated"  # of a namespace, as its admission plugin says it
Note = Callable[[tuple[Item, ...]], None]


def manager(addon: str) -> str:
    """The field manager of an add-on: two that set one field can be told apart."""
    return f"navarch-addon-{addon}"


def install(connection: Connection, wanted: Installation, note: Note) -> Installing:
    """Make it so. `note` is handed the inventory before anything of it is made. Raises Temporary or Permanent."""
    served = discover(connection)
    plain, jobs = charted.kept_apart(wanted.objects)
    jobs = () if wanted.applied else jobs
    targets = _targets(wanted, plain, served)
    running = _targets(wanted, hooks.due(jobs, "pre", upgrade=wanted.upgrade), served)
    finishing = _targets(wanted, hooks.due(jobs, "post", upgrade=wanted.upgrade), served)
    known = {_key(item): item for item in wanted.before}
    targets = _without_replicas(connection, wanted, targets, known)
    mine, taken = _looked_over(connection, wanted, (*targets, *running, *finishing), known)
    if taken:
        raise _in_the_way(taken)
    same = _unchanged(connection, targets, known)
    _rehearse(connection, wanted, [t for t in targets if known.get(t.key, _UNMADE).uid and t.key not in same])
    items = {t.key: replace(t.item, uid=known.get(t.key, _UNMADE).uid) for t in mine}
    items |= {key: known[key] for key in same}
    before = {key: item for key, item in known.items() if key not in items}
    note((*items.values(), *before.values()))

    ours = {t.key for t in mine}
    for target in targets:
        if (target.key.group, target.key.kind) == ("", "Namespace") and target.key in ours:  # hooks go there, too
            items[target.key] = _apply(connection, wanted, target)
    if waits := hooks.run(connection, [(t.path, t.collection, t.made) for t in running], wanted.mark):
        return Installing((*items.values(), *before.values()), (waits,))
    for wave in charted.waves([t.made for t in targets]):
        batch = [t for t in _of(wave, targets) if t.key in ours]
        sent = [t for t in batch if t.key not in same]
        for target, item in zip(sent, at_once(lambda t: _apply(connection, wanted, t), sent), strict=True):
            items[target.key] = item
        if waiting := _unhealthy(connection, batch):
            return Installing((*items.values(), *before.values()), waiting)
    if waits := hooks.run(connection, [(t.path, t.collection, t.made) for t in finishing], wanted.mark):
        return Installing((*items.values(), *before.values()), (waits,))

    left = _prune(connection, wanted.name, before.values())
    hooks.tidy(connection, [t.path for t in (*running, *finishing)])
    done = [item for item in items.values() if not any(t.key == _key(item) for t in (*running, *finishing))]
    return Installing((*done, *left), ())


@dataclass(frozen=True, slots=True)
class _Target:
    """An object as it is sent, and where."""

    made: Object
    kind: Served

    @property
    def key(self) -> Key:
        return charted.key_of(self.made)

    @property
    def collection(self) -> str:
        return self.kind.collection(self.key.namespace)

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.key.name}"

    @property
    def item(self) -> Item:
        key = self.key
        keep = charted.annotation(self.made, charted.KEEP) == "keep"
        return Item(key.group, key.kind, key.namespace, key.name, self.kind.version, self.kind.resource, keep=keep)


_UNMADE = Item("", "", "", "")


def _key(item: Item) -> Key:
    return Key(item.group, item.kind, item.namespace, item.name)


def _targets(wanted: Installation, made: Iterable[Object], served: Discovery) -> list[_Target]:
    """Where each object goes, labelled and with its namespace. Raises Permanent with every kind that is not known."""
    offered = {(s.api_version, s.kind): s for s in (*served.served, *_defined(wanted.objects))}
    scaled = charted.scaled_by_others(wanted.objects)
    targets, unknown = [], []
    for each in made:
        kind = offered.get((each["apiVersion"], each["kind"]))
        if kind is None:
            unknown.append(f"{each['kind']} {each['metadata']['name']} ({each['apiVersion']})")
            continue
        targets.append(_Target(_prepared(wanted, each, kind, scaled), kind))
    if unknown:
        raise Permanent(
            f"the cluster does not serve the kinds of {'; '.join(unknown[:10])}",
            reason="KindsMissing",
            responsible=Responsible.USER,
            remedy="Install what brings these kinds first, or switch off the values that ask for them.",
        )
    return targets


def _prepared(wanted: Installation, made: Object, kind: Served, scaled: frozenset[tuple[str, str, str]]) -> Object:
    made = deepcopy(made)
    metadata = made["metadata"]
    if kind.namespaced:
        metadata["namespace"] = metadata.get("namespace") or wanted.namespace
    else:
        metadata.pop("namespace", None)
    metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: wanted.name}
    ignored = list(wanted.ignore)
    if (kind.kind, metadata.get("namespace", ""), metadata["name"]) in scaled:
        ignored.append("spec.replicas")
    if kind.kind == "Secret" and "stringData" in made:
        made = charted.encoded(made)
    made = charted.without(made, ignored)
    return unchanged.annotated(made) if (kind.group, kind.kind) == charted.DEFINITION else made


def _unchanged(connection: Connection, targets: list[_Target], known: Mapping[Key, Item]) -> frozenset[Key]:
    """Definitions of the set that are there as they are wanted."""
    definitions = [t for t in targets if (t.key.group, t.key.kind) == charted.DEFINITION and t.key in known]
    asked = [(t.path, t.made, known[t.key].uid, known[t.key].mark) for t in definitions if known[t.key].uid]
    same = unchanged.paths(connection, asked)
    return frozenset(t.key for t in definitions if t.path in same)


def _without_replicas(
    connection: Connection, wanted: Installation, targets: list[_Target], known: Mapping[Key, Item]
) -> list[_Target]:
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


def _defined(made: Iterable[Object]) -> Iterable[Served]:
    """The kinds that the set's own definitions bring."""
    for each in made:
        if (charted.group_of(each), each["kind"]) == charted.DEFINITION:
            spec = each["spec"]
            for version in spec["versions"]:
                names = spec["names"]
                yield Served(
                    spec["group"], version["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced"
                )


def _looked_over(
    connection: Connection, wanted: Installation, targets: Sequence[_Target], known: Mapping[Key, Item]
) -> tuple[list[_Target], list[str]]:
    """Those that are the add-on's, and what is somebody else's. A namespace that was there before is used and not
    owned: it is not labelled, and stays."""

    def owner(target: _Target) -> str | None:
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


def _rehearse(connection: Connection, wanted: Installation, targets: list[_Target]) -> None:
    """What is there is changed on trial first. Raises Permanent with all that cannot be changed, before anything is."""

    def refusal(target: _Target) -> str:
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


def _is_recreated(target: _Target) -> bool:
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


def _apply(connection: Connection, wanted: Installation, target: _Target) -> Item:
    """Server-side apply; what cannot be changed is made anew where nothing is lost by that."""
    who = manager(wanted.name)
    try:
        metadata = connection.apply_as(who, target.path, target.made)
    except errors.Absent as error:  # its kind or namespace is not there yet, or not any more
        raise Temporary(str(error), reason="WaitingForKinds", after=2.0) from error
    except Permanent as error:
        if _ENDING in error.message:
            raise Temporary(f"{target.key}: its namespace is being deleted", reason="NamespaceEnds") from error
        if error.reason != errors.INVALID or not _is_recreated(target):
            raise _refused([f"{target.key}: {error.message}"]) from error
        metadata = _made_anew(connection, who, target, error)
    uid = foreign.text(metadata.get("uid", ""), _LONGEST)
    return replace(target.item, uid=uid, mark=mark_of(target.key.kind, metadata, wanted.name))


def _made_anew(connection: Connection, who: str, target: _Target, error: Permanent) -> Mapping[str, Any]:
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


def _unhealthy(connection: Connection, batch: list[_Target]) -> tuple[str, ...]:
    telling = [t for t in batch if t.key.kind in health.TELLING]

    def said(target: _Target) -> str:
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


def _of(wave: tuple[Object, ...], targets: list[_Target]) -> list[_Target]:
    wanted = {charted.key_of(made) for made in wave}
    return [target for target in targets if target.key in wanted]
