"""What was seen of a cluster's objects in a cloud. Unknown is a value: it never means absent.

Neutral: the kinds of object, and what is known of each, are the provider's (`domain.openstack.resources`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, TypeVar


class Resource:
    """An object in a cloud: base of each kind's class, a frozen dataclass. `name` is the one that Navarch gave it,
    whatever it is called now.

    Of its kind it says what others need: `quota` is the project's quota that one counts in, None where there is none;
    `exclusive` whether a second one of a name is too much (a create whose answer was lost).
    """

    __slots__ = ()
    kind: ClassVar[StrEnum]
    quota: ClassVar[str | None] = None
    exclusive: ClassVar[bool] = False
    id: str
    name: str


R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be read or done, in a condition's words. `responsible` is a `Responsible`, None for what
    passes by itself."""

    reason: str
    message: str
    subject: str = ""
    responsible: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class CloudState:
    """Every object of one cluster in its project, and what its own controllers made.

    `seen` has an entry for each kind that could be read; one that was read and found nothing is an empty tuple.
    `astray`: ids of objects that are known to be ours and have lost their mark or their name, with what they are called
    now."""

    seen: Mapping[StrEnum, tuple[Any, ...]] = field(default_factory=dict)
    trouble: tuple[Trouble, ...] = ()
    astray: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def showing(types: Iterable[type[Resource]], *resources: Resource) -> "CloudState":
        """A state in which all these types could be read, and just these objects are there."""
        return CloudState({t.kind: tuple(r for r in resources if r.kind is t.kind) for t in types})

    def of(self, type_: type[R]) -> tuple[R, ...]:
        """What was seen of a type; empty also where it could not be read: ask `knows` first."""
        return self.seen.get(type_.kind, ())

    def of_kind(self, kind: StrEnum) -> tuple[Any, ...]:
        """The same by kind."""
        return self.seen.get(kind, ())

    def knows(self, *types: type[Resource]) -> bool:
        """Whether all these could be read."""
        return all(t.kind in self.seen for t in types)

    def named(self, type_: type[R], name: str) -> R | None:
        """The first of that name, None if there is none or nobody could look."""
        return next((r for r in self.of(type_) if r.name == name), None)

    def with_id(self, type_: type[R], id_: str) -> R | None:
        """The one with that id, None if there is none or nobody could look."""
        return next((r for r in self.of(type_) if r.id == id_), None)

    def everything(self) -> Iterator[Any]:
        """All objects, kind by kind."""
        for resources in self.seen.values():
            yield from resources

    def having(self, resource: Resource) -> "CloudState":
        """As if it had been seen: replaces the one with its id, which keeps the name that it is known by, or adds it.
        Unknown kinds stay unknown."""
        there = next((r for r in self.seen.get(resource.kind) or () if r.id == resource.id), None)
        # What somebody renamed meanwhile is answered under that name, and is known by its own all the same.
        return self._with(resource if there is None else _with(resource, {"name": there.name}))

    def _with(self, resource: Resource) -> "CloudState":
        known = self.seen.get(resource.kind)
        if known is None:
            return self
        # in their order: the first of a name counts
        there = tuple(resource if r.id == resource.id else r for r in known)
        return replace(self, seen={**self.seen, resource.kind: there if resource in there else (*there, resource)})

    def without(self, kind: StrEnum, resource_id: str) -> "CloudState":
        """As if the object were gone."""
        known = self.seen.get(kind)
        if known is None:
            return self
        return replace(self, seen={**self.seen, kind: tuple(r for r in known if r.id != resource_id)})

    def changed(self, type_: type[R], id_: str, **fields: Any) -> "CloudState":
        """As if the object with that id had these fields; the same where it was not seen."""
        found = self.with_id(type_, id_)
        return self if found is None else self._with(_with(found, fields))

    def joined(self, newer: "CloudState") -> "CloudState":
        """What was read now over what was known. A kind that could not be read now is unknown, not as before."""
        failed = {t.subject for t in newer.trouble}
        kept = {kind: seen for kind, seen in self.seen.items() if kind.value not in failed and kind not in newer.seen}
        still_there = {resource.id for seen in kept.values() for resource in seen}
        astray = (*(a for a in self.astray if a[0] in still_there), *newer.astray)
        return CloudState({**kept, **newer.seen}, newer.trouble, astray)


def _with(resource: Resource, fields: Mapping[str, Any]) -> Resource:
    changed: Resource = replace(resource, **fields)  # type: ignore[type-var]  # each kind's class is a dataclass
    return changed
