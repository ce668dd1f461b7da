"""The places of the control plane: one machine each, never two of them changed at once.

A place keeps its address and its etcd volume; its machine is replaced. What is taken away must leave a quorum of etcd,
asked of the members themselves each time, never remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from navarch.domain import names
from navarch.domain.health import Checkup, State
from navarch.domain.kube import EtcdMember
from navarch.domain.machines import Departure, Machine, MachineTemplate, outdated, successor_facts
from navarch.domain.observed import Observed, Record
from navarch.domain.plan.node_groups import Leaver, failure_of
from navarch.domain.spec import Cluster, Owner, Role, zone_of
from navarch.domain.steps import RecordMachine, ReleaseMachine, Step


@dataclass(frozen=True, slots=True)
class Places:
    """What becomes of the control plane now. `make`: places that get a machine; `take`: machines that go; `outdated`:
    those that are no longer as wanted, with the reason; `waits`: why nothing is taken though something has to go;
    `stopped`: the new machine because of which nothing more of them is."""

    make: tuple[int, ...] = ()
    take: tuple[Leaver, ...] = ()
    outdated: tuple[tuple[Checkup, str], ...] = ()
    waits: str = ""
    stopped: str = ""


def places(
    cluster: Cluster,
    template: MachineTemplate,
    checkups: tuple[Checkup, ...],
    observed: Observed,
    now: datetime,
    *,
    held: bool = False,
) -> Places:
    """Of one cluster. `held`: what is outdated stays for now."""
    control_plane = cluster.spec.control_plane
    mine = tuple(c for c in checkups if c.machine.role is Role.CONTROL_PLANE)
    make = _vacant(cluster, mine, observed)
    gone = tuple((c, Departure.REPAIR, c.why) for c in mine if c.state is State.LOST and c.gone)
    reasons = {c.name: outdated(c.machine, template, _zone(cluster, c.machine)) for c in mine}
    old = tuple((c, reasons[c.name]) for c in mine if reasons[c.name] and c.state is not State.LEAVING and not c.gone)
    stopped = failure_of((c for c in mine if not reasons[c.name]), now) if old else ""
    if gone or make:
        return Places(make, gone, old, stopped=stopped)
    candidates = _candidates(control_plane.replicas, mine, () if held else old, observed)
    if not candidates:
        return Places(outdated=old, stopped=stopped)
    first = candidates[0]
    for_good = first[0].machine.serial >= control_plane.replicas
    waits = _in_the_way(first[0], mine, observed, for_good=for_good)
    return Places((), () if waits else (first,), old, waits, stopped)


def decisions(
    owner: Owner, cluster: Cluster, template: MachineTemplate, record: Record, plan: Places, *, held: bool = False
) -> Iterator[Step]:
    """What is written down of it. `held`: no machine is to become another version now."""
    for checkup, departure, why in plan.take:
        yield ReleaseMachine(checkup.name, departure, why)
    for place in plan.make:
        name, zone = names.control_plane_machine(owner, place), zone_of(cluster.spec.control_plane.zones, place)
        made_from = _as_before(record, name, template) if held else template
        yield RecordMachine(name, Role.CONTROL_PLANE, names.CONTROL_PLANE_GROUP, place, zone, made_from)


def serving(machines: tuple[Machine, ...], observed: Observed) -> frozenset[str]:
    """Names of the machines that the API's balancer sends requests to: those that have joined and are not leaving. The
    first machines of a cluster are sent requests from the start, and the only one always: there is no other."""
    mine = [m for m in machines if m.role is Role.CONTROL_PLANE]
    if len(mine) == 1:
        return frozenset(m.name for m in mine)
    nodes = {n.name for n in observed.kube.nodes} if observed.kube is not None else {m.name for m in mine}
    found = set()
    for machine in mine:
        is_first = not any(m.joined_at is not None and m.joined_at < machine.created_at for m in mine)
        if (machine.name in nodes) if machine.removing else (machine.joined or is_first):
            found.add(machine.name)  # one that leaves is drained through it first
    return frozenset(found)


def _as_before(record: Record, name: str, template: MachineTemplate) -> MachineTemplate:
    """What a place gets whose machine was lost meanwhile: the release that it had."""
    before = record.machine(name)
    lost = before is not None and before.departure is Departure.REPAIR
    return replace(template, release=before.template.release) if before is not None and lost else template


def _zone(cluster: Cluster, machine: Machine) -> tuple[str, ...]:
    zones = cluster.spec.control_plane.zones
    return (zone_of(zones, machine.serial),) if zones else ()


def _vacant(cluster: Cluster, mine: tuple[Checkup, ...], observed: Observed) -> tuple[int, ...]:
    """Places that get a machine now. One whose etcd member waits on its volume gets it at once, and so do all of a new
    cluster; a new member only when all others are well, and one after the other."""
    owner, taken = names.owner(cluster), {c.machine.serial for c in mine}
    vacant = [place for place in range(cluster.spec.control_plane.replicas) if place not in taken]
    machines = observed.record.machines
    if not any(m.joined for m in machines if m.role is Role.CONTROL_PLANE):
        return tuple(vacant)
    waiting = [p for p in vacant if successor_facts(machines, names.control_plane_machine(owner, p)).member_volume_id]
    if waiting or not vacant:
        return tuple(waiting)
    return tuple(vacant[:1]) if all(c.state is State.READY for c in mine) else ()


def _candidates(
    replicas: int, mine: tuple[Checkup, ...], old: tuple[tuple[Checkup, str], ...], observed: Observed
) -> list[Leaver]:
    """Machines that have to go, first the one that goes first: the lost, those of places that are too many, the
    outdated. The leader of etcd is the last of its kind."""
    lost = [(c, Departure.REPAIR, c.why) for c in mine if c.state is State.LOST]
    staying = [c for c in mine if c.state not in (State.LOST, State.LEAVING)]
    extra = sorted((c for c in staying if c.machine.serial >= replicas), key=lambda c: -c.machine.serial)
    many = [(c, Departure.SCALE_DOWN, f"the control plane is to have {replicas} machines") for c in extra]
    etcd = (observed.kube.etcd if observed.kube is not None else None) or ()
    leaders = {m.name for m in etcd if m.leader}
    ordered = sorted(old, key=lambda pair: (pair[0].name in leaders, pair[0].machine.serial))
    replaced = [(c, Departure.ROLLOUT, why) for c, why in ordered if c.state is not State.LOST and c not in extra]
    return lost + many + replaced


def _in_the_way(leaver: Checkup, mine: tuple[Checkup, ...], observed: Observed, *, for_good: bool) -> str:
    """Why this machine may not be taken away now; empty: it may. `for_good`: its member leaves etcd before it goes."""
    if observed.kube is None:
        return "the Kubernetes API does not answer"
    busy = [c.name for c in mine if c is not leaver and c.state is not State.READY and not _waits_for(c, leaver)]
    if busy:
        return f"{', '.join(busy)} of the control plane must be Ready first"
    return "" if len(mine) == 1 else quorum_without(leaver.name, observed, for_good=for_good)


def _waits_for(checkup: Checkup, leaver: Checkup) -> bool:
    """Whether a machine that is to go still runs as a member, until the lost one is one again (`plan.leaving`)."""
    return leaver.state is State.LOST and checkup.state is State.LEAVING and checkup.runs


def quorum_without(name: str, observed: Observed, *, for_good: bool) -> str:
    """Why etcd cannot do without this machine now, by what its members say; empty: it can. `for_good`: its member
    leaves etcd before it goes."""
    if observed.kube is None or observed.kube.etcd is None:
        return "the members of etcd could not be asked"
    return _quorum_without(name, observed.kube.etcd, for_good=for_good)


def _quorum_without(name: str, members: tuple[EtcdMember, ...], *, for_good: bool) -> str:
    learners = [m.name for m in members if m.learner and m.name != name]
    if learners:
        return f"{', '.join(learners)} must become a full member of etcd first"
    voters = [m for m in members if not m.learner]
    healthy = [m.name for m in voters if m.healthy]
    if for_good and len(healthy) <= len(voters) // 2:
        return "etcd has no quorum that could agree on it"
    left = len(healthy) - (name in healthy)
    needed = (len(voters) - for_good) // 2 + 1
    return "" if left >= needed else f"etcd would have {left} of the {needed} members that it needs"
