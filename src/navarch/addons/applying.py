"""Bring an add-on into a cluster: apply, give what is given once, remove what it no longer has, note the digest.

Done in this order, and each part may be repeated: whatever fails, the digest is not noted and the whole is done again.
Only what runs on every node goes before its successor comes, for two of them would share a machine's ports and rules.
"""

from collections.abc import Mapping
from typing import Any

from navarch.addons import errors, nodes, objects
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once
from navarch.addons.rendering import ADDON_LABEL, MANAGED_BY_LABEL, Rendered
from navarch.domain.errors import Permanent

NAMESPACE = "kube-system"
NOTES = "navarch-addons"
"""ConfigMap with, for each add-on, its digest, and under `<name>.objects` the paths of what was applied."""

_CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
NOTES_PATH = f"{_CONFIG_MAPS}/{NOTES}"
_STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_MOST_NOTED = 500  # objects of one add-on
_DEFINITIONS, _DAEMON_SETS = "/customresourcedefinitions/", "/daemonsets/"
_IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def apply(connection: Connection, addon: Rendered) -> None:
    """Make the add-on so. Raises Temporary or Permanent."""
    made_of = (*addon.definitions, *addon.objects)
    now = [objects.path(made) for made in made_of]
    before = noted_objects(read_notes(connection), addon.name)
    if set(now) - set(before):  # noted beforehand: whatever comes between, what was made is found again
        _note(connection, {f"{addon.name}.objects": "\n".join(dict.fromkeys((*now, *before)))})
    # A definition stays: with it would go every object of its kind, those of the user too.
    gone = sorted(path for path in set(before) - set(now) if _DEFINITIONS not in path)
    at_once(lambda node: nodes.label(connection, node, addon.unlabelled[node]), addon.unlabelled)
    at_once(lambda path: _remove_ours(connection, path, addon.name), (p for p in gone if _DAEMON_SETS in p))
    at_once(lambda made: _make_once(connection, made), addon.once)
    for wave in objects.waves(made_of):
        at_once(lambda made: _apply_one(connection, made), wave)
    if addon.default_storage_class:
        _give_default(connection, addon.default_storage_class)
    at_once(lambda path: _remove_ours(connection, path, addon.name), (p for p in gone if _DAEMON_SETS not in p))
    _note(connection, {addon.name: addon.digest, f"{addon.name}.objects": "\n".join(now)})


def _apply_one(connection: Connection, made: Mapping[str, Any]) -> None:
    path = objects.path(made)
    try:
        connection.apply(path, made)
    except Permanent as error:
        if made["kind"] not in objects.REPLACEABLE or error.reason != errors.INVALID:
            raise
        connection.delete(path)
        connection.apply(path, made)


def _make_once(connection: Connection, made: Mapping[str, Any]) -> None:
    try:
        connection.create(objects.collection(made), made)
    except errors.Exists:
        pass


def _give_default(connection: Connection, name: str) -> None:
    """Make a class the default, unless some class says yes or no to that already.

    The annotation is not in the manifest, where every apply would set it again: it is given once, and whoever takes it
    away, or gives it to a class of their own, keeps what they chose. Set to "false" here, it stays so.
    """
    classes = connection.list(_STORAGE_CLASSES, page=100, pages=5)
    if not any(_IS_DEFAULT in c["metadata"].get("annotations", {}) for c in classes):
        connection.merge(f"{_STORAGE_CLASSES}/{name}", {"metadata": {"annotations": {_IS_DEFAULT: "true"}}})


def noted_objects(notes: Mapping[str, str], name: str) -> list[str]:
    """Paths of what was made of an add-on. Others may have written them: what is none of a kind that add-ons are made
    of is left out."""
    listed = notes.get(f"{name}.objects", "")
    return [path for path in listed.splitlines()[:_MOST_NOTED] if objects.is_path(path)]


def read_notes(connection: Connection) -> Mapping[str, str]:
    """What is noted of all add-ons; nothing where none was applied."""
    try:
        data: Mapping[str, str] = connection.get(NOTES_PATH).get("data", {})
    except errors.Absent:
        return {}
    return data


def _remove_ours(connection: Connection, path: str, addon: str) -> None:
    """Remove what an earlier version of the add-on made. Who took our label off an object has taken it over."""
    try:
        seen = connection.get(path)
    except errors.Absent:
        return
    if seen["metadata"].get("labels", {}).get(ADDON_LABEL) == addon:
        connection.delete(path, uid=seen["metadata"]["uid"])


def _note(connection: Connection, data: Mapping[str, str]) -> None:
    """Keys of other add-ons stay: this is a merge, not an apply, which would own all of them or none."""
    try:
        connection.merge(NOTES_PATH, {"data": data})
    except errors.Absent:
        metadata = {"name": NOTES, "namespace": NAMESPACE, "labels": {MANAGED_BY_LABEL: "navarch"}}
        notes = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        try:
            connection.create(_CONFIG_MAPS, notes)
        except errors.Exists:  # another add-on was just noted
            connection.merge(NOTES_PATH, {"data": data})
