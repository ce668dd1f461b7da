"""Pods of a cluster's users, as far as it hangs on them how many machines there are to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Amounts = tuple[tuple[str, int], ...]
"""(resource, quantity), sorted: CPU in thousandths, all else in whole units, as bytes."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Of one label. `operator`: In, NotIn, Exists, DoesNotExist, Gt or Lt; any other holds for nothing."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it. NotIn and DoesNotExist hold where the label is missing."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt" if value is not None and len(self.values) == 1:
                try:
                    have, limit = int(value), int(self.values[0])
                except ValueError:
                    return False
                return have > limit if self.operator == "Gt" else have < limit
        return False


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """A term of node affinity: all that it asks of labels and of the node's name. An empty one matches nothing."""

    labels: tuple[Requirement, ...] = ()
    names: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class PodSelector:
    """Pods by their labels."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it selects a pod with these labels; an empty one selects all."""
        return all(requirement.holds(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume is, or could be made: one of the terms has to match the machine. `why_not`: what is said of a
    machine that none matches."""

    terms: tuple[NodeTerm, ...]
    why_not: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume that a CSI driver attaches to the machine of its pod. `handle` empty: it is to be made, and of this pod
    alone. `strict`: the pod goes only where the driver is."""

    driver: str
    handle: str = ""
    strict: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class NodeVolumes:
    """What a node's CSI drivers say (CSINode). `limits`: how many volumes a driver may attach; `drivers`: those that
    are there; `attached`: volumes that are, whoever uses them."""

    node: str
    limits: Amounts = ()
    drivers: tuple[str, ...] = ()
    attached: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True)
class PodTerm:
    """A required term of pod affinity or anti-affinity. `selector` None: it matches no pod; `namespaces` None: all."""

    topology_key: str
    selector: PodSelector | None
    namespaces: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint that forbids (DoNotSchedule). `honors_affinity`, `honors_taints`: nodes that the pod
    cannot go to for that reason are no domains."""

    topology_key: str
    max_skew: int
    selector: PodSelector | None
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


@dataclass(frozen=True, slots=True)
class Toleration:
    """`key` empty: of all taints; `effect` empty: of all effects."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the machine that a pod wants for itself."""

    protocol: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class PodShape:
    """What the scheduler asks of a node for a pod, and what other pods ask about it: pods of one shape are alike.

    `requests` as the scheduler reckons them. `node_terms` None: no affinity; one of them has to match otherwise. `near`
    and `apart`: affinity to pods and anti-affinity. `places` and `volumes`: of its claims. `blocked`: why it goes to no
    machine at all, such as a claim that does not exist. `unsimulated`: what it asks for that is not reckoned with here:
    no machine is claimed to help it, and none that it runs on goes."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    requests: Amounts = ()
    node_selector: tuple[tuple[str, str], ...] = ()
    node_terms: tuple[NodeTerm, ...] | None = None
    tolerations: tuple[Toleration, ...] = ()
    near: tuple[PodTerm, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    spreads: tuple[Spread, ...] = ()
    ports: tuple[HostPort, ...] = ()
    places: tuple[Place, ...] = ()
    volumes: tuple[Volume, ...] = ()
    blocked: str = ""
    unsimulated: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Of what most shapes differ in: the whole would take longer than all else that is done with a shape."""
        return hash((self.namespace, self.labels, self.requests))


@dataclass(frozen=True, slots=True)
class Pod:
    """`name`: with its namespace; `uid`: Kubernetes' own of it. `node`: where it is, or is about to be; empty: it waits
    for one. `moves`: a drain has to move it (it is of no DaemonSet and no static pod). `controlled`: something makes
    another in its place. `local_storage`: it has data on the machine that nobody called safe to lose. `safe_to_evict`:
    what its annotation says; None: nothing."""

    name: str
    shape: PodShape
    node: str = ""
    priority: int = 0
    moves: bool = True
    controlled: bool = True
    local_storage: bool = False
    safe_to_evict: bool | None = None
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget. `allowed`: how many of its pods may go now."""

    name: str
    namespace: str
    selector: PodSelector | None
    allowed: int

    def covers(self, shape: PodShape) -> bool:
        """Whether a pod is one of its."""
        if self.selector is None or shape.namespace != self.namespace:
            return False
        return self.selector.matches(dict(shape.labels))


@dataclass(frozen=True, slots=True)
class PodsSeen:
    """One look at a cluster's pods. `waiting`: those that the scheduler found no node for. `all`: whether the rest was
    read, too: `placed` (but those that are ending), `budgets`, and of each DaemonSet the pod that a machine more would
    get (`daemons`), and what volumes nodes may have (`volumes`), where a pod has claims. `count`: how many pods there
    are by the cluster's own count, ended ones too; None: not asked for, or it does not say."""

    waiting: tuple[Pod, ...] = ()
    all: bool = False
    placed: tuple[Pod, ...] = ()
    budgets: tuple[Budget, ...] = ()
    daemons: tuple[PodShape, ...] = ()
    volumes: tuple[NodeVolumes, ...] = ()
    count: int | None = None
