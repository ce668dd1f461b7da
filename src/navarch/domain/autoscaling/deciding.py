"""One look, one decision: every group's number, the machines that go, and what is remembered."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice

from navarch.domain.autoscaling import devices
from navarch.domain.autoscaling.down import Machine, scale_down
from navarch.domain.autoscaling.hindrances import backoff_in_words
from navarch.domain.autoscaling.looking import Look
from navarch.domain.autoscaling.memory import Failure, Helpless, Memory, SilentDevice, first_backoff
from navarch.domain.autoscaling.scaled import Scaled, autoscaled
from navarch.domain.autoscaling.spare import in_words, news
from navarch.domain.autoscaling.up import Growth, Up, scale_up
from navarch.domain.errors import Responsible
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence
from navarch.domain.observed import Observed
from navarch.domain.offer import Offer
from navarch.domain.outcomes import Failed, Result
from navarch.domain.pods import Pod
from navarch.domain.spec import Autoscaling, Cluster, Role

Told = tuple[str, str, str]
"""Reason, group or pod, and text of what is new, for the timeline."""
ToldPod = tuple[Pod, str, str]
"""A pod, and reason and message of the event that it gets, in upstream's words."""
_TOLD_AT_ONCE = 30  # pods


@dataclass(frozen=True, slots=True)
class Change:
    """A node group gets another number of machines. `going`: those that go with it; `zones`: of those that come with
    it, where it matters. `reason` and `message`: for the timeline."""

    group: str
    replicas: int
    reason: str
    message: str
    going: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`memory`: what to remember; `told`: what is new beside the changes; `of_pods`: what pods are told, some of them
    where many are alike."""

    changes: tuple[Change, ...]
    memory: Memory
    told: tuple[Told, ...] = ()
    of_pods: tuple[ToldPod, ...] = ()


def decide(
    cluster: Cluster, observed: Observed, memory: Memory, checkups: tuple[Checkup, ...], offer: Offer, now: datetime
) -> Decision:
    """What a look comes to. Where pods could not be read, nothing is decided that hangs on them."""
    scaled = autoscaled(cluster)
    memory, failures = _with_failures(scaled, checkups, memory, now)
    changes = [change for each in scaled.values() for change in _corrected(each, checkups, memory, now)]
    if changes or observed.kube is None or observed.kube.pods is None:
        return Decision(tuple(changes), memory, failures)
    look = Look(cluster, observed.record, observed.kube.nodes, observed.kube.pods, checkups, offer, memory, now)
    spare = look.spare() if look.pods.all else ()
    up = scale_up(
        look.room(coming=memory),
        look.waiting(),
        look.candidates(memory),
        look.pods.daemons,
        look.zones,
        cluster.spec.expander,
        spare,
    )
    told = (*failures, *_new_in(up, look.silent, memory))
    before, held = memory, up.spare if look.pods.all else memory.spare
    memory = replace(memory, helpless=up.helpless, spare=held, devices=look.silent)
    if up.growths:
        grown = tuple(_grown(scaled[growth.group], growth) for growth in _summed(up.growths))
        events = tuple(chain(_grown_for(grown, up.growths, scaled), _unhelped(up, before)))
        return Decision(grown, replace(memory, grown_at=now), told, events[:_TOLD_AT_ONCE])
    events = tuple(islice(_unhelped(up, before), _TOLD_AT_ONCE))
    if not look.pods.all:
        return Decision((), memory, told, events)
    room = look.lasting()
    down = scale_down(
        room,
        look.machines(room),
        look.placed(),
        look.pods.budgets,
        since={u.machine: u.since for u in memory.unneeded},
        may_lose={name: each.replicas - each.limits.min for name, each in scaled.items()},
        busy=any(c.state is State.LEAVING and c.machine.role is Role.WORKER for c in checkups),
        grown_at=memory.grown_at,
        now=now,
        spare=spare,
    )
    going: dict[str, list[Machine]] = {}
    for machine in down.going:
        going.setdefault(machine.group, []).append(machine)
    shrunk = tuple(_shrunk(each, going[name]) for name, each in scaled.items() if name in going)
    leaving = {name for change in shrunk for name in change.going}
    moved = (
        (p, "ScaleDown", "deleting pod for node scale down") for p in look.placed() if p.node in leaving and p.moves
    )
    events = (*events, *islice(moved, _TOLD_AT_ONCE))
    return Decision(shrunk, replace(memory, unneeded=down.unneeded, kept=down.kept), told, events)


def noticed(
    memory: Memory, cluster: Cluster, observed: Observed, results: Iterable[Result], now: datetime
) -> tuple[Memory, tuple[Told, ...]]:
    """What to remember after acting, and what is new of it: groups for whose machines the cloud had no room. A quota
    that is used up is told by the step; what Nova could not build is seen at the next look."""
    before = memory
    for result in results:
        machine = observed.record.machine(result.step.subject)
        if not isinstance(result.outcome, Failed) or machine is None:
            continue
        if machine.joined or machine.removing or machine.group not in autoscaled(cluster):
            continue
        outcome = result.outcome
        failure = Failure(f"{outcome.reason}: {outcome.message}", outcome.responsible, outcome.remedy)
        memory = _backed_off(memory, machine.group, now, failure)
    return memory, _begun(before, memory, now)


def _backed_off(memory: Memory, group: str, now: datetime, failure: Failure) -> Memory:
    """With a group that failed just now; one that is in backoff already stays in it."""
    if memory.backoff(group, now) is not None:
        return memory
    before = next((b for b in memory.backoffs if b.group == group), None)
    begun = before.again(now, failure) if before is not None else first_backoff(group, now, failure)
    return replace(memory, backoffs=(*(b for b in memory.backoffs if b.group != group), begun))


def _with_failures(
    scaled: dict[str, Scaled], checkups: tuple[Checkup, ...], memory: Memory, now: datetime
) -> tuple[Memory, tuple[Told, ...]]:
    """With the groups of which a machine could not be built, or did not come in time."""
    before = memory
    for checkup in checkups:
        of_group = scaled.get(checkup.machine.group)
        failure = _failed(checkup, of_group.limits, now) if of_group is not None else None
        if failure is not None:
            memory = _backed_off(memory, checkup.machine.group, now, failure)
    memory = replace(memory, backoffs=tuple(b for b in memory.backoffs if b.group in scaled))
    return memory, _begun(before, memory, now)


def _begun(before: Memory, after: Memory, now: datetime) -> tuple[Told, ...]:
    """The groups that are in backoff since then."""
    new = (b for b in after.backoffs if b not in before.backoffs and now < b.until)
    return tuple(("FailedToScaleUpGroup", b.group, backoff_in_words(b)) for b in new)


def _failed(checkup: Checkup, limits: Autoscaling, now: datetime) -> Failure | None:
    """Why a machine that is to come is not counted on; None: it is."""
    if checkup.state is not State.COMING:
        return None
    if checkup.view.existence is Existence.FAILED:
        return Failure(
            f"the cloud could not build {checkup.name}: {checkup.view.fault or 'no reason given'}",
            Responsible.CLOUD_OPERATOR,
            "make room for machines of this flavor, or let the group have another flavor or zone",
        )
    waited = now - checkup.machine.created_at
    if waited >= timedelta(seconds=limits.max_provision_seconds):
        return Failure(
            f"{checkup.name} did not become a node within {limits.max_provision_seconds} s",
            Responsible.NAVARCH_OPERATOR,
            "see in its boot steps, or on its console, how far it came",
        )
    return None


def _corrected(scaled: Scaled, checkups: tuple[Checkup, ...], memory: Memory, now: datetime) -> Iterator[Change]:
    """A number outside of the limits, and machines that are given up."""
    group, limits, replicas = scaled.group, scaled.limits, scaled.replicas
    within = group.spec.within_limits(replicas)
    if within != replicas:
        which = "min" if within > replicas else "max"
        yield Change(group.name, within, "ScaledToLimit", f"{group.name}: {replicas} → {within} machines, its {which}")
        return
    if memory.backoff(group.name, now) is None:
        return
    coming = [c for c in checkups if c.machine.group == group.name and c.state is State.COMING]
    # The youngest first; a server that is being built may still come.
    lost = [c for c in coming if not c.view.exists or _failed(c, limits, now)]
    lost = sorted((c for c in lost if c.view.existence is not Existence.UNKNOWN), key=lambda c: -c.machine.serial)
    # Not those that are to take the place of others: without them the group has what it is to have.
    joined = [c for c in checkups if c.machine.group == group.name and c.state in (State.READY, State.UNREADY)]
    lost = lost[: max(0, min(replicas - limits.min, replicas - len(joined)))]
    if lost:
        text = (
            f"{group.name}: {replicas} → {replicas - len(lost)} machines, given up: {', '.join(c.name for c in lost)}"
        )
        yield Change(group.name, replicas - len(lost), "GaveUpMachines", text, tuple(c.name for c in lost))


def _summed(growths: tuple[Growth, ...]) -> tuple[Growth, ...]:
    """One for each group."""
    found: dict[str, Growth] = {}
    for growth in growths:
        known = found.get(growth.group)
        if known is not None:
            helped, spare = known.helped + growth.helped, known.spare + growth.spare
            growth = Growth(growth.group, known.machines + growth.machines, helped, spare)
        found[growth.group] = growth
    return tuple(found.values())


def _grown(scaled: Scaled, growth: Growth) -> Change:
    before, why = scaled.replicas, list[str]()
    if growth.helped:
        first = growth.helped[0].name
        pods = f"pod {first} has" if growth.pods == 1 else f"{growth.pods} pods, {first} one of them, have"
        why.append(f"{pods} no place")
    if growth.spare:
        free = in_words(scaled.limits.spare)
        why.append(f"it lacks {growth.spare} of the places that it is to keep free ({free})")
    text = f"{scaled.name}: {before} → {before + growth.count} machines (max {scaled.limits.max})"
    zones = tuple(machine.zone for machine in growth.machines)
    return Change(scaled.name, before + growth.count, "TriggeredScaleUp", f"{text}: {'; '.join(why)}", zones=zones)


def _grown_for(
    changes: tuple[Change, ...], growths: tuple[Growth, ...], scaled: dict[str, Scaled]
) -> Iterator[ToldPod]:
    """For each pod the group that grows for it."""
    after = {change.group: change.replicas for change in changes}
    for growth in growths:
        of = scaled[growth.group]
        step = f"{{{growth.group} {of.replicas}->{after[growth.group]} (max: {of.limits.max})}}"
        yield from ((pod, "TriggeredScaleUp", f"pod triggered scale-up: [{step}]") for pod in growth.helped)


def _unhelped(up: Up, before: Memory) -> Iterator[ToldPod]:
    """For each pod that no group can help, why, where that is new: so many groups for each reason."""
    known = {h.verdicts for h in before.helpless}
    for helpless, pods in zip(up.helpless, up.stuck, strict=True):
        if helpless.verdicts not in known:
            reasons = Counter(v.why for v in helpless.verdicts)
            why = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "no group can be asked"
            yield from ((pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {why}") for pod in pods)


def _shrunk(scaled: Scaled, going: list[Machine]) -> Change:
    minutes, after = scaled.limits.unneeded_seconds / 60, scaled.replicas - len(going)
    names_of_them = tuple(machine.name for machine in going)
    text = f"{scaled.name}: {scaled.replicas} → {after} machines (min {scaled.limits.min}), going: "
    text += f"{', '.join(names_of_them)}, hardly used for {minutes:g} min"
    return Change(scaled.name, after, "ScaleDown", text, names_of_them)


def _new_in(up: Up, silent_now: tuple[SilentDevice, ...], before: Memory) -> Iterator[Told]:
    """Pods that no group can help, room that is to be kept free, devices that do not show."""
    yield from _untold(up.helpless, before.helpless)
    yield from news(up.spare, before.spare)
    tried = {(d.group, d.resource, d.amount, d.made_from, d.times) for d in before.devices}
    for device in silent_now:
        if (device.group, device.resource, device.amount, device.made_from, device.times) not in tried:
            yield "DeviceNotShown", device.group, devices.in_words(device)


def _untold(helpless: tuple[Helpless, ...], before: tuple[Helpless, ...]) -> tuple[Told, ...]:
    """Pods that no group can help, where that or its reasons are new."""
    known = {h.verdicts for h in before}
    return tuple(("NotTriggerScaleUp", h.pod, _helpless_text(h)) for h in helpless if h.verdicts not in known)


def _helpless_text(helpless: Helpless) -> str:
    others = f" (and {helpless.count - 1} like it)" if helpless.count > 1 else ""
    reasons = ", ".join(f"{v.group}: {v.why}" for v in helpless.verdicts) or "no group can be asked"
    return f"pod didn't trigger scale-up: {helpless.pod}{others}: {reasons}"
