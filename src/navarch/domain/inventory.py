"""What a cluster has in its cloud, object by object, as it is told to people: what each is for, and what becomes of it
when the cluster is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """What in a cluster an object is for, where its own controllers made it: the word of Kubernetes."""

    SERVICE = "Service"
    CLAIM = "PersistentVolumeClaim"


class Fate(StrEnum):
    """What becomes of an object when its cluster is deleted."""

    DELETED = "deleted"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class CloudObject:
    """`kind` is the cloud's word for people. `made_by` is navarch, or the cluster's own controller that made it.
    `purpose` and `of` (`namespace/name`) say what in the cluster it is for; of what Navarch made, and of what says
    nothing, they are empty. `keepable`: a deletion can leave it. `state` is the cloud's word; `address` of balancers
    and floating addresses; `size_gib` 0 where it has none."""

    kind: str
    id: str
    name: str
    made_by: str
    purpose: Purpose | None = None
    of: str = ""
    zone: str = ""
    size_gib: int = 0
    address: str = ""
    state: str = ""
    keepable: bool = False

    def fate(self, *, keep_volumes: bool) -> Fate:
        """What a deletion makes of it that is asked to `keep_volumes`, or is not."""
        return Fate.KEPT if self.keepable and keep_volumes else Fate.DELETED


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was seen at `seen_at`. `found`: (kind, objects) of each kind that could be read, also where there are none;
    of the kinds in `unread`, which could not be read then, those that were seen before, if any. `left_out`: how many
    there are beside these, where there are more of a kind than are noted."""

    seen_at: datetime
    found: tuple[tuple[str, tuple[CloudObject, ...]], ...] = ()
    unread: tuple[str, ...] = ()
    left_out: int = 0

    def objects(self, kinds: Sequence[str]) -> tuple[CloudObject, ...]:
        """Every object: those of claims, then those of Services, each with its own beside it; then the others in
        the order of `kinds`, by name."""

        def order(its: CloudObject) -> tuple[str, str, int, str]:
            place = kinds.index(its.kind) if its.kind in kinds else len(kinds)
            return its.purpose or "~", its.of, place, its.name

        return tuple(sorted((one for _, those in self.found for one in those), key=order))
