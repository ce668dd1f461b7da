"""What a change does to a cluster's machines, before it is asked for: which ones, how many, and for about how long.

Pure. It counts by the rules that the plan goes by (`outdated`, `turnover`, the places of the control plane); how nodes
are is not known here, so that what goes first at a scale-down may be another one than is named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from statistics import median

from navarch.domain import names
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, MachineView
from navarch.domain.machines import Departure, Machine, outdated
from navarch.domain.maintenance import is_shut, is_shut_out, wanted_now
from navarch.domain.plan.node_groups import turnover
from navarch.domain.plan.power import power
from navarch.domain.shares import share
from navarch.domain.spec import Cluster, NodeGroup, Role, surge, zone_of

USUAL_SECONDS = 120.0  # from asking for a machine to its having joined, in a cluster that did not make one yet


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from asking for a machine to its having joined: the median of those that the cluster made. `measured`:
    that is known of this cluster; False: USUAL_SECONDS."""

    control_plane: float = USUAL_SECONDS
    worker: float = USUAL_SECONDS
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """Names of machines. `created`: more than before; `replaced`: another takes its place; `removed`: none does;
    `drained`: its pods move, or end; `started`, `stopped`: switched on or off. `seconds`: about how long that takes,
    beside what pods take to leave; None: it hangs on them alone. `pace`: what that was reckoned with. `waits`: why it
    is not begun at once; empty: it is."""

    created: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    seconds: float | None = None
    pace: Pace = Pace()
    waits: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """Of the control plane, or of one node group."""

    created: tuple[str, ...]
    replaced: tuple[Machine, ...]
    removed: tuple[Machine, ...]
    seconds: float

    @property
    def going(self) -> tuple[Machine, ...]:
        """Those that leave."""
        return (*self.replaced, *self.removed)


def impact(was: Cluster, after: Cluster, machines: tuple[Machine, ...], now: datetime) -> Impact:
    """Of a change. `machines`: the cluster's, those that are gone among them."""
    pace, runs = pace_of(machines), power(after, now).running
    live = tuple(m for m in machines if not m.removed and not m.removing)
    parts = _parts(after, machines, pace, now)
    if runs and not power(was, now).running:
        return _start(parts, live, pace)
    if not runs and power(was, now).running:
        return _stop(after, live, pace)
    waits = is_shut(after.spec, now) and not any(part.replaced for part in parts)
    if waits:
        parts = _parts(replace(after, spec=replace(after.spec, maintenance=None)), machines, pace, now)
    counted = Impact(
        created=tuple(name for part in parts for name in part.created),
        replaced=_names(m for part in parts for m in part.replaced),
        removed=_names(m for part in parts for m in part.removed),
        drained=_names(m for part in parts for m in part.going if m.joined),
        seconds=_seconds(parts, after) or None,
        pace=pace,
    )
    if not runs:
        return replace(counted, waits="the cluster is stopped: it is done once it runs")
    if counted.replaced and after.spec.rollout_paused:
        return replace(counted, waits="the rollout is paused: nothing is replaced until it is resumed")
    if counted.replaced and waits:
        return replace(counted, waits="what Navarch itself chose to upgrade waits for the maintenance window")
    return counted


def pace_of(machines: Iterable[Machine]) -> Pace:
    """How fast a cluster's machines came to be, those that are gone among them."""
    took: dict[Role, list[float]] = {Role.CONTROL_PLANE: [], Role.WORKER: []}
    for machine in machines:
        if machine.joined_at is not None:
            took[machine.role].append(max(0.0, (machine.joined_at - machine.created_at).total_seconds()))
    everything = [*took[Role.CONTROL_PLANE], *took[Role.WORKER]]
    if not everything:
        return Pace()
    control_plane, worker = (median(took[role] or everything) for role in (Role.CONTROL_PLANE, Role.WORKER))
    return Pace(control_plane, worker, measured=True)


def _parts(after: Cluster, machines: tuple[Machine, ...], pace: Pace, now: datetime) -> tuple[_Part, ...]:
    """Of the control plane, then of each node group: what is done now, whatever waits for a window."""
    groups = (_group(after, group, machines, pace, now) for group in after.node_groups)
    return (_places(after, machines, pace, now), *groups)


