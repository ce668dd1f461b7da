"""What the catalogue holds, and what a cluster holds of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from navarch.domain.terms import NONE, Complaint, Terms


@dataclass(frozen=True, slots=True)
class Image:
    """A container image that an entry needs. `digest`: sha256:..."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What an entry takes of a cluster, in all: MiB of memory, thousandths of a CPU, volumes, balancers."""

    memory_mib: int = 0
    cpu_millis: int = 0
    volumes: int = 0
    balancers: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What is said of a version of an entry. `kubernetes`: for which versions it is, as a range. `ignore`: fields
    (dotted paths) of its objects that others set. `changes`: since the version before. `required`: every cluster has
    it, nobody chooses it, and its version is Navarch's. `terms`: of its add-ons' life in a cluster."""

    name: str
    version: str
    title: str
    description: str
    category: str
    licence: str
    kubernetes: str
    namespace: str
    app_version: str = ""
    icon: str = ""
    changes: str = ""
    needs: Needs = Needs()
    images: tuple[Image, ...] = ()
    ignore: tuple[str, ...] = ()
    deprecated: bool = False
    required: bool = False
    terms: Terms = NONE


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """An object that was made of a chosen add-on, or is about to be. `version` and `resource` are where it was found
    last; `uid` is empty until it was made; `mark` changes with what somebody says of it (its generation, or its
    resource version where its kind has none). `keep`: it stays when the add-on goes. `hook`: it is of a hook of the
    chart: known, and not looked after."""

    group: str
    kind: str
    namespace: str
    name: str
    version: str = ""
    resource: str = ""
    uid: str = ""
    mark: str = ""
    keep: bool = False
    hook: bool = False

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Beside:
    """What hangs on a chosen add-on and is none of its objects: it stays, and goes where its data is to go. `claims`:
    those that its StatefulSets made; `objects`: how many there are, about, of the kinds that it defines, each by its
    definition's name, where there are some; `at`: when they were counted."""

    claims: tuple[Item, ...] = ()
    objects: tuple[tuple[str, int], ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChosenSeen:
    """What a look found of a chosen add-on. `lost`: objects that are gone or that somebody changed, each in words;
    `waiting`: what is not healthy yet, each in words. `complaint`: why it cannot work all the same, by its entry's own
    rule; `beside`: what hangs on it; None: it was not asked for."""

    name: str
    lost: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    complaint: Complaint | None = None
    beside: Beside | None = None


def suits(card: Card, kubernetes: str) -> bool:
    """Whether an entry's version is for this version of Kubernetes."""
    return all(_holds(bound, _number(kubernetes)) for bound in bounds_of(card.kubernetes))


def bounds_of(text: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """A range of Kubernetes versions as (comparison, version): bounds that all must hold, as in `>=1.36.0-0
    <1.38.0-0`. (The `-0` has Helm take pre-releases, too.) Raises ValueError for any other form."""
    found = []
    for word in text.replace(",", " ").split():
        match = _BOUND.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is not of the form >=1.36.0-0")
        found.append((match[1], _number(match[2])))
    return tuple(found)


def newest_first(cards: Iterable[Card]) -> tuple[Card, ...]:
    """Versions of an entry; a pre-release comes after its release."""
    return tuple(sorted(cards, key=lambda card: order_of(card.version), reverse=True))


def order_of(version: str) -> tuple[tuple[int, ...], bool, str]:
    """By which versions of entries are ordered."""
    release, _, before = version.partition("-")
    return _number(release), not before, before


_BOUND = re.compile(r"(>=|<=|>|<|=)(\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)(?:-0)?")


def _holds(bound: tuple[str, tuple[int, ...]], version: tuple[int, ...]) -> bool:
    sign, limit = bound
    return {
        ">=": version >= limit,
        "<=": version <= limit,
        ">": version > limit,
        "<": version < limit,
        "=": version == limit,
    }[sign]


def _number(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.partition("-")[0].split(".")]
    return tuple(parts + [0] * (3 - len(parts)))
