"""Carrying out what autoscaling decides: before the cycle acts, so that it acts on the numbers that hold now."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from navarch.addons.contract import PodEvent
from navarch.domain import autoscaling, names
from navarch.domain.autoscaling import Change, Decision, Memory, Told
from navarch.domain.change import with_node_group
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.health import examine
from navarch.domain.machines import Departure, Machine
from navarch.domain.maintenance import made_from_now
from navarch.domain.observed import Observed, Record
from navarch.domain.offer import Offer
from navarch.domain.outcomes import Result
from navarch.domain.plan.power import power
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Event
from navarch.domain.steps import RecordMachine
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.observer import Look
from navarch.store.contract import Claim, NotFound, Stale

_GOOD_NEWS = frozenset({"SpareKept"})


def autoscale(
    dependencies: Dependencies, claim: Claim, look: Look, offer: Offer, tell: Callable[[Event], None]
) -> tuple[Claim, Look, Memory | None]:
    """The claim and the look with what was decided, and what to remember of it. A wish that was changed meanwhile is
    decided about at the next look, which follows at once. Raises LeaseLost."""
    cluster, now = claim.cluster, dependencies.clock.now()
    memory = claim.status.autoscaling
    if not autoscaling.asks_for_pods(cluster):
        return claim, look, None if not cluster.deleting and not cluster.spec.paused else memory
    powered = power(cluster, now)
    if not powered.running or claim.status.ready_at is None:
        return claim, look, memory  # it comes to be, or stops: its pods say nothing about how many machines it needs
    # What it decides from is let go afterwards: a look is remembered, and pods are many.
    cloud = infrastructure(cluster, look.observed, now)
    checkups = examine(cluster, look.observed, cloud, now, running=True, since=powered.since)
    decision = autoscaling.decide(cluster, look.observed, memory or Memory(), checkups, offer, now)
    observed, kube = look.observed, look.observed.kube
    if kube is not None and kube.pods is not None:
        observed = replace(observed, kube=replace(kube, pods=None))
    for change in decision.changes:
        try:
            cluster, observed = _written(dependencies, claim, cluster, observed, change, now)
        except (Stale, NotFound):
            return replace(claim, cluster=cluster), replace(look, observed=observed), memory
    _tell(decision.told, cluster, now, tell)
    _tell_pods(dependencies, look, decision, now)
    return replace(claim, cluster=cluster), replace(look, observed=observed), decision.memory


def remember(
    memory: Memory,
    cluster: Cluster,
    observed: Observed,
    results: tuple[Result, ...],
    now: datetime,
    tell: Callable[[Event], None],
) -> Memory:
    """What to remember of it once the cycle has acted: for which groups the cloud had no room."""
    memory, told = autoscaling.noticed(memory, cluster, observed, results, now)
    _tell(told, cluster, now, tell)
    return memory


def _tell_pods(dependencies: Dependencies, look: Look, decision: Decision, now: datetime) -> None:
    """Their Events, for whoever describes a pod. Nothing hangs on them: the timeline has it all, and metrics count the
    calls that fail."""
    if look.access is None or not decision.of_pods:
        return
    events = tuple(PodEvent(pod.name, pod.uid, reason, message, now) for pod, reason, message in decision.of_pods)
    with suppress(Temporary, Permanent):
        dependencies.addons.tell_pods(look.access.api, events)


def _tell(told: tuple[Told, ...], cluster: Cluster, now: datetime, tell: Callable[[Event], None]) -> None:
    for reason, subject, text in told:
        level = "Normal" if reason in _GOOD_NEWS else "Warning"
        tell(_event(cluster, reason, subject, text, now, level))


def _written(
    dependencies: Dependencies, claim: Claim, cluster: Cluster, observed: Observed, change: Change, now: datetime
) -> tuple[Cluster, Observed]:
    group = cluster.group(change.group)
    assert group is not None  # noqa: S101 - it was decided about
    wanted = replace(group, spec=replace(group.spec, replicas=change.replicas))
    level = "Warning" if change.reason == "GaveUpMachines" else "Normal"
    event = _event(cluster, change.reason, change.group, change.message, now, level)
    coming = _coming(cluster, change, observed.record, now)
    written = dependencies.store.scale_node_group(
        cluster.id, claim.token, wanted, going=change.going, event=event, coming=coming
    )
    observed = observed.with_record(machines=(*observed.record.machines, *coming))
    for name in change.going:
        observed = observed.with_machine(name, removing=True, removing_at=now, departure=Departure.SCALE_DOWN)
    return with_node_group(cluster, group.name, written), observed


def _coming(cluster: Cluster, change: Change, record: Record, now: datetime) -> tuple[Machine, ...]:
    """The machines that are to come in the zones that pods need; without them the plan would choose the zones."""
    machines = record.machines
    last = max((m.serial for m in machines if m.group == change.group), default=0)
    template, owner = made_from_now(cluster, change.group, machines, now), names.owner(cluster)
    steps = (
        RecordMachine(
            names.worker_machine(owner, change.group, serial), Role.WORKER, change.group, serial, zone, template
        )
        for serial, zone in enumerate(change.zones, last + 1)
    )
    return tuple(step.machine(machines, now) for step in steps)


def _event(cluster: Cluster, reason: str, subject: str, text: str, now: datetime, level: str) -> Event:
    return Event(now, reason, text, subject, level=level, generation=cluster.generation)