def _places(after: Cluster, machines: tuple[Machine, ...], pace: Pace, now: datetime) -> _Part:
    """Of the control plane: one machine at a time."""
    spec = after.spec.control_plane
    template = wanted_now(after, names.CONTROL_PLANE_GROUP, machines, now)
    live = [m for m in machines if m.role is Role.CONTROL_PLANE and not m.removed]
    staying = [m for m in live if not m.removing and m.serial < spec.replicas]
    removed = tuple(m for m in live if not m.removing and m.serial >= spec.replicas)
    zones = {m.name: (zone_of(spec.zones, m.serial),) if spec.zones else () for m in staying}
    replaced = tuple(m for m in staying if outdated(m, template, zones[m.name]))
    vacant = sorted(set(range(spec.replicas)) - {m.serial for m in live})
    created = tuple(names.control_plane_machine(names.owner(after), place) for place in vacant)
    return _Part(created, replaced, removed, (len(created) + len(replaced)) * pace.control_plane)


def _group(after: Cluster, group: NodeGroup, machines: tuple[Machine, ...], pace: Pace, now: datetime) -> _Part:
    """Of one node group: one new machine is looked at first, then as many at once as the group allows."""
    mine = [m for m in machines if m.role is Role.WORKER and m.group == group.name]
    by_name = {m.name: m for m in mine}
    checkups = tuple(_as_if_well(m) for m in mine if not m.removed)
    template = wanted_now(after, group.name, machines, now)
    shut = is_shut(after.spec, now) and is_shut_out(after.spec, group.spec)
    turned = turnover(group, template, checkups, now, held=True, shut=shut)
    removed = tuple(by_name[c.name] for c, departure, _ in turned.take if departure is Departure.SCALE_DOWN)
    replaced = tuple(by_name[c.name] for c, _ in turned.outdated if by_name[c.name] not in removed)
    last, owner = max((m.serial for m in mine), default=0), names.owner(after)
    created = tuple(names.worker_machine(owner, group.name, last + n) for n in range(1, turned.make + 1))
    at_once = max(1, surge(group.spec) + share(group.spec.max_unavailable, group.wanted))
    rounds = 1 + ceil((len(replaced) - 1) / at_once) if replaced else min(1, len(created))
    soak = after.spec.soak_seconds if replaced else 0
    return _Part(created, replaced, removed, rounds * pace.worker + soak)


def _as_if_well(machine: Machine) -> Checkup:
    state = State.LEAVING if machine.removing else State.KEPT if machine.kept_at is not None else State.READY
    return Checkup(machine, MachineView(Existence.RUNNING), None, state)


def _seconds(parts: tuple[_Part, ...], after: Cluster) -> float:
    """The control plane first, then the groups that roll, so many side by side, while others grow."""
    places, *groups = parts
    lanes = [0.0] * after.spec.groups_at_once
    for part in (p for p in groups if p.replaced):
        lanes[lanes.index(min(lanes))] += part.seconds
    growing = max((p.seconds for p in groups if not p.replaced), default=0.0)
    return max(places.seconds + max(lanes), growing)


def _start(parts: tuple[_Part, ...], live: tuple[Machine, ...], pace: Pace) -> Impact:
    """All at once; what is outdated is replaced afterwards."""
    created = tuple(name for part in parts for name in part.created)
    started = _names(m for m in live if m.kept_at is None)
    return Impact(created=created, started=started, seconds=max(pace.control_plane, pace.worker), pace=pace)


def _stop(after: Cluster, live: tuple[Machine, ...], pace: Pace) -> Impact:
    workers = [m for m in live if m.role is Role.WORKER]
    gone = [m for m in workers if after.spec.remove_stopped_workers and m.kept_at is None]
    return Impact(
        removed=_names(gone),
        drained=_names(m for m in workers if m.joined and m.kept_at is None),
        stopped=_names(m for m in live if m not in gone),
        pace=pace,
    )


def _names(machines: Iterable[Machine]) -> tuple[str, ...]:
    return tuple(machine.name for machine in machines)
