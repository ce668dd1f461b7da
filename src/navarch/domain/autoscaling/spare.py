"""Room that groups keep free: places of pods that are not there. They bring machines as pods that wait do, after these.
Nothing is evicted for them, and real pods take their place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from navarch.domain.autoscaling.memory import SpareRoom
from navarch.domain.autoscaling.placing import Room
from navarch.domain.node_labels import NODE_GROUP
from navarch.domain.pods import PodShape, Toleration
from navarch.domain.spec import Spare, Taint

_NAMESPACE = "navarch.io/spare"  # no cluster has it: names of namespaces have no slash


@dataclass(frozen=True, slots=True)
class Places:
    """The places that one group keeps free, all alike."""

    group: str
    spare: Spare
    shape: PodShape

    @property
    def count(self) -> int:
        """How many."""
        return self.spare.replicas


def places(group: str, spare: Spare, taints: Iterable[Taint]) -> Places:
    """On machines of that group alone, which have these taints."""
    asks = (("cpu", spare.cpu_millicores), ("memory", spare.memory_mib << 20))
    shape = PodShape(
        _NAMESPACE,
        requests=tuple((resource, amount) for resource, amount in asks if amount),
        node_selector=((NODE_GROUP, group),),
        tolerations=tuple(Toleration(t.key, "Equal", t.value, t.effect) for t in taints),
    )
    return Places(group, spare, shape)


def kept_free(room: Room, wanted: Places) -> tuple[int, int]:
    """Put the places where they fit: how many are on machines that are there, and on those that come."""
    found = [spot for _ in range(wanted.count) if (spot := room.place(wanted.shape)) is not None]
    coming = sum(1 for spot in found if spot.comes)
    return len(found) - coming, coming


def news(held: Iterable[SpareRoom], before: Iterable[SpareRoom]) -> Iterator[tuple[str, str, str]]:
    """What is new, with its reason and group: room that is lacking, and why; room that is all there again."""
    known = {(room.group, room.spare): room for room in before}
    for room in held:
        was, wanted = known.get((room.group, room.spare)), in_words(room.spare)
        if room.why and (was is None or was.why != room.why):
            there = f"{room.ready + room.coming} of {wanted}"
            yield "SpareNotKept", room.group, f"{room.group} keeps room free for {there}: {room.why}"
        elif was is not None and was.ready < room.ready == room.spare.replicas:
            yield "SpareKept", room.group, f"{room.group} keeps room free for all of {wanted}, {was.ready} before"


def in_words(spare: Spare) -> str:
    """`2 × 500m CPU, 512 MiB`."""
    cpu = f"{spare.cpu_millicores}m CPU" if spare.cpu_millicores else ""
    memory = f"{spare.memory_mib} MiB" if spare.memory_mib else ""
    return f"{spare.replicas} × {', '.join(filter(None, (cpu, memory)))}"
