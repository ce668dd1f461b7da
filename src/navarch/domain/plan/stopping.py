"""How a cluster is stopped: pods are given time to end in order, then workers are switched off, then the control plane.
Starting needs no story: what is off and wanted is switched on; what was off for so long that it could not become a node
is lost (`domain.health`)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, Infrastructure
from navarch.domain.observed import Observed
from navarch.domain.plan.decisions import Decisions
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import EmptyNode, NotePower, Step

_ON = frozenset({Existence.RUNNING, Existence.CHANGING, Existence.BUILDING, Existence.UNKNOWN, Existence.LEAVING})


def stop(
    cluster: Cluster, decided: Decisions, observed: Observed, cloud: Infrastructure, now: datetime
) -> Iterator[Step]:
    """The next steps of a cluster that is to stop. Pods are ended, not evicted: there is nowhere to go."""
    since = decided.power.since or cluster.created_at  # nothing said since then that it is to run
    workers = [c for c in decided.checkups if c.machine.role is Role.WORKER]
    staying = set(decided.staying)
    for checkup in workers:
        if checkup.view.existence is Existence.RUNNING and checkup in staying:
            yield from _end(checkup, since + _patience(cluster, checkup), observed, cloud, now)
    if any(c.view.existence in _ON for c in workers):
        return
    for checkup in decided.checkups:
        if checkup.machine.role is Role.CONTROL_PLANE and checkup.view.existence is Existence.RUNNING:
            yield from cloud.stop(checkup.machine)


def note(decided: Decisions) -> Iterator[Step]:
    """Since when a machine is off with its cluster; and that it is a node again."""
    for checkup in decided.checkups:
        is_off, known = checkup.view.existence is Existence.STOPPED, checkup.machine.facts.off_since
        if not decided.running and is_off and known is None and checkup.machine.joined:
            yield NotePower(checkup.name, on=False)
        elif decided.running and known is not None and checkup.state is State.READY:
            yield NotePower(checkup.name, on=True)


def is_off(checkups: tuple[Checkup, ...]) -> bool:
    """Whether nothing of a cluster runs any more."""
    return not any(c.view.existence in _ON for c in checkups)


def _end(
    checkup: Checkup, deadline: datetime, observed: Observed, cloud: Infrastructure, now: datetime
) -> Iterator[Step]:
    """The next step of a worker that runs. Until the deadline nobody is cut off."""
    node = checkup.node
    if now >= deadline:
        yield from cloud.stop(checkup.machine)
    elif checkup.state is State.LEAVING or observed.kube is None:
        return
    elif node is not None and node.ready and not node.drained:
        yield EmptyNode(checkup.name, deadline, evict=False)
    else:
        yield from cloud.stop(checkup.machine)


def _patience(cluster: Cluster, checkup: Checkup) -> timedelta:
    group = cluster.group(checkup.machine.group)
    return timedelta(seconds=group.spec.drain_timeout_seconds if group is not None else 0)
