"""Node groups whose number is Navarch's, and when their cluster's pods are to be looked at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain.autoscaling.down import goes_at
from navarch.domain.autoscaling.memory import Memory
from navarch.domain.spec import Autoscaling, Cluster, NodeGroup

_ALL_PODS_EVERY = timedelta(seconds=60)  # what waits is asked for at every look, what runs only so often
_ALL_PODS_AT_MOST_EVERY = timedelta(seconds=5)  # also where machines are to go, some after the others


@dataclass(frozen=True, slots=True)
class Scaled:
    """A node group, and the limits within which its number is Navarch's."""

    group: NodeGroup
    limits: Autoscaling

    @property
    def name(self) -> str:
        """The group's."""
        return self.group.name

    @property
    def replicas(self) -> int:
        """How many machines it is to have now."""
        return self.group.spec.replicas


def autoscaled(cluster: Cluster) -> dict[str, Scaled]:
    """Groups by name."""
    groups = (g for g in cluster.node_groups if g.deletion_requested_at is None)
    return {g.name: Scaled(g, limits) for g in groups if (limits := g.spec.autoscaling) is not None}


def asks_for_pods(cluster: Cluster) -> bool:
    """Whether something hangs on pods."""
    return bool(autoscaled(cluster)) and not (cluster.deleting or cluster.spec.paused)


def counts_pods(cluster: Cluster) -> bool:
    """Whether a machine may come or go because pods went or came: one may go, or room is to be kept free."""
    return any(each.replicas > each.limits.min or each.limits.spare.replicas for each in autoscaled(cluster).values())


def all_pods_due(cluster: Cluster, memory: Memory | None, seen_at: datetime) -> datetime:
    """When all pods are to be looked at, that were last seen then: sooner where the time of a machine is over that is
    not needed, and where a group is to keep other room free than it was."""
    groups, memory = autoscaled(cluster), memory or Memory()
    over = [goes_at(u.since, groups[u.group].limits, memory.grown_at) for u in memory.unneeded if u.group in groups]
    regularly, soonest = seen_at + _ALL_PODS_EVERY, seen_at + _ALL_PODS_AT_MOST_EVERY
    wanted = {(name, each.limits.spare) for name, each in groups.items() if each.limits.spare.replicas}
    if wanted != {(one.group, one.spare) for one in memory.spare}:
        return soonest  # what is to be kept free was changed since
    return min(regularly, max(soonest, min(over, default=regularly)))
