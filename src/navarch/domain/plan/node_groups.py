"""How many machines each node group has, and which of them go: what is lost is replaced, what is no longer as wanted is
replaced bit by bit, what is too much goes.

Read `turnover` from top to bottom: it is the one place that decides to take workers away. What is under way is what is
seen, never a note of it: whoever plans next decides the same.

    lost       another takes its place, unless so many are lost that something else must be wrong: the brake
    outdated   one new machine is made and looked at, then as many at once as the group allows
    too many   go in an order that the docs state
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain import names
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence
from navarch.domain.machines import BOOT_DEADLINE, Departure, MachineTemplate, outdated, outdated_by_more
from navarch.domain.observed import Record
from navarch.domain.plan.machines import LATE_SERVER_IS_KEPT
from navarch.domain.shares import share
from navarch.domain.spec import NodeGroup, Owner, Role, surge
from navarch.domain.steps import KeepMachine, RecordMachine, ReleaseMachine, Step

Leaver = tuple[Checkup, Departure, str]
"""A machine that goes, what for, and why in words."""

_UNWELL_AT_LEAST = 2  # so many may be unwell in any group: a small share of a small group would hold every repair


@dataclass(frozen=True, slots=True)
class Turnover:
    """What becomes of a group's machines now.

    `make`: how many more there are to be; `take`: those that go; `keep`: those that are given up and kept for a look.
    `outdated`: those that are no longer as wanted, with the reason. `brake`: why lost machines are not replaced;
    `stopped`: why the rollout goes no further. Empty: nothing does.
    """

    make: int = 0
    take: tuple[Leaver, ...] = ()
    keep: tuple[Checkup, ...] = ()
    outdated: tuple[tuple[Checkup, str], ...] = ()
    brake: str = ""
    stopped: str = ""


def turnover(
    group: NodeGroup,
    template: MachineTemplate,
    checkups: tuple[Checkup, ...],
    now: datetime,
    *,
    soak: timedelta = timedelta(),
    held: bool = False,
    shut: bool = False,
) -> Turnover:
    """Of one group. `template`: what new machines are made from; `soak`: for how long the first one of them is looked
    at; `held`: what is outdated stays for now; `shut`: what is outdated by its version or image alone does."""
    all_of_it = tuple(c for c in checkups if c.machine.group == group.name)
    mine = tuple(c for c in all_of_it if c.state is not State.KEPT)
    brake = _brake(group, mine)
    reasons = {c.name: outdated(c.machine, template, group.spec.zones) for c in mine if c.state is not State.LEAVING}
    shown = [c for c in mine if any(reasons.values()) and not reasons.get(c.name, "") and _never_served(c, now)]
    lost = [c for c in mine if c.state is State.LOST and not (brake and c.runs) and c not in shown]
    room_to_look = group.spec.keep_failed_machines.count - (len(all_of_it) - len(mine))
    keep = [c for c in lost if not c.gone][: max(0, room_to_look)]
    take: list[Leaver] = [(c, Departure.REPAIR, c.why) for c in lost if c not in keep]
    take += [
        (c, Departure.REPAIR, "it was looked at for long enough") for c in all_of_it if _is_looked_at(c, group, now)
    ]

    staying = [c for c in mine if c.state is not State.LEAVING and c not in lost]
    old = [c for c in staying if reasons[c.name]]
    new = [c for c in staying if not reasons[c.name]]
    stopped = failure_of(new, now) if old else ""
    going = [c for c in old if not shut or outdated_by_more(c.machine, template, group.spec.zones)]
    coming = new if going else [c for c in new if not c.serves]  # a rollout has more for a while
    in_advance = min(len(coming), surge(group.spec)) if old and group.wanted else 0
    too_many = _first_to_go(staying, len(staying) - group.wanted - in_advance, {c.name for c in old})
    take += [(c, Departure.SCALE_DOWN, "it is not needed any longer") for c in too_many]
    replaced = [c for c in mine if c.machine.departure is Departure.ROLLOUT and _may_exist(c)]  # they still take room
    make = group.wanted - len(staying) - max(0, len(replaced) - surge(group.spec))
    if going and group.wanted and not (held or stopped or brake):
        old, new = [c for c in old if c not in too_many], [c for c in new if c not in too_many]
        going = [c for c in going if c not in too_many]
        proven = any(_is_proven(c, soak, now) for c in new)
        existing = len([c for c in mine if c.state is not State.LEAVING or _may_exist(c)])
        lacking = len(going) + group.wanted - len(old) - len(new)
        make = max(make, _more(group, lacking, existing, len(new), proven=proven))
        first = not proven and not new and len(staying) >= group.wanted
        ready = len([c for c in old if c.state is State.READY]) + len([c for c in new if c.serves])
        take += [
            (c, Departure.ROLLOUT, reasons[c.name]) for c in _replaced(group, going, ready, proven=proven, first=first)
        ]
    left = tuple((c, reasons[c.name]) for c in going)
    brakes = going or any(c.state is State.LOST and c not in lost for c in mine)  # else it holds nothing up
    return Turnover(max(0, make), tuple(take), tuple(keep), left, brake if brakes else "", stopped)


def decisions(
    owner: Owner, group: NodeGroup, template: MachineTemplate, record: Record, plan: Turnover
) -> Iterator[Step]:
    """What is written down of it."""
    for checkup in plan.keep:
        yield KeepMachine(checkup.name, checkup.why)
    for checkup, departure, why in plan.take:
        yield ReleaseMachine(checkup.name, departure, why)
    going = {c.name for c, _, _ in plan.take} | {c.name for c in plan.keep}
    staying = [m for m in record.live if m.group == group.name and not m.removing and m.name not in going]
    machines = Counter(dict.fromkeys(group.spec.zones, 0) | Counter(m.zone for m in staying if m.kept_at is None))
    last = max((m.serial for m in record.machines if m.group == group.name), default=0)
    for serial in range(last + 1, last + 1 + plan.make):
        zone = min(group.spec.zones, key=lambda z: machines[z])
        machines[zone] += 1
        yield RecordMachine(
            names.worker_machine(owner, group.name, serial), Role.WORKER, group.name, serial, zone, template
        )


def _brake(group: NodeGroup, machines: tuple[Checkup, ...]) -> str:
    """Why nothing that runs is taken away from the group now: too much of it is not well, what is being replaced
    included. What the cloud itself calls gone or failed is no reason for doubt, and is replaced."""
    unwell = [c for c in machines if _is_called_unwell(c) or _is_repaired(c)]
    limit = max(_UNWELL_AT_LEAST, share(group.spec.max_unhealthy, group.wanted))
    if len(unwell) <= limit:
        return ""
    names_of_them = ", ".join(c.name for c in unwell)
    return f"of {group.name}, {len(unwell)} of {group.wanted} are not well, more than {limit}: {names_of_them}"


def _is_called_unwell(checkup: Checkup) -> bool:
    """Whether Kubernetes says so of a machine that the cloud says runs. Of one whose node nobody could ask for it says
    nothing."""
    if not checkup.runs:
        return False
    return checkup.state is State.LOST or (checkup.state is State.UNREADY and checkup.node is not None)


def _may_exist(checkup: Checkup) -> bool:
    """Whether a machine takes room in the cloud, or may: what could not be read is never taken for absent."""
    return checkup.view.existence is not Existence.ABSENT


def _is_looked_at(checkup: Checkup, group: NodeGroup, now: datetime) -> bool:
    """Whether a machine that was kept for a look has been for as long as its group says."""
    since, hours = checkup.machine.kept_at, group.spec.keep_failed_machines.hours
    return checkup.state is State.KEPT and since is not None and now - since >= timedelta(hours=hours)


def _is_repaired(checkup: Checkup) -> bool:
    leaves = checkup.state is State.LEAVING and checkup.machine.departure is Departure.REPAIR
    return leaves and _may_exist(checkup) and checkup.view.existence is not Existence.FAILED


def _never_served(checkup: Checkup, now: datetime) -> bool:
    """Whether a new machine joined, and was given up before its node was Ready. In a rollout it stands there for people
    to see what stopped it, as long as one that does not even join; then another is tried."""
    given_up = checkup.state is State.LOST and checkup.runs
    starting = checkup.node is not None and checkup.node.starting
    return given_up and starting and now - checkup.machine.created_at < BOOT_DEADLINE + LATE_SERVER_IS_KEPT


def failure_of(new: Iterable[Checkup], now: datetime) -> str:
    """Which new machine does not become what the old ones are; empty: none that is known of."""
    for checkup in new:
        machine = checkup.machine
        if _never_served(checkup, now):
            return f"the new machine {machine.name} joined, and its node did not become Ready: {checkup.why}"
        if checkup.state is not State.COMING:
            continue
        failed = machine.failed_since(checkup.view.created_at)
        if failed is not None:
            return f"the new machine {machine.name} failed in step {failed.step}"
        if checkup.view.existence is Existence.FAILED:
            fault = checkup.view.fault or "no reason given"
            return f"the cloud could not build the new machine {machine.name}: {fault}"
        if now - machine.created_at > BOOT_DEADLINE:
            return f"the new machine {machine.name} did not become a node"
    return ""


def _is_proven(checkup: Checkup, soak: timedelta, now: datetime) -> bool:
    """Whether a machine serves, and has been Ready for long enough to be trusted."""
    became_ready = checkup.node.since if checkup.node is not None else None
    moments = (since for since in (checkup.machine.joined_at, became_ready) if since is not None)
    return checkup.serves and all(now - since >= soak for since in moments)


def _more(group: NodeGroup, lacking: int, existing: int, new: int, *, proven: bool) -> int:
    """How many new machines may be made beside the old ones, of which `lacking` have no successor yet. Those that are
    leaving still take room in the cloud."""
    room = min(group.wanted + surge(group.spec) - existing, lacking)
    return room if proven else min(room, 1 - new)


def _replaced(group: NodeGroup, old: list[Checkup], ready: int, *, proven: bool, first: bool) -> list[Checkup]:
    """Which of these old machines go now: what never joined at once, the others as far as enough stay Ready of the
    `ready` that there are. `first`: nothing new was made yet."""
    free = [c for c in old if c.state is State.COMING or (proven and c.state is not State.READY)]
    waiting = [c for c in old if c not in free]
    spare = ready - group.wanted + share(group.spec.max_unavailable, group.wanted)
    if not proven:  # the first new one has to have room somewhere; all others wait for it
        spare = min(spare, 1) if first and surge(group.spec) == 0 else 0
    return free + _first_to_go(waiting, spare)


def _first_to_go(machines: list[Checkup], count: int, old: frozenset[str] | set[str] = frozenset()) -> list[Checkup]:
    """So many of them: those that people marked, that never joined, that are not Ready, that are cordoned, that are
    outdated, then of the zone with the most, those with the fewest pods to move, the youngest."""
    left, going = list(machines), []
    for _ in range(min(count, len(left))):
        zones = Counter(c.machine.zone for c in left)
        first = min(left, key=lambda c: _precedence(c, zones, c.name in old))
        left.remove(first)
        going.append(first)
    return going


def _precedence(checkup: Checkup, zones: Counter[str], is_old: bool) -> tuple[bool | int, ...]:
    node, machine = checkup.node, checkup.machine
    return (
        not (node is not None and node.goes_first),
        checkup.state is not State.COMING,
        checkup.state is State.READY,
        not (node is not None and node.unschedulable),
        not is_old,
        -zones[machine.zone],
        node.evictions or 0 if node is not None else 0,
        -machine.serial,
    )
