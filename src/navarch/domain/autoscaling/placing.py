"""Where pods would be placed: the scheduler's filters, on machines that are there and on machines that might be.

What the filters say is in the scheduler's own words. Preferences filter nothing, neither here when machines come nor
when they go: else some would come and go for ever. What is not reckoned with is told by the pod (`unsimulated`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from navarch.domain.autoscaling.tallies import Tally
from navarch.domain.pods import Amounts, NodeTerm, NodeVolumes, PodShape, PodTerm, Spread, Toleration
from navarch.domain.spec import Taint

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - it is compared with, nobody listens there
_FORBID = frozenset({"NoSchedule", "NoExecute"})
CORDONED = Taint("node.kubernetes.io/unschedulable", "NoSchedule")


@dataclass(slots=True)
class Spot:
    """A machine in a simulation. `zone`: of one that is to be made, as the cloud spells it; labels hold it as nodes do
    (`names.zone_label`). `open`: it is not cordoned. `volumes`: what may be attached to it; None: as much as pods want.
    `shapes`: how many pods of each are there. `unkept`: resources that were promised of it, and did not come. `comes`:
    it is not there yet."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    allocatable: Amounts
    zone: str = ""
    open: bool = True
    volumes: NodeVolumes | None = None
    used: Counter[str] = field(default_factory=Counter)
    shapes: Counter[PodShape] = field(default_factory=Counter)
    unkept: tuple[str, ...] = ()
    comes: bool = False

    @property
    def pods(self) -> int:
        """How many are there."""
        return self.shapes.total()


def tolerates(tolerations: Iterable[Toleration], taints: Iterable[Taint]) -> bool:
    """Whether no taint keeps a pod away."""
    tolerations = tuple(tolerations)
    return all(taint.effect not in _FORBID or any(_meets(t, taint) for t in tolerations) for taint in taints)


