"""Whether a cluster runs now, and how it is stopped: pods are given time to end in order, then workers are switched
off, then the control plane. Starting needs no story: what is off and wanted is switched on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain.calendar import last_edge, next_edge
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, Infrastructure
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import EmptyNode, Step


@dataclass(frozen=True, slots=True)
class Power:
    """`running`: whether the cluster is to run now; `since` when that was said or the schedule came to it (None: it was
    never otherwise); `until` when its schedule changes it (None: never)."""

    running: bool
    since: datetime | None = None
    until: datetime | None = None


def power(cluster: Cluster, now: datetime) -> Power:
    """What a cluster's spec says of now: the last of what a person said and what the schedule came to."""
    spec = cluster.spec
    if spec.schedule is None:
        return Power(spec.running, spec.running_since)
    said, came, coming = (
        spec.running_since or cluster.created_at,
        last_edge(spec.schedule, now),
        next_edge(spec.schedule, now),
    )
    follows = coming.at if coming is not None else None
    if came is None or came.at <= said:
        return Power(spec.running, spec.running_since, follows)
    return Power(came.running, came.at, follows)


def stop(
    cluster: Cluster,
    checkups: tuple[Checkup, ...],
    observed: Observed,
    cloud: Infrastructure,
    since: datetime,
    now: datetime,
) -> Iterator[Step]:
    """The next steps of a cluster that is to stop since then. Pods are ended, not evicted: there is nowhere to go."""
    workers = [c for c in checkups if c.machine.role is Role.WORKER]
    for checkup in workers:
        if checkup.view.existence is not Existence.RUNNING:
            continue
        in_time = now < since + _patience(cluster, checkup)
        if in_time and (checkup.state is State.LEAVING or observed.kube is None):
            continue
        node = checkup.node
        if in_time and node is not None and node.ready and not node.drained:
            yield EmptyNode(checkup.name, since + _patience(cluster, checkup), evict=False)
        else:
            yield from cloud.stop(checkup.machine)
    if any(c.view.existence in _ON for c in workers):
        return
    for checkup in checkups:
        if checkup.machine.role is Role.CONTROL_PLANE and checkup.view.existence is Existence.RUNNING:
            yield from cloud.stop(checkup.machine)


def is_off(checkups: tuple[Checkup, ...]) -> bool:
    """Whether nothing of a cluster runs any more."""
    return all(c.view.existence in (Existence.STOPPED, Existence.ABSENT, Existence.FAILED) for c in checkups)


_ON = frozenset({Existence.RUNNING, Existence.CHANGING, Existence.BUILDING, Existence.UNKNOWN, Existence.LEAVING})


def _patience(cluster: Cluster, checkup: Checkup) -> timedelta:
    group = cluster.group(checkup.machine.group)
    return timedelta(seconds=group.spec.drain_timeout_seconds if group is not None else 0)
