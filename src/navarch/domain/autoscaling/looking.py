"""A cluster at one look, as autoscaling's simulations need it: its machines, and those that it could get."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from navarch.domain.autoscaling.devices import silent
from navarch.domain.autoscaling.down import Machine
from navarch.domain.autoscaling.machines import room_of, spot_to_be
from navarch.domain.autoscaling.memory import Memory, SilentDevice
from navarch.domain.autoscaling.placing import Room, Spot
from navarch.domain.autoscaling.promises import believed, is_young, measured_by, promised, unkept
from navarch.domain.autoscaling.scaled import autoscaled
from navarch.domain.autoscaling.spare import Places, places
from navarch.domain.autoscaling.up import EXPENDABLE_BELOW, Candidate, with_daemons
from navarch.domain.health import Checkup, State
from navarch.domain.kube import Node
from navarch.domain.machines import MachineTemplate, outdated, template_of
from navarch.domain.maintenance import made_from_now, outdated_now
from navarch.domain.node_labels import REGION
from navarch.domain.observed import Record
from navarch.domain.offer import Offer
from navarch.domain.pods import Pod, PodsSeen
from navarch.domain.spec import Autoscaling, Cluster, NodeGroup

_GOES = (State.LEAVING, State.KEPT, State.LOST)
_NOT_NOW = "in backoff after failed scale-up"
_OLD_FIRST = "its group's machines are being replaced, and it is a new one"


class Look:
    """A cluster at one look, as the simulations need it."""

    def __init__(
        self,
        cluster: Cluster,
        record: Record,
        nodes: tuple[Node, ...],
        pods: PodsSeen,
        checkups: tuple[Checkup, ...],
        offer: Offer,
        memory: Memory,
        now: datetime,
    ) -> None:
        self.cluster, self.pods, self._checkups, self._offer, self._now = cluster, pods, checkups, offer, now
        self._record = record
        self._templates = {g.name: made_from_now(cluster, g.name, record.machines, now) for g in cluster.node_groups}
        leaving = {c.name for c in checkups if c.state in _GOES}
        self._promised = {g.name: promised(g, self._templates[g.name], offer) for g in cluster.node_groups}
        self._young = {c.name for c in checkups if is_young(c.machine, c.node, _limits(cluster, c.machine.group), now)}
        of = {c.name: self._promised.get(c.machine.group, ()) for c in checkups}
        ready = [n for n in nodes if n.ready and n.name not in leaving]
        self._ready = {n.name: believed(n, of.get(n.name, ()), young=n.name in self._young) for n in ready}
        self._broken = {n.name: unkept(of.get(n.name, ()), n.allocatable) for n in self._ready.values()}
        self._scaled = tuple(autoscaled(cluster).values())
        self.silent = tuple(one for each in self._scaled for one in self._silent(each.group, ready, memory))
        self._siblings: dict[str, Node | None] = {}
        self._region = next((value for n in nodes for key, value in n.labels if key == REGION), "")
        self.zones = max((len(each.group.spec.zones) for each in self._scaled), default=1)

    def placed(self) -> Iterator[Pod]:
        """Pods that take room: those that are there, and those about to be. What is expendable takes none."""
        nominated = (pod for pod in self.pods.waiting if pod.node)
        return (p for p in (*self.pods.placed, *nominated) if p.priority >= EXPENDABLE_BELOW)

    def waiting(self) -> tuple[Pod, ...]:
        """Those that nobody found a place for."""
        return tuple(p for p in self.pods.waiting if not p.node and p.priority >= EXPENDABLE_BELOW)

    def spare(self) -> tuple[Places, ...]:
        """What groups keep free."""
        wanted = ((each.group.name, each.limits.spare) for each in self._scaled if each.limits.spare.replicas)
        return tuple(places(name, spare, self._templates[name].taints) for name, spare in wanted)

    def lasting(self) -> Room:
        """The machines that will stay, with what is on them, and what has to find a place there: pods that wait, and
        those whose machine goes, is lost, or is about to be taken by a rollout."""
        leaving = {c.name for c in self._checkups if c.state in _GOES} | self._about_to_go()
        olds = {name for scaled in self._scaled for name in self._old(scaled.group, self._checkups_of(scaled.group))}
        staying = [node for node in self._ready.values() if node.name not in leaving]
        staying.sort(key=lambda node: node.name in olds)  # what finds a place finds it on a new one, if there is one
        room = room_of(staying, self.pods, self.placed(), self._young, self._broken)
        for pod in (*self.waiting(), *(p for p in self.placed() if p.moves and p.node in leaving)):
            room.place(pod.shape)
        return room

    def _about_to_go(self) -> set[str]:
        """As many old machines of each group that rolls as it has more than it is to have: a rollout makes one first,
        and may look at it for a while. Those with the most pods: of the others autoscaling may take some itself."""
        pods = Counter(p.node for p in self.placed() if p.moves)
        found: set[str] = set()
        for group in (scaled.group for scaled in self._scaled):
            ready = [c for c in self._checkups_of(group) if c.state is State.READY]
            more = len(ready) - group.spec.replicas
            if more > 0 and self._rolls(ready):
                old = sorted(self._old(group, ready), key=lambda name: (-pods[name], name))
                found.update(old[:more])
        return found

    def _checkups_of(self, group: NodeGroup) -> list[Checkup]:
        return [c for c in self._checkups if c.machine.group == group.name]

    def _old(self, group: NodeGroup, machines: Iterable[Checkup]) -> set[str]:
        """Those of these machines of a group that are not what is wanted in the end."""
        template = template_of(self.cluster, group.name)
        return {c.name for c in machines if outdated(c.machine, template, group.spec.zones)}

    def _rolls(self, machines: Iterable[Checkup]) -> bool:
        """Whether others are to take the place of some of these machines now."""
        machines_there = self._record.machines
        return not self.cluster.spec.rollout_paused and any(
            outdated_now(self.cluster, c.machine, machines_there, self._now) for c in machines
        )

    def room(self, coming: Memory) -> Room:
        """The machines that are Ready, with what is on them, and those that groups wait for, but for groups in
        backoff."""
        room = room_of(self._ready.values(), self.pods, self.placed(), self._young, self._broken)
        for group in self.cluster.node_groups:
            if coming.backoff(group.name, self._now) is None:
                for spot in self._awaited(group):
                    room.add(with_daemons(spot, self.pods.daemons))
        return room

    def candidates(self, memory: Memory) -> Iterator[Candidate]:
        """The groups that could grow."""
        for scaled in self._scaled:
            group, limits, backoff = scaled.group, scaled.limits, memory.backoff(scaled.name, self._now)
            if backoff is not None:
                yield Candidate(group.name, why_not=f"{_NOT_NOW} ({backoff.why})")
                continue
            most = max(0, limits.max - group.spec.replicas)
            spots = tuple(self._next(group, most))
            unknown = most > 0 and not spots
            why_not = "its flavor is not offered any more" if unknown else ""
            yield Candidate(group.name, spots, most, why_not, limits.priority)

    def machines(self, room: Room) -> Iterator[Machine]:
        """Those that may go. While a group's machines are being replaced, only those that another is to take the place
        of anyway: a new one that went would have come in vain."""
        spots = {spot.name: spot for spot in room.spots}
        for scaled in self._scaled:
            group = scaled.group
            mine = self._checkups_of(group)
            ready = [c for c in mine if c.state is State.READY]
            old, rolls = self._old(group, ready), self._rolls(ready)
            unsettled = len(ready) != group.spec.replicas and not rolls
            for checkup in mine:
                spot = spots.get(checkup.name)
                if spot is None or checkup.state is not State.READY or checkup.node is None:
                    continue
                stays = "its annotation says so" if checkup.node.stays else ""
                waits = "its group is not as wanted yet" if unsettled else ""
                waits = _OLD_FIRST if rolls and checkup.name not in old else waits
                by = measured_by(self._promised[group.name], spot)
                is_old = checkup.name in old
                yield Machine(checkup.name, group.name, scaled.limits, spot, stays, waits, by, old=is_old)

    def _awaited(self, group: NodeGroup) -> Iterator[Spot]:
        """The group's machines that are not Ready yet: those that are written down, and those that are still to be."""
        mine = self._checkups_of(group)
        ready = [c for c in mine if c.name in self._ready]
        lacking = max(0, group.wanted - len(ready))
        coming = [c.machine.zone for c in mine if self._comes(c)][:lacking]
        zones = self._by_zone(group)
        for zone in coming:
            zones[zone] += 1
        for _ in range(lacking - len(coming)):
            coming.append(min(group.spec.zones, key=lambda z: zones[z], default=""))
            zones[coming[-1]] += 1
        for number, zone in enumerate(coming):
            spot = self._spot(group, f"awaited-{group.name}-{number}", zone)
            if spot is not None:
                yield spot

    def _next(self, group: NodeGroup, most: int) -> Iterator[Spot]:
        """What machines it could get: so many in each zone, in turn."""
        zones = self._by_zone(group)
        zones.update(c.machine.zone for c in self._checkups if c.machine.group == group.name and self._comes(c))
        order = sorted(group.spec.zones, key=lambda z: zones[z])
        for number in range(most):
            for zone in order:
                spot = self._spot(group, f"new-{group.name}-{number}-{zone}", zone)
                if spot is None:
                    return
                yield spot

    def _comes(self, checkup: Checkup) -> bool:
        return checkup.name not in self._ready and checkup.state not in _GOES

    def _by_zone(self, group: NodeGroup) -> Counter[str]:
        """How many of its machines are Ready in each of its zones."""
        zones = Counter(dict.fromkeys(group.spec.zones, 0))
        mine = (c for c in self._checkups if c.machine.group == group.name and c.name in self._ready)
        zones.update(c.machine.zone for c in mine if c.machine.zone in zones)
        return zones

    def _spot(self, group: NodeGroup, name: str, zone: str) -> Spot | None:
        """A machine of the group in a zone."""
        template = self._templates[group.name]
        if group.name not in self._siblings:
            self._siblings[group.name] = self._sibling(group, template)
        sibling, promise = self._siblings[group.name], self._promised[group.name]
        silent = tuple(s.resource for s in self.silent if s.group == group.name and s.holds(self._now))
        offer, volumes = self._offer, self.pods.volumes
        return spot_to_be(template, group.name, name, zone, sibling, offer, volumes, promise, silent, self._region)

    def _silent(self, group: NodeGroup, ready: Iterable[Node], memory: Memory) -> Iterator[SilentDevice]:
        """What the group's machines were to have, and what none of them that are made as the next shows."""
        template = self._templates[group.name]
        alike = {c.name for c in self._checkups_of(group) if not outdated(c.machine, template, ())}
        shown = (node for node in ready if node.name in alike)
        return silent(group.name, template, self._promised[group.name], shown, self._young, memory.devices, self._now)

    def _sibling(self, group: NodeGroup, template: MachineTemplate) -> Node | None:
        """A Ready machine of the group that is made from the same as the next; None: there is none. One whose device
        plugin is broken says nothing about the next, where another shows what is promised."""
        mine = (c for c in self._checkups if c.machine.group == group.name and c.name in self._ready)
        alike = (self._ready[c.name] for c in mine if not outdated(c.machine, template, ()))
        return min((n for n in alike if n.allocatable), key=lambda n: len(self._broken[n.name]), default=None)


def _limits(cluster: Cluster, group: str) -> Autoscaling | None:
    found = cluster.group(group)
    return found.spec.autoscaling if found is not None else None
