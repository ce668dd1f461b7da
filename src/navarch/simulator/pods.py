"""Pods of a simulated cluster's users, and the disruption budgets that protect them.

Scheduler, ReplicaSets and kubelets act when somebody looks: what they would have done by then is done then.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from navarch.addons.contract import PodEvent
from navarch.domain.node_labels import CSI_ZONE
from navarch.domain.pods import (
    Amounts,
    Budget,
    NodeTerm,
    Place,
    Pod,
    PodSelector,
    PodShape,
    PodsSeen,
    Requirement,
)

EVICTION_SECONDS = 3.0  # a pod's end
_START_SECONDS = 2.0
_EVENTS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment. `at_least`: how many of its replicas its PodDisruptionBudget keeps available; 0: it has none.
    `requests`: what each of its pods asks for; `node_selector`: where they may be. `claim`: whose volume they use,
    which is made in the zone of the first of them (WaitForFirstConsumer) and holds the others there; empty: none."""

    name: str
    replicas: int
    at_least: int = 0
    requests: Amounts = ()
    node_selector: tuple[tuple[str, str], ...] = ()
    claim: str = ""

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Of its pods."""
        return (("app", self.name),)


@dataclass(frozen=True, slots=True)
class PodShown:
    """A pod as its users see it. `node`: empty while it is Pending; `told`: reason and message of its last event."""

    name: str
    node: str
    told: str


class OtherRequests(Exception):
    """A Deployment of this name is there, and its pods ask for something else; its message says so."""


@dataclass(slots=True)
class _Pod:
    workload: Workload
    number: int
    node: str = ""  # empty: Pending
    starts: float = 0.0
    ends: float | None = None

    @property
    def name(self) -> str:
        return f"default/{self.workload.name}-{self.number}"

    def available(self, now: float) -> bool:
        return bool(self.node) and self.ends is None and now >= self.starts + _START_SECONDS


class Pods:
    """All of one cluster."""

    def __init__(self) -> None:
        self._pods: list[_Pod] = []
        self._made = 0
        self.claims: dict[str, str] = {}  # those that are bound -> the zone of the volume, as nodes have it
        self.denial = ""  # what a webhook of the users' says to whoever evicts; empty: there is none
        self._forced: set[str] = set()
        self.told: deque[PodEvent] = deque(maxlen=_EVENTS_KEPT)  # Events, as they came

    @property
    def workloads(self) -> frozenset[Workload]:
        """Those that have pods."""
        return frozenset(pod.workload for pod in self._pods)

    def deploy(self, workload: Workload) -> None:
        """A user makes a Deployment, or changes the number of its replicas; without any it is gone. To change that
        alone, name and number are enough. Raises OtherRequests where there is one of the name with other pods."""
        there = next((w for w in self.workloads if w.name == workload.name), None)
        if there is None:
            self.wish(workload)
        elif workload in (replace(there, replicas=workload.replicas), Workload(workload.name, workload.replicas)):
            self.scale(workload.name, workload.replicas)
        else:
            raise OtherRequests(f"there is a {workload.name} whose pods ask for something else")

    def wish(self, workload: Workload) -> None:
        """A user makes a Deployment."""
        for _ in range(workload.replicas):
            self._make(workload)

    def scale(self, name: str, replicas: int) -> None:
        """A user, or an autoscaler of pods, changes the replicas of a Deployment: of those that are too many, the ones
        that wait go first."""
        mine = [pod for pod in self._pods if pod.workload.name == name and pod.ends is None]
        workload = replace(mine[0].workload, replicas=replicas)
        for pod in sorted(mine, key=lambda p: (bool(p.node), -p.number))[: max(0, len(mine) - replicas)]:
            self._pods.remove(pod)
        for pod in self._pods:
            if pod.workload.name == name:
                pod.workload = workload
        for _ in range(replicas - len(mine)):
            self._make(workload)

    def shown(self) -> tuple[PodShown, ...]:
        """All pods as their users see them."""
        told = {event.pod: f"{event.reason}: {event.message}" for event in self.told}
        there = [(pod.name, pod) for pod in self._pods if pod.ends is None]
        return tuple(PodShown(name, pod.node, told.get(name, "")) for name, pod in there)

    def seen(self, now: float) -> PodsSeen:
        """All pods as a look of Navarch shows them."""
        there = [(pod, self._seen(pod)) for pod in self._pods if pod.ends is None]
        protected = sorted((w for w in self.workloads if w.at_least), key=lambda w: w.name)
        return PodsSeen(
            waiting=tuple(seen for pod, seen in there if not pod.node),
            all=True,
            placed=tuple(seen for pod, seen in there if pod.node),
            budgets=tuple(
                Budget(w.name, "default", _selector(w), max(0, self.available(w.name, now) - w.at_least))
                for w in protected
            ),
            count=len(there),
        )

    def settle(
        self,
        now: float,
        nodes: Collection[str],
        open_to_pods: Collection[str],
        machines: Mapping[str, tuple[Mapping[str, str], Amounts]] | None = None,
    ) -> None:
        """What ended is gone, what was on a node that is gone is made anew, and what waits is placed. `machines`: the
        labels and the allocatable of each node; None: pods fit everywhere."""
        for pod in tuple(self._pods):
            is_lost = bool(pod.node) and pod.node not in nodes
            if is_lost or (pod.ends is not None and now >= pod.ends):
                self._pods.remove(pod)
                if pod.ends is None:
                    self._make(pod.workload)
        load = Counter(pod.node for pod in self._pods)
        used: dict[str, Counter[str]] = {node: Counter() for node in nodes}
        for pod in self._pods:
            if pod.node:
                used[pod.node].update(dict(pod.workload.requests))
        for pod in [p for p in self._pods if not p.node]:
            fits = [n for n in open_to_pods if machines is None or self._fits(pod, used[n], load[n], *machines[n])]
            if fits:
                pod.node, pod.starts = min(fits, key=lambda node: (load[node], node)), now
                if pod.workload.claim and machines is not None:
                    self.claims.setdefault(pod.workload.claim, machines[pod.node][0][CSI_ZONE])
                load[pod.node] += 1
                used[pod.node].update(dict(pod.workload.requests))

    def on(self, node: str) -> int:
        """How many are on a node, those that are ending among them."""
        return sum(1 for pod in self._pods if pod.node == node)

    def running_on(self, node: str) -> int:
        """How many are on a node, and nobody ended."""
        return sum(1 for pod in self._pods if pod.node == node and pod.ends is None)

    def take_forced(self) -> set[str]:
        """Nodes on which pods were ended since, though something protected them."""
        forced, self._forced = self._forced, set()
        return forced

    def available(self, name: str, now: float) -> int:
        """How many replicas of a workload serve."""
        return sum(1 for pod in self._pods if pod.workload.name == name and pod.available(now))

    def evict(self, node: str, now: float, *, forced: bool) -> tuple[str, ...]:
        """Evict a node's pods as far as their budgets let them go; the others, each with why not. `forced`: end them
        whatever protects them."""
        held = []
        for pod in [p for p in self._pods if p.node == node and p.ends is None]:
            left = self.available(pod.workload.name, now) - pod.available(now)
            is_protected = bool(self.denial) or left < pod.workload.at_least
            if is_protected and forced:
                self._forced.add(node)
            if is_protected and not forced:
                why = self.denial or "Cannot evict pod as it would violate the pod's disruption budget."
                held.append(f"default/{pod.workload.name}-{pod.number}: {why}")
                continue
            pod.ends = now + EVICTION_SECONDS
            self._make(pod.workload)
        return tuple(held)

    def _fits(self, pod: _Pod, used: Counter[str], pods: int, labels: Mapping[str, str], allocatable: Amounts) -> bool:
        """Whether it has room on a node, where its volume is or can be made."""
        workload, has = pod.workload, dict(allocatable)
        if any(labels.get(key) != value for key, value in workload.node_selector) or pods >= has.get("pods", 0):
            return False
        if any(not any(r.holds(labels) for r in term.labels) for place in self._places(pod) for term in place.terms):
            return False
        return all(used[name] + amount <= has.get(name, 0) for name, amount in workload.requests)

    def _places(self, pod: _Pod) -> tuple[Place, ...]:
        """Where its volume is; one that is to be made, is made on any machine with the plugin."""
        if not pod.workload.claim:
            return ()
        zone = self.claims.get(pod.workload.claim)
        if zone is None:
            anywhere = NodeTerm((Requirement(CSI_ZONE, "Exists"),))
            return (Place((anywhere,), "node(s) didn't find available persistent volumes to bind"),)
        there = NodeTerm((Requirement(CSI_ZONE, "In", (zone,)),))
        return (Place((there,), "node(s) didn't match PersistentVolume's node affinity"),)

    def _seen(self, pod: _Pod) -> Pod:
        workload = pod.workload
        shape = PodShape(
            "default", workload.labels, workload.requests, workload.node_selector, places=self._places(pod)
        )
        return Pod(pod.name, shape, pod.node)

    def _make(self, workload: Workload) -> None:
        self._made += 1
        self._pods.append(_Pod(workload, self._made))


def _selector(workload: Workload) -> PodSelector:
    return PodSelector(tuple(Requirement(key, "In", (value,)) for key, value in workload.labels))
