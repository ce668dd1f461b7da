"""What the Kubernetes API of a cluster said."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from navarch.domain import clocks
from navarch.domain.catalogue import ChosenSeen
from navarch.domain.pods import Amounts, PodsSeen
from navarch.domain.spec import Taint

NOT_BEHIND_SERVICES = "node.kubernetes.io/exclude-from-external-load-balancers"
"""Label of a node that no Service's balancer sends to."""
STARTING = "starting"
"""Its value while a new node has not all that passes on what a balancer sends; Navarch takes the label away then."""
REMOVE_FIRST = "navarch.io/remove-first"
"""Label of a node that people want to go first."""
RESERVED_CPU_MILLIS, RESERVED_MEMORY_MIB = 100, 250
"""What the kubelets of a cluster keep for themselves and for the system (`bootstrap/kubelet.py`)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node. `version` is its kubelet's, without the v; `since`: when `ready` last changed, None where it
    does not say. `troubles`: (type, since) of its other conditions that are True. `cordoned`: Navarch made it
    unschedulable; `drained`: and moved its pods away since. `labels` are all it has. `evictions`: how many pods would
    have to be moved; None: not asked. `allocatable`: what pods may ask for. `stays`: its annotations say that
    autoscaling does not take it away."""

    name: str
    ready: bool
    unschedulable: bool = False
    version: str = ""
    address: str = ""
    since: datetime | None = None
    troubles: tuple[tuple[str, datetime | None], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    cordoned: bool = False
    drained: bool = False
    evictions: int | None = None
    allocatable: Amounts = ()
    stays: bool = False

    @property
    def starting(self) -> bool:
        """Whether it is new, and not yet behind Services' balancers."""
        return (NOT_BEHIND_SERVICES, STARTING) in self.labels

    @property
    def goes_first(self) -> bool:
        """Whether somebody marked it so."""
        return any(key == REMOVE_FIRST for key, _ in self.labels)

    def earlier(self, by: timedelta) -> "Node":
        """With all its moments earlier by so much."""
        troubles = tuple((type_, since and since - by) for type_, since in self.troubles)
        return replace(self, since=self.since and self.since - by, troubles=troubles)


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """A member of etcd. `address`: at which the others know it. `healthy`: it answered; `learner`: it has no vote."""

    id: str
    name: str
    address: str
    healthy: bool
    leader: bool = False
    learner: bool = False


@dataclass(frozen=True, slots=True)
class Addon:
    """An add-on as seen in the cluster. `digest` is that of what was last applied; `available`: all its workloads have
    the replicas they want; `message` says what is missing. `on_nodes`: it runs on each node that is to have it. `runs`:
    it has workloads; what has none is available as soon as it is applied. `version`: of what its pods run, by their
    images; several while machines are replaced."""

    name: str
    digest: str
    available: bool
    message: str = ""
    on_nodes: bool = True
    runs: bool = True
    version: str = ""


@dataclass(frozen=True, slots=True)
class ClusterObstacle:
    """Something inside a cluster that an upgrade or a stop meets. `what` it is (kind and name), `where` it meets it,
    `reason` in a word for programs, `message` what is known, `remedy` what its owner can do. `blocks`: an upgrade must
    not begin, or go on, while it is there; else it is told. `removed_in`: the Kubernetes version (1.38) with which it
    becomes true; empty: it is true of every version. `of_stop`: a stop meets it, and no upgrade does."""

    what: str
    where: str
    reason: str
    message: str
    remedy: str
    blocks: bool
    removed_in: str = ""
    of_stop: bool = False


@dataclass(frozen=True, slots=True)
class Serving:
    """The certificate of the API server that answered: the names it is for, and when it ends."""

    names: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class KubeState:
    """Version, nodes and add-ons. `etcd`: its members; None: they were not asked for, or nobody could tell.
    `obstacles`: what an upgrade would meet; None: it was not asked for. `pods`: as far as autoscaling needs them; None:
    they were not asked for, or are too many to be read. `refused`: ids of those revoked kubeconfigs that it refuses.
    `at`: what the clock of its API server said meanwhile, in whole seconds; None: nothing.
    `chosen`: what became of the add-ons that were asked for. `serving`: its certificate; None: nobody saw it."""

    version: str
    nodes: tuple[Node, ...] = ()
    addons: tuple[Addon, ...] = ()
    etcd: tuple[EtcdMember, ...] | None = None
    obstacles: tuple[ClusterObstacle, ...] | None = None
    pods: PodsSeen | None = None
    refused: tuple[str, ...] = ()
    at: datetime | None = None
    chosen: tuple[ChosenSeen, ...] = ()
    serving: Serving | None = None

    @property
    def on_nodes(self) -> bool:
        """Whether all that is to run on every node does."""
        return all(addon.on_nodes for addon in self.addons)

    def node(self, name: str) -> Node | None:
        """The node of that name, or None."""
        return next((n for n in self.nodes if n.name == name), None)

    def by_our_clock(self, before: datetime, after: datetime) -> "KubeState":
        """With all its moments by our clock instead of the cluster's. It was read between these two of ours."""
        if self.at is None:
            return self
        ahead = clocks.ahead(self.at, before, after, within=clocks.HTTP_DATE)
        return replace(self, nodes=tuple(node.earlier(ahead) for node in self.nodes)) if ahead else self
