"""Objects of a chosen add-on as they are sent, and where."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from navarch.addons import unchanged
from navarch.addons.kinds import Discovery, Served
from navarch.charts import objects as charted
from navarch.charts.objects import Key, Object
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent, Responsible

LABEL = "navarch.io/chosen-addon"
"""On each object of a chosen add-on: its name. By it the objects are found, and only what has it is removed."""


@dataclass(frozen=True, slots=True)
class Target:
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
        """As the inventory has it before it is made."""
        key = self.key
        keep = charted.annotation(self.made, charted.KEEP) == "keep"
        hook = bool(charted.hooks_of(self.made))
        return Item(
            key.group, key.kind, key.namespace, key.name, self.kind.version, self.kind.resource, keep=keep, hook=hook
        )


def targets(
    addon: str,
    namespace: str,
    made: Iterable[Object],
    served: Discovery,
    *,
    among: Sequence[Object] = (),
    ignore: Sequence[str] = (),
) -> list[Target]:
    """Where each object goes, labelled and with its namespace. `among`: all of the add-on's objects; `ignore`: fields
    (dotted paths) that others set. Raises Permanent with every kind that is not known."""
    offered = {(s.api_version, s.kind): s for s in (*served.served, *_defined(among))}
    scaled = charted.scaled_by_others(among)
    found, unknown = [], []
    for each in made:
        kind = offered.get((each["apiVersion"], each["kind"]))
        if kind is None:
            unknown.append(f"{each['kind']} {each['metadata']['name']} ({each['apiVersion']})")
            continue
        found.append(Target(_prepared(addon, namespace, each, kind, scaled, ignore), kind))
    if unknown:
        raise Permanent(
            f"the cluster does not serve the kinds of {'; '.join(unknown[:10])}",
            reason="KindsMissing",
            responsible=Responsible.USER,
            remedy="Install what brings these kinds first, or switch off the values that ask for them.",
        )
    return found


def _prepared(
    addon: str,
    namespace: str,
    made: Object,
    kind: Served,
    scaled: frozenset[tuple[str, str, str]],
    ignore: Sequence[str],
) -> Object:
    made = deepcopy(made)
    metadata: dict[str, Any] = made["metadata"]
    if kind.namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    else:
        metadata.pop("namespace", None)
    metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: addon}
    ignored = list(ignore)
    if (kind.kind, metadata.get("namespace", ""), metadata["name"]) in scaled:
        ignored.append("spec.replicas")
    if kind.kind == "Secret" and "stringData" in made:
        made = charted.encoded(made)
    made = charted.without(made, ignored)
    return unchanged.annotated(made) if (kind.group, kind.kind) == charted.DEFINITION else made


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
