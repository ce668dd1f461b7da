"""Which machines are not needed: hardly used, and all that is on them fits elsewhere, by the filters that bring some.

What has to stay where it is: pods that nothing would make anew, that have data on the machine, that say so themselves,
that a budget holds, and the system's own without a budget.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain.autoscaling.memory import Kept, Unneeded
from navarch.domain.autoscaling.placing import Room, Spot
from navarch.domain.autoscaling.spare import Places, kept_free
from navarch.domain.pods import Budget, Pod, PodShape
from navarch.domain.spec import Autoscaling

_AFTER_GROWTH = timedelta(minutes=10)  # nothing goes so soon after machines were asked for
_EMPTY_AT_ONCE = 10
_SYSTEM = "kube-system"
_SPARE = "room that its group keeps free"


@dataclass(frozen=True, slots=True)
class Machine:
    """One that may go. `stays`: why it may not whatever is on it; `waits`: why it may not now, though it counts as
    unneeded meanwhile; empty: it may. `by`: the resources by which it is told whether it is hardly used. `old`: another
    is to take its place anyway, so that it goes before others."""

    name: str
    group: str
    limits: Autoscaling
    spot: Spot
    stays: str = ""
    waits: str = ""
    by: tuple[str, ...] = ("cpu", "memory")
    old: bool = False


@dataclass(frozen=True, slots=True)
class Down:
    """`going`: machines that go now. `unneeded`: those that are not needed, and since when; `kept`: those that are
    hardly used and stay."""

    going: tuple[Machine, ...] = ()
    unneeded: tuple[Unneeded, ...] = ()
    kept: tuple[Kept, ...] = ()


def utilisation(spot: Spot, by: tuple[str, ...] = ("cpu", "memory"), spare: Iterable[PodShape] = ()) -> float:
    """The largest part of these resources that pods ask for, in percent; those of DaemonSets count, what is `spare`
    does not."""
    has, free = dict(spot.allocatable), Counter[str]()
    for shape in spare:
        for resource, amount in shape.requests:
            free[resource] += amount * spot.shapes[shape]
    return max((100 * (spot.used[r] - free[r]) / has[r] for r in by if has.get(r)), default=100.0)


def scale_down(
    room: Room,
    machines: Iterable[Machine],
    pods: Iterable[Pod],
    budgets: Iterable[Budget],
    *,
    since: Mapping[str, datetime],
    may_lose: Mapping[str, int],
    busy: bool,
    grown_at: datetime | None,
    now: datetime,
    spare: Collection[Places] = (),
) -> Down:
    """All machines that are Ready are in `room`, with what is on them; pods that wait were put where they fit.

    `since`: the machines that were not needed at the last look; `may_lose`: how many each group may lose; `busy`:
    machines are leaving already; `grown_at`: when machines were last asked for. `spare`, which groups keep free, is no
    use of a machine; but it has to have a place on another."""
    on: dict[str, list[Pod]] = {}
    for pod in pods:
        on.setdefault(pod.node, []).append(pod)
    budgets = tuple(budgets)
    allowed = Counter({budget: max(0, budget.allowed) for budget in budgets})
    left, unneeded, kept, going = Counter(may_lose), list[Unneeded](), list[Kept](), list[Machine]()
    alone = False  # a machine goes that pods have to move from
    # Those that were not needed before are asked first: else two that could take each other's pods would take turns.
    order = sorted(machines, key=lambda m: (not m.old, since.get(m.name, now), utilisation(m.spot, m.by), m.name))
    for places in spare:
        kept_free(room, places)
    free = [places.shape for places in spare]
    for machine in order:
        if utilisation(machine.spot, machine.by, free) >= machine.limits.utilization_threshold:
            continue
        there = on.get(machine.name, [])
        moving = [pod for pod in there if pod.moves]
        held = Counter({shape: machine.spot.shapes[shape] for shape in free if machine.spot.shapes[shape]})
        why = machine.stays or _why_it_stays(machine, there, moving, held, budgets, allowed, left)
        why = why or _nowhere_to_go(room, machine.spot, moving, held)
        if why:
            kept.append(Kept(machine.name, machine.group, why))
            continue
        left[machine.group] -= 1
        for budget in (b for pod in moving for b in budgets if b.covers(pod.shape)):
            allowed[budget] -= 1
        began = since.get(machine.name, now)
        unneeded.append(Unneeded(machine.name, machine.group, began))
        if machine.waits:
            kept.append(Kept(machine.name, machine.group, machine.waits))
            continue
        if now < goes_at(began, machine.limits, grown_at):
            continue
        if alone or len(going) == _EMPTY_AT_ONCE or (moving and (busy or going)):
            continue
        alone = bool(moving)
        going.append(machine)
    return Down(tuple(going), tuple(unneeded), tuple(kept))


def goes_at(began: datetime, limits: Autoscaling, grown_at: datetime | None) -> datetime:
    """When a machine may go that is not needed since then. After machines were asked for, none goes for ten minutes, or
    for as long as a group waits in any case, where that is less."""
    patience = timedelta(seconds=limits.unneeded_seconds)
    return began + patience if grown_at is None else max(began + patience, grown_at + min(_AFTER_GROWTH, patience))


def _why_it_stays(
    machine: Machine,
    there: list[Pod],
    moving: list[Pod],
    held: Counter[PodShape],
    budgets: tuple[Budget, ...],
    allowed: Counter[Budget],
    left: Counter[str],
) -> str:
    if left[machine.group] <= 0:
        return "node group min size reached"
    known: Counter[PodShape] = Counter(pod.shape for pod in there)
    if machine.spot.shapes - known - held:
        return "pods that wait, or whose machines go, will be placed there"
    needs: Counter[Budget] = Counter()
    for pod in moving:
        covering = [budget for budget in budgets if budget.covers(pod.shape)]
        needs.update(covering)
        why = _why_a_pod_stays(pod, is_protected=bool(covering))
        if why:
            return f"pod {pod.name}: {why}"
    short = next((budget for budget, count in needs.items() if count > allowed[budget]), None)
    if short is not None:
        return f"not enough PodDisruptionBudget left: {short.namespace}/{short.name}"
    return ""


def _why_a_pod_stays(pod: Pod, *, is_protected: bool) -> str:
    if pod.safe_to_evict is False:
        return "its annotation says that it is not safe to evict"
    if pod.shape.unsimulated:
        return f"not simulated: {', '.join(pod.shape.unsimulated)}"
    if pod.safe_to_evict:
        return ""
    if not pod.controlled:
        return "no controller would make it anew"
    if pod.local_storage:
        return "it has local storage"
    if pod.shape.namespace == _SYSTEM and not is_protected:
        return "it is the system's, and has no PodDisruptionBudget"
    return ""


def _nowhere_to_go(room: Room, spot: Spot, moving: list[Pod], held: Counter[PodShape]) -> str:
    """Takes the machine out of the room, and its pods and what is kept free there elsewhere; if something fits nowhere,
    all is as before."""
    room.close(spot)
    moved: list[tuple[PodShape, Spot]] = []
    named = [(pod.shape, f"pod {pod.name}") for pod in moving]
    named.sort(key=lambda one: [-amount for _, amount in one[0].requests])
    for shape, name in (*named, *((shape, _SPARE) for shape in held.elements())):
        found = room.place(shape)
        if found is None:
            for before, place in moved:
                room.take(before, place)
            room.add(spot)
            return f"{name} would fit on no other machine"
        moved.append((shape, found))
    return ""
