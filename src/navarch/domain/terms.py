"""What an entry says of its add-ons' life beside what its chart makes: what they need and do not bear beside them in a
cluster, what their programs make there, what stays when they go, and by what one sees that they cannot work."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

NAME, NAMESPACE = "{name}", "{namespace}"
"""What stands for an add-on's own in the texts of `Created`."""


@dataclass(frozen=True, slots=True)
class Created:
    """Objects that a program of an add-on makes by itself: the one of this name, or all that have these labels, each
    of them with its value. `namespace`: where; empty for kinds that are the cluster's own (`clusterwide`)."""

    kind: str
    group: str = ""
    namespace: str = NAMESPACE
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    clusterwide: bool = False

    def of(self, name: str, namespace: str) -> "Created":
        """As it is of the add-on of this name, in this namespace."""

        def said(text: str) -> str:
            return text.replace(NAME, name).replace(NAMESPACE, namespace)

        return replace(
            self,
            namespace="" if self.clusterwide else said(self.namespace),
            name=said(self.name),
            labels=tuple((key, said(value)) for key, value in self.labels),
        )

    def has(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is one of those, where labels say which."""
        return all(labels.get(key) == value for key, value in self.labels)

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        chosen = ",".join(f"{key}={value}" for key, value in self.labels)
        return f"{self.kind} {where}{self.name or '*'}{f' {chosen}' if chosen else ''}"


@dataclass(frozen=True, slots=True)
class EventsRule:
    """Events by which one sees that an add-on cannot work: of one of these reasons, from this source, for so many
    minutes after each; unless a later one about the same object has a reason of `mended`. `reason` and what follows is
    what is then said of the add-on."""

    events: tuple[str, ...]
    source: str
    reason: str
    responsible: str
    remedy: str
    mended: tuple[str, ...] = ()
    minutes: int = 5


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why an add-on cannot work though all of its objects have what they are to have, who must act, and how."""

    reason: str
    message: str
    responsible: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Terms:
    """All of it. `alone`: a cluster has one add-on of the entry at most. `requires`, `conflicts`: names of entries, or
    of what entries say they provide. `leaves`: what stays in or outside of the cluster on purpose, each in a phrase."""

    alone: bool = False
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    creates: tuple[Created, ...] = ()
    leaves: tuple[str, ...] = ()
    health: tuple[EventsRule, ...] = ()

    def created_by(self, name: str, namespace: str) -> tuple[Created, ...]:
        """What the programs of the add-on of this name make."""
        return tuple(made.of(name, namespace) for made in self.creates)


NONE = Terms()
"""Of an entry that says nothing."""
