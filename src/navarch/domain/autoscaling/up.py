"""Which node groups get how many machines more, for the pods that the scheduler found no place for."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from navarch.domain.autoscaling.memory import Helpless, SpareRoom, Verdict
from navarch.domain.autoscaling.placing import Room, Spot, attracts, tolerates
from navarch.domain.autoscaling.spare import Places, kept_free
from navarch.domain.pods import Pod, PodShape

EXPENDABLE_BELOW = -10  # the priority of pods that neither bring machines nor hold any


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node group that could grow by `most` machines. `machines`: those that it could get, zone after zone, the next
    of the zone with the fewest first; `why_not`: why it is not asked for any now; empty: it is. `priority`: of the
    groups that help, the one with the highest is asked, where that is how they are chosen."""

    group: str
    machines: tuple[Spot, ...] = ()
    most: int = 0
    why_not: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Growth:
    """A node group gets these machines, which these pods wait for; or so many places that it keeps free (`spare`)."""

    group: str
    machines: tuple[Spot, ...]
    helped: tuple[Pod, ...]
    spare: int = 0

    @property
    def count(self) -> int:
        """How many machines."""
        return len(self.machines)

    @property
    def pods(self) -> int:
        """How many pods."""
        return len(self.helped)


@dataclass(frozen=True, slots=True)
class Up:
    """What comes of a look. `stuck`: the pods of each of the `helpless`; `coming`: how many of the pods that wait have
    a place already, on machines that are there or on their way. `spare`: what there will be of the room that groups
    keep free."""

    growths: tuple[Growth, ...] = ()
    helpless: tuple[Helpless, ...] = ()
    stuck: tuple[tuple[Pod, ...], ...] = ()
    coming: int = 0
    spare: tuple[SpareRoom, ...] = ()


def scale_up(
    room: Room,
    waiting: Iterable[Pod],
    candidates: Iterable[Candidate],
    daemons: Iterable[PodShape],
    zones: int = 1,
    expander: str = "least-waste",
    spare: Iterable[Places] = (),
) -> Up:
    """The machines that are there and those that are on their way are in `room`, and what is placed is put there.

    Of the groups that help, one wins by the `expander`: the one whose new machines would have the least of their CPU
    and memory left over, the one with the highest priority, that helps the most pods, or any; what is equal there is
    decided as by least-waste. Then others are asked for what still waits. A group is asked for one machine after the
    other, until one in each of its `zones` would help nobody: a pod may be bound to one of them, by its volume for
    example. The `spare` comes last, each from its own group."""
    left = _by_shape(waiting)
    coming = sum(len(pods) for pods in left.values())
    left = {shape: pods[_placed(room, shape, len(pods)) :] for shape, pods in left.items()}
    left = {shape: pods for shape, pods in left.items() if pods}
    coming -= sum(len(pods) for pods in left.values())
    daemons, growths, held = tuple(daemons), list[Growth](), list[SpareRoom]()
    able = {c.group: c for c in candidates} if left else {}
    left = _grow(room, left, able, daemons, zones, expander, growths)
    verdicts = [_Judge(room, candidate, daemons, zones) for candidate in able.values()] if left else []
    helpless = tuple(
        Helpless(pods[0].name, len(pods), tuple(judge.verdict(shape) for judge in verdicts))
        for shape, pods in left.items()
    )
    for places in spare:
        ready, on_their_way = kept_free(room, places)
        lacking = places.count - ready - on_their_way
        able = able or ({c.group: c for c in candidates} if lacking else {})
        if lacking and places.group in able:
            more, why = _spared(room, places, lacking, able, daemons, zones, growths)
            held.append(SpareRoom(places.group, places.spare, ready, on_their_way + more, why))
        else:
            held.append(SpareRoom(places.group, places.spare, ready, on_their_way))
    return Up(tuple(growths), helpless, tuple(map(tuple, left.values())), coming, tuple(held))


def _spared(
    room: Room,
    places: Places,
    lacking: int,
    able: dict[str, Candidate],
    daemons: tuple[PodShape, ...],
    zones: int,
    growths: list[Growth],
) -> tuple[int, str]:
    """Grow a group for what it lacks of its free room: how many places that gives, and why not more."""
    mine = {places.group: able[places.group]}
    nobody = [Pod(f"{places.group}/{number}", places.shape) for number in range(lacking)]
    begun = list[Growth]()
    left = _grow(room, {places.shape: nobody}, mine, daemons, zones, "least-waste", begun)
    able.update(mine)
    growths += (replace(growth, helped=(), spare=growth.pods) for growth in begun)
    if not left:
        return lacking, ""
    why = _Judge(room, mine[places.group], daemons, zones).verdict(places.shape).why
    return lacking - len(left[places.shape]), why


