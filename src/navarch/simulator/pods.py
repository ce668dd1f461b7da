"""Pods of a simulated cluster's users, and the disruption budgets that protect them.

Scheduler, ReplicaSets and kubelets act when somebody looks: what they would have done by then is done then.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

EVICTION_SECONDS = 3.0  # a pod's end
_START_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment. `at_least`: how many of its replicas its PodDisruptionBudget keeps available; 0: it has none."""

    name: str
    replicas: int
    at_least: int = 0


@dataclass(slots=True)
class _Pod:
    workload: Workload
    number: int
    node: str = ""  # empty: Pending
    starts: float = 0.0
    ends: float | None = None

    def available(self, now: float) -> bool:
        return bool(self.node) and self.ends is None and now >= self.starts + _START_SECONDS


class Pods:
    """All of one cluster."""

    def __init__(self) -> None:
        self._pods: list[_Pod] = []
        self._made = 0
        self.denial = ""  # what a webhook of the users' says to whoever evicts; empty: there is none
        self._forced: set[str] = set()

    @property
    def workloads(self) -> frozenset[Workload]:
        """Those that have pods."""
        return frozenset(pod.workload for pod in self._pods)

    def wish(self, workload: Workload) -> None:
        """A user makes a Deployment."""
        for _ in range(workload.replicas):
            self._make(workload)

    def settle(self, now: float, nodes: Collection[str], open_to_pods: Collection[str]) -> None:
        """What ended is gone, what was on a node that is gone is made anew, and what waits is placed."""
        for pod in tuple(self._pods):
            is_lost = bool(pod.node) and pod.node not in nodes
            if is_lost or (pod.ends is not None and now >= pod.ends):
                self._pods.remove(pod)
                if pod.ends is None:
                    self._make(pod.workload)
        load = Counter(pod.node for pod in self._pods)
        for pod in self._pods:
            if not pod.node and open_to_pods:
                pod.node, pod.starts = min(open_to_pods, key=lambda node: (load[node], node)), now
                load[pod.node] += 1

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

    def _make(self, workload: Workload) -> None:
        self._made += 1
        self._pods.append(_Pod(workload, self._made))
