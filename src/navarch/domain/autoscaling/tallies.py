"""How many pods there are in each domain of a topology: what affinity and spread ask, kept up to date."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from navarch.domain.pods import PodShape


class Place(Protocol):
    """A machine, as far as it is counted."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its own."""
        ...

    @property
    def shapes(self) -> Counter[PodShape]:
        """What is on it."""
        ...


P = TypeVar("P", bound=Place)


@dataclass(slots=True)
class Tally(Generic[P]):
    """By the values of a label of machines. `covers`: which machines count; `counts`: which pods. Domains of machines
    that count and have no such pod are there with 0."""

    topology_key: str
    covers: Callable[[P], bool]
    counts: Callable[[PodShape], bool]
    values: Counter[str] = field(default_factory=Counter)
    _known: dict[int, tuple[PodShape, bool]] = field(default_factory=dict)  # by identity: most pods share few shapes

    def add(self, places: Iterable[P]) -> None:
        """Machines more, with what is on them."""
        for place in places:
            if place.labels.get(self.topology_key) is not None and self.covers(place):
                self.values[place.labels[self.topology_key]] += sum(
                    count for shape, count in place.shapes.items() if self._counted(shape)
                )

    def put(self, shape: PodShape, place: P, count: int) -> None:
        """Pods onto a machine, or away from it."""
        if self._counted(shape) and place.labels.get(self.topology_key) is not None and self.covers(place):
            self.values[place.labels[self.topology_key]] += count

    def remove(self, place: P, others: Iterable[P]) -> None:
        """A machine less. `others`: those that stay."""
        value = place.labels.get(self.topology_key)
        if value is None or not self.covers(place):
            return
        self.values[value] -= sum(count for shape, count in place.shapes.items() if self._counted(shape))
        if not any(other.labels.get(self.topology_key) == value and self.covers(other) for other in others):
            del self.values[value]

    def forked(self) -> "Tally[P]":
        """The same, to go on with on its own."""
        return Tally(self.topology_key, self.covers, self.counts, Counter(self.values), self._known)

    def _counted(self, shape: PodShape) -> bool:
        known = self._known.get(id(shape))
        if known is None:
            known = self._known[id(shape)] = (shape, self.counts(shape))
        return known[1]
