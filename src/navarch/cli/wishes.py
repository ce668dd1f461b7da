"""From options and files to requests."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import typer

from navarch.cli.fields import NEW_NODE_GROUP, NO_LABELS, Field

Document = dict[str, Any]
DEFAULT_GROUP = "default"  # as the service names it where no group is asked for
# What `cluster show -o yaml` prints beside the wish: a file made from it can be used to create another cluster.
_NOT_WISHES = (
    "id", "project_id", "generation", "created_at", "updated_at", "deletion_requested_at", "status", "created_by",
)  # fmt: skip


class Given(Document):
    """The part of a request that the options for its fields ask for (`options.with_fields`)."""


def given_by(fields: Sequence[Field], words: Document) -> Given:
    """What the options say. `words`: by the fields' names; `unset` lists those to leave to Navarch again, by
    the options' names or the API's."""
    given = Given()
    for name in words.get("unset", ()):
        field = next((f for f in unsettable(fields) if f.option == f"--{name}" or name in f.api_names), None)
        if field is None:
            known = ", ".join(
                " or ".join(dict.fromkeys((f.option.removeprefix("--"), f.api_names[-1]))) for f in unsettable(fields)
            )
            raise typer.BadParameter(f"{name!r} is not one of {known}", param_hint="--unset")
        put(given, field.path, None)
    for field in fields:
        value = words[field.name]
        if value is not None and value != []:
            put(given, field.path, field.kind.read(value, field.option))
    return given


def unsettable(fields: Sequence[Field]) -> list[Field]:
    """Those that can be left to Navarch again: one option for each path."""
    return [field for field in fields if field.kind is not NO_LABELS]


def new_cluster(document: Document, name: str | None, given: Document) -> Document:
    """The request for a cluster: a file's, with what the options say over it. A file holds a whole request, a spec
    alone, or what `cluster show` printed."""
    body = deepcopy(document)
    if body and "spec" not in body and not {"name", "labels"} & set(body):
        body = {"spec": body}
    body = {key: value for key, value in body.items() if key not in _NOT_WISHES}
    spec: Document = body.setdefault("spec", {})
    if isinstance(body.get("node_groups"), list):  # where `cluster show` has them
        spec.setdefault("node_groups", [_as_asked(group) for group in body.pop("node_groups")])
    return over(over(body, {"name": name} if name else {}), given)


def node_groups(workers: int | None, flavor: str | None, zones: list[str], words: list[str]) -> list[Document] | None:
    """The node groups that the options ask for; None where they say nothing and the service's default is meant."""
    groups = [node_group_of(word) for word in words]
    if workers is not None or flavor is not None or (zones and not groups):
        asked = {"flavor": flavor, "replicas": workers, "zones": zones or None}
        groups.insert(0, {"name": DEFAULT_GROUP} | {key: value for key, value in asked.items() if value is not None})
    return groups or None


def node_group_of(word: str, option: str = "--node-group") -> Document:
    """A node group from `name=web,flavor=m1.small,replicas=2,zones=z1+z2,label=tier:web,taint=key=value:NoSchedule`."""
    known = {name: field for field in NEW_NODE_GROUP for name in (field.name, field.path.removeprefix("spec."))}
    group: Document = {}
    for part in word.split(","):
        key, sign, value = part.partition("=")
        if not sign or not value:
            raise typer.BadParameter(f"{part!r} in {word!r} is not of the form key=value", param_hint=option)
        if key == "name":
            group["name"] = value
        elif key in known:
            put(group, known[key].path.removeprefix("spec."), known[key].kind.part(value, f"{option} {key}"))
        else:
            names = ", ".join(["name", *(field.name for field in NEW_NODE_GROUP)])
            raise typer.BadParameter(f"{key!r} in {word!r} is not one of {names}", param_hint=option)
    if "name" not in group:
        raise typer.BadParameter(f"{word!r} needs a name, as in name=web", param_hint=option)
    return group


def cluster_patch(document: Document, given: Document) -> Document:
    """A merge patch for a cluster: a file's, with what the options say over it. A file holds the patch, or that of the
    spec alone. Raises BadParameter where neither says anything, as for a node group."""
    return _patch(document, given, {"spec", "labels"})


def node_group_patch(document: Document, given: Document) -> Document:
    """The same for a node group, whose labels are in its spec."""
    return _patch(document, given, {"spec"})


def _patch(document: Document, given: Document, whole: set[str]) -> Document:
    if document and not whole & set(document):
        document = {"spec": document}
    document = over(document, given)
    if not document:
        raise typer.BadParameter("nothing to change was given", param_hint="options")
    return document


def put(tree: Document, path: str, value: Any) -> None:
    """Set what a dotted path names. To a list or a mapping that is there, it is added."""
    *parents, last = path.split(".")
    for parent in parents:
        below = tree.get(parent)
        if not isinstance(below, dict):
            below = tree[parent] = {}
        tree = below
    before = tree.get(last)
    if isinstance(before, dict) and isinstance(value, dict):
        value = before | value
    elif isinstance(before, list) and isinstance(value, list):
        value = before + value
    tree[last] = value


def over(document: Document, given: Document) -> Document:
    """The document with what is given over it, mappings into each other."""
    merged = dict(document)
    for key, value in given.items():
        before = merged.get(key)
        merged[key] = over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _as_asked(group: Any) -> Any:
    if isinstance(group, dict) and isinstance(group.get("spec"), dict):
        return {"name": group.get("name"), **group["spec"]}
    return group