def _meets(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.value == taint.value


def attracts(shape: PodShape, spot: Spot) -> bool:
    """Whether the node selector and the node affinity of a pod allow a machine."""
    if any(spot.labels.get(key) != value for key, value in shape.node_selector):
        return False
    return shape.node_terms is None or any(_allows(term, spot) for term in shape.node_terms)


def _allows(term: NodeTerm, spot: Spot) -> bool:
    if not term.labels and not term.names:
        return False
    names = {"metadata.name": spot.name}
    return all(r.holds(spot.labels) for r in term.labels) and all(r.holds(names) for r in term.names)


class Room:
    """A cluster's machines, onto which pods are put. What is put, a later question counts with."""

    def __init__(self, spots: Iterable[Spot] = ()) -> None:
        self.spots: list[Spot] = list(spots)
        self._full: dict[PodShape, int] = {}  # of shapes that only ever lose places: how many spots need no look again
        self._tallies: dict[object, Tally[Spot]] = {}  # pods and repulsions by topology, of what was asked for
        self._base: Room | None = None  # whose machines the first of these are
        self._repelling: set[tuple[PodTerm, str]] = {
            (term, shape.namespace) for spot in self.spots for shape in spot.shapes for term in shape.apart
        }

    def add(self, spot: Spot) -> None:
        """One machine more."""
        self.spots.append(spot)
        self._repelling |= {(term, shape.namespace) for shape in spot.shapes for term in shape.apart}
        for tally in self._tallies.values():
            tally.add((spot,))

    def forked(self) -> "Room":
        """The same machines, onto which nothing may be put while the fork is used; what is added is the fork's."""
        fork = Room()
        fork.spots, fork._base = list(self.spots), self
        fork._repelling = set(self._repelling)
        return fork

    def put(self, shape: PodShape, spot: Spot, count: int = 1) -> None:
        """Pods onto a machine, whether they fit or not."""
        spot.shapes[shape] += count
        for resource, amount in shape.requests:
            spot.used[resource] += amount * count
        self._repelling |= {(term, shape.namespace) for term in shape.apart}
        self._count(shape, spot, count)

    def take(self, shape: PodShape, spot: Spot, count: int = 1) -> None:
        """Pods away from a machine."""
        spot.shapes[shape] -= count
        if not spot.shapes[shape]:
            del spot.shapes[shape]
        for resource, amount in shape.requests:
            spot.used[resource] -= amount * count
        self._full.clear()
        self._count(shape, spot, -count)

    def close(self, spot: Spot) -> None:
        """Take a machine out, and what is on it with it."""
        self.spots = [there for there in self.spots if there is not spot]
        self._full.clear()
        for tally in self._tallies.values():
            tally.remove(spot, self.spots)

    def place(self, shape: PodShape) -> Spot | None:
        """Put a pod onto the first machine that it fits on; None: there is none."""
        only_loses = not shape.near and not shape.spreads
        start = self._full.get(shape, 0) if only_loses else 0
        for index in range(start, len(self.spots)):
            spot = self.spots[index]
            if not self.why_not(shape, spot):
                self._full[shape] = index
                self.put(shape, spot)
                return spot
        self._full[shape] = len(self.spots)
        return None

    def why_not(self, shape: PodShape, spot: Spot) -> str:
        """Why the scheduler would not put such a pod there; empty: it might."""
        if shape.unsimulated:
            return f"not simulated: {', '.join(shape.unsimulated)}"
        if shape.blocked:
            return shape.blocked
        if not spot.open and not tolerates(shape.tolerations, (CORDONED,)):
            return "node(s) were unschedulable"
        if not attracts(shape, spot):
            return "node(s) didn't match Pod's node affinity/selector"
        if not tolerates(shape.tolerations, spot.taints):
            return "node(s) had untolerated taint(s)"
        return _lacks(shape, spot) or _volumes_lack(shape, spot) or self._topology(shape, spot)

    def _topology(self, shape: PodShape, spot: Spot) -> str:
        for spread in shape.spreads:
            why = self._uneven(shape, spread, spot)
            if why:
                return why
        labels = dict(shape.labels) if self._repelling or shape.near or shape.apart else {}
        for term, namespace in self._repelling:
            if _selects(term, shape.namespace, labels) and self._repels(term, namespace)[_value(spot, term)]:
                return "node(s) didn't satisfy existing pods anti-affinity rules"
        for term in shape.apart:
            if self._matching(term)[_value(spot, term)]:
                return "node(s) didn't match pod anti-affinity rules"
        if not shape.near:
            return ""
        if any(term.topology_key not in spot.labels for term in shape.near):
            return "node(s) didn't match pod affinity rules"
        found = [self._matching_all(shape.near, term) for term in shape.near]
        if all(tally[_value(spot, term)] for term, tally in zip(shape.near, found, strict=True)):
            return ""
        # The first of its kind may go anywhere, or it could never begin.
        is_first = not any(any(tally.values()) for tally in found)
        if is_first and all(_selects(term, shape.namespace, labels) for term in shape.near):
            return ""
        return "node(s) didn't match pod affinity rules"

    def _uneven(self, shape: PodShape, spread: Spread, spot: Spot) -> str:
        if spread.topology_key not in spot.labels:
            return "node(s) didn't match pod topology spread constraints (missing required label)"
        domains = self._domains(shape, spread)
        least = min(domains.values(), default=0) if len(domains) >= spread.min_domains else 0
        itself = spread.selector is not None and bool(spread.selector.requirements)
        more = int(itself and spread.selector is not None and spread.selector.matches(dict(shape.labels)))
        if domains[spot.labels[spread.topology_key]] + more - least > spread.max_skew:
            return "node(s) didn't match pod topology spread constraints"
        return ""

    def _domains(self, shape: PodShape, spread: Spread) -> Counter[str]:
        """How many pods each domain has that a constraint counts; domains without any are there with 0."""
        return self._tally(
            (shape, spread),
            spread.topology_key,
            lambda other: _is_counted(spread, shape, other),
            lambda spot: _is_domain(shape, spread, spot),
        )

    def _matching(self, term: PodTerm) -> Counter[str]:
        """By topology, the pods that a term selects."""
        return self._tally(
            term, term.topology_key, lambda shape: _selects(term, shape.namespace, dict(shape.labels)), _anywhere
        )

    def _matching_all(self, terms: tuple[PodTerm, ...], term: PodTerm) -> Counter[str]:
        """By the topology of one term, the pods that all terms of an affinity select: no other counts for any."""
        return self._tally((terms, term), term.topology_key, lambda shape: _all_select(terms, shape), _anywhere)

    def _repels(self, term: PodTerm, namespace: str) -> Counter[str]:
        """By topology, the pods that have this term of anti-affinity."""
        return self._tally(
            (term, namespace),
            term.topology_key,
            lambda shape: term in shape.apart and shape.namespace == namespace,
            _anywhere,
        )

    def _tally(
        self,
        what: object,
        topology_key: str,
        counts: Callable[[PodShape], bool],
        covers: Callable[[Spot], bool],
    ) -> Counter[str]:
        if what not in self._tallies:
            if self._base is not None:
                self._base._tally(what, topology_key, counts, covers)
                tally = self._base._tallies[what].forked()
                tally.add(self.spots[len(self._base.spots) :])
            else:
                tally = Tally(topology_key, covers, counts)
                tally.add(self.spots)
            self._tallies[what] = tally
        return self._tallies[what].values

    def _count(self, shape: PodShape, spot: Spot, count: int) -> None:
        """Bring the tallies up to date with pods that were put."""
        for tally in self._tallies.values():
            tally.put(shape, spot, count)


def _lacks(shape: PodShape, spot: Spot) -> str:
    allocatable = dict(spot.allocatable)
    if spot.pods + 1 > allocatable.get("pods", 0):
        return "Too many pods"
    for resource, amount in shape.requests:
        if amount and spot.used[resource] + amount > allocatable.get(resource, 0):
            late = ", which a machine like it was to have and does not show" if resource in spot.unkept else ""
            return f"Insufficient {resource}{late}"
    for port in shape.ports:
        for other in (p for there in spot.shapes for p in there.ports):
            same = (port.protocol, port.port) == (other.protocol, other.port)
            if same and (port.address == other.address or ANY_ADDRESS in (port.address, other.address)):
                return "node(s) didn't have free ports for the requested pod ports"
    return ""


def _volumes_lack(shape: PodShape, spot: Spot) -> str:
    for place in shape.places:
        if not any(_allows(term, spot) for term in place.terms):
            return place.why_not
    if not shape.volumes or spot.volumes is None:
        return ""
    missing = next((v for v in shape.volumes if v.strict and v.driver not in spot.volumes.drivers), None)
    if missing is not None:
        return f"{missing.driver} CSI driver is not installed on the node"
    limits = dict(spot.volumes.limits)
    there = {v for other in spot.shapes for v in other.volumes if v.handle} | set(spot.volumes.attached)
    count = Counter(v.driver for v in there)
    for other, pods in spot.shapes.items():
        for volume in other.volumes:
            count[volume.driver] += 0 if volume.handle else pods
    more = [v for v in shape.volumes if not v.handle or v not in there]
    for driver, added in Counter(v.driver for v in more).items():
        if count[driver] + added > limits.get(driver, count[driver] + added):
            return "node(s) exceed max volume count"
    return ""


def _anywhere(spot: Spot) -> bool:
    return True


def _value(spot: Spot, term: PodTerm) -> str:
    """The domain of a machine; of one without the label a domain in which nothing is."""
    return spot.labels.get(term.topology_key, "\0none")


def _selects(term: PodTerm, namespace: str, labels: Mapping[str, str]) -> bool:
    if term.selector is None or (term.namespaces is not None and namespace not in term.namespaces):
        return False
    return term.selector.matches(labels)


def _all_select(terms: tuple[PodTerm, ...], shape: PodShape) -> bool:
    labels = dict(shape.labels)
    return all(_selects(term, shape.namespace, labels) for term in terms)


def _is_domain(shape: PodShape, spread: Spread, spot: Spot) -> bool:
    """Whether a constraint counts the pods of a machine: one with all topologies, where the pod could go as far as the
    constraint honors that."""
    if any(one.topology_key not in spot.labels for one in shape.spreads):
        return False
    if spread.honors_affinity and not attracts(shape, spot):
        return False
    return not spread.honors_taints or tolerates(shape.tolerations, spot.taints)


def _is_counted(spread: Spread, asking: PodShape, other: PodShape) -> bool:
    """Whether a constraint counts a pod: those of its namespace that its selector matches; an empty one counts none."""
    if spread.selector is None or not spread.selector.requirements or other.namespace != asking.namespace:
        return False
    return spread.selector.matches(dict(other.labels))