def _grow(
    room: Room,
    left: dict[PodShape, list[Pod]],
    able: dict[str, Candidate],
    daemons: tuple[PodShape, ...],
    zones: int,
    expander: str,
    growths: list[Growth],
) -> dict[PodShape, list[Pod]]:
    """Let groups grow (`growths`) while that helps, and say which pods still wait. Of those that are `able`, what they
    could still get is left."""
    while left:
        trials = [
            _Trial(room, c, left, daemons, zones) for c in able.values() if not c.why_not and c.machines and c.most
        ]
        chance = next(iter(left.values()))[0].name
        best = min((t for t in trials if t.helped), key=lambda t: t.order(expander, chance), default=None)
        if best is None:
            break
        helped = tuple(pod for shape, pods in left.items() for pod in pods[: best.helped[shape]])
        growths.append(Growth(best.group, tuple(best.used), helped))
        able[best.group] = best.rest
        best.commit(room)
        left = {shape: pods[best.helped[shape] :] for shape, pods in left.items() if len(pods) > best.helped[shape]}
    return left


def _by_shape(waiting: Iterable[Pod]) -> dict[PodShape, list[Pod]]:
    """Pods that are alike, those of the highest priority first, then the largest."""
    shapes: dict[PodShape, list[Pod]] = {}
    for pod in sorted(waiting, key=lambda p: (-p.priority, [-amount for _, amount in p.shape.requests], p.name)):
        if pod.priority >= EXPENDABLE_BELOW:
            shapes.setdefault(pod.shape, []).append(pod)
    return shapes


def _placed(room: Room, shape: PodShape, count: int) -> int:
    """How many of so many pods that are alike found a place."""
    for placed in range(count):
        if room.place(shape) is None:
            return placed
    return count


def with_daemons(spot: Spot, daemons: Iterable[PodShape]) -> Spot:
    """The machine with the pods that run on every machine, as far as they go there."""
    filled = replace(spot, used=Counter(), shapes=Counter())
    one = Room([filled])
    for shape in daemons:
        if attracts(shape, filled) and tolerates(shape.tolerations, filled.taints):
            one.put(shape, filled)
    return filled


class _Trial:
    """What a group's new machines would take of the pods that wait, on a copy of the room."""

    def __init__(
        self,
        room: Room,
        candidate: Candidate,
        left: dict[PodShape, list[Pod]],
        daemons: tuple[PodShape, ...],
        zones: int,
    ) -> None:
        self.group, self.used, self.helped = candidate.group, list[Spot](), Counter[PodShape]()
        self._candidate = candidate
        remaining = Counter({shape: len(pods) for shape, pods in left.items()})
        trial = room.forked()
        idle = 0
        for machine in candidate.machines:
            spot = with_daemons(machine, daemons)
            trial.add(spot)
            before = self.helped.total()
            for shape in [s for s, count in remaining.items() if count]:
                while remaining[shape] and not trial.why_not(shape, spot):
                    trial.put(shape, spot)
                    remaining[shape] -= 1
                    self.helped[shape] += 1
            if self.helped.total() > before:
                self.used.append(spot)
                idle = 0
            else:
                trial.close(spot)
                idle += 1
            if idle >= zones or not remaining.total() or len(self.used) == candidate.most:
                break

    @property
    def waste(self) -> float:
        """The part of the new machines' CPU and memory that nothing asks for."""
        return sum(_left_over(spot) for spot in self.used) / len(self.used)

    def order(self, expander: str, chance: str) -> tuple[float | str, ...]:
        """What is smallest for the group that grows. `chance`: what a random choice hangs on, so that whoever decides
        about the same pods decides the same."""
        first: dict[str, float] = {
            "priority": -self._candidate.priority,
            "most-pods": -self.helped.total(),
            "random": int.from_bytes(sha256(f"{chance} {self.group}".encode()).digest()[:6]),
        }
        return first.get(expander, 0.0), self.waste, len(self.used), self.group

    @property
    def rest(self) -> Candidate:
        """What the group could still get."""
        used = {spot.name for spot in self.used}
        left = tuple(spot for spot in self._candidate.machines if spot.name not in used)
        return replace(self._candidate, machines=left, most=self._candidate.most - len(used))

    def commit(self, room: Room) -> None:
        """The new machines into the room."""
        for spot in self.used:
            room.add(spot)


def _left_over(spot: Spot) -> float:
    has = dict(spot.allocatable)
    parts = [1 - spot.used[r] / has[r] for r in ("cpu", "memory") if has.get(r)]
    return sum(parts) / len(parts) if parts else 1.0


class _Judge:
    """Why a group brings no machine, asked for one shape after the other."""

    def __init__(self, room: Room, candidate: Candidate, daemons: tuple[PodShape, ...], zones: int) -> None:
        self._candidate, self._trials = candidate, list[tuple[Room, Spot]]()
        for machine in candidate.machines[:zones] if candidate.most else ():
            spot, trial = with_daemons(machine, daemons), room.forked()
            trial.add(spot)
            self._trials.append((trial, spot))

    def verdict(self, shape: PodShape) -> Verdict:
        """Of its next machine in each zone."""
        group, why = self._candidate.group, self._candidate.why_not
        if why or not self._trials:
            return Verdict(group, why or "max node group size reached")
        return Verdict(group, "; ".join(dict.fromkeys(trial.why_not(shape, spot) for trial, spot in self._trials)))
