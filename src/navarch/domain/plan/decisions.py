"""What is decided about a cluster's machines in one look: the control plane's places, each node group's numbers, and
whether it is to run at all. The plan makes steps of it, the judge tells why something waits."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from navarch.domain import names
from navarch.domain.health import Checkup, State, examine
from navarch.domain.infrastructure import Existence, Infrastructure
from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import MachineTemplate, outdated, template_of
from navarch.domain.maintenance import is_shut, is_shut_out, made_from_now
from navarch.domain.observed import Observed, Wanted
from navarch.domain.obstacles import in_the_way
from navarch.domain.plan import control_plane, node_groups
from navarch.domain.plan.control_plane import Places
from navarch.domain.plan.node_groups import Turnover
from navarch.domain.plan.power import Power, power
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.domain.steps import Step

_OFF = frozenset({Existence.STOPPED, Existence.FAILED, Existence.ABSENT})


@dataclass(frozen=True, slots=True)
class Decisions:
    """`running`: whether machines are to run. `held`: why what is outdated is not replaced now; empty: it is.
    `obstacles`: what in the cluster an upgrade waits for. `place_template`, `groups`: what new machines are made from,
    of the control plane and of each group."""

    checkups: tuple[Checkup, ...]
    power: Power
    running: bool
    places: Places
    place_template: MachineTemplate
    groups: tuple[tuple[NodeGroup, MachineTemplate, Turnover], ...]
    held: str = ""
    obstacles: tuple[ClusterObstacle, ...] = ()

    @property
    def staying(self) -> tuple[Checkup, ...]:
        """Machines that it is not decided about now that they go."""
        taken = (self.places.take, *(turned.take for _, _, turned in self.groups))
        kept = (c.name for _, _, turned in self.groups for c in turned.keep)
        going = {checkup.name for leavers in taken for checkup, _, _ in leavers} | set(kept)
        return tuple(c for c in self.checkups if c.name not in going)


def decide(cluster: Cluster, observed: Observed, wanted: Wanted, cloud: Infrastructure, now: datetime) -> Decisions:
    """All of it."""
    powered = power(cluster, now)
    checkups = examine(cluster, observed, cloud, now, running=powered.running, since=powered.since)
    running = powered.running or not _is_made(observed)  # a cluster is not stopped while it comes to be
    if not running:
        groups = _emptied(cluster, checkups, now) if cluster.spec.remove_stopped_workers else ()
        return Decisions(checkups, powered, running, Places(), _place_template(cluster), groups)
    asked = not cluster.spec.rollout_paused and observed.kube is not None
    obstacles = in_the_way(cluster, observed.record.live, observed.survey) if asked else ()
    held, machines = _held(cluster, observed, wanted, obstacles), observed.record.machines
    template = made_from_now(cluster, names.CONTROL_PLANE_GROUP, machines, now)
    places = control_plane.places(cluster, template, checkups, observed, now, held=bool(held))
    groups = _turnovers(cluster, checkups, observed, now, held=bool(held) or _changes(places, checkups))
    return Decisions(checkups, powered, running, places, template, groups, held, obstacles)


def steps(cluster: Cluster, decisions: Decisions, observed: Observed) -> Iterator[Step]:
    """What is written down of it."""
    owner = names.owner(cluster)
    record, held, of_places = observed.record, bool(decisions.held), decisions.place_template
    yield from control_plane.decisions(owner, cluster, of_places, record, decisions.places, held=held)
    for group, template, turned in decisions.groups:
        yield from node_groups.decisions(owner, group, template, record, turned)


def asks_for_members(cluster: Cluster, observed: Observed) -> bool:
    """Whether something hangs on who is a member of etcd: a machine of the control plane is lost, or goes, or comes."""
    mine = [m for m in observed.record.live if m.role is Role.CONTROL_PLANE]
    wanted, kube = _place_template(cluster), observed.kube
    if len(mine) == 1 and cluster.spec.control_plane.replicas == 1:
        return False
    ready = {n.name for n in kube.nodes if n.ready} if kube is not None else {m.name for m in mine}
    changing = any(m.removing or not m.joined or outdated(m, wanted, ()) or m.name not in ready for m in mine)
    return changing or len(mine) != cluster.spec.control_plane.replicas


def asks_for_evictions(cluster: Cluster, observed: Observed) -> bool:
    """Whether machines are to go of which those with the fewest pods go first."""
    for group in cluster.node_groups:
        mine = [m for m in observed.record.live if m.group == group.name and not m.removing and m.kept_at is None]
        template = template_of(cluster, group.name)
        if len(mine) > group.wanted or any(outdated(m, template, group.spec.zones) for m in mine):
            return True
    return False


def _turnovers(
    cluster: Cluster, checkups: tuple[Checkup, ...], observed: Observed, now: datetime, *, held: bool
) -> tuple[tuple[NodeGroup, MachineTemplate, Turnover], ...]:
    """Of each group, the first of those that are outdated rolling, as many at once as the spec says."""
    soak, rolling = timedelta(seconds=cluster.spec.soak_seconds), 0
    machines, shut = observed.record.machines, is_shut(cluster.spec, now)
    groups = []
    for group in cluster.node_groups:
        template = made_from_now(cluster, group.name, machines, now)
        waits = held or rolling >= cluster.spec.groups_at_once
        shut_out = shut and is_shut_out(cluster.spec, group.spec)
        turned = node_groups.turnover(group, template, checkups, now, soak=soak, held=waits, shut=shut_out)
        rolling += bool(turned.outdated)
        groups.append((group, template, turned))
    return tuple(groups)


def _emptied(
    cluster: Cluster, checkups: tuple[Checkup, ...], now: datetime
) -> tuple[tuple[NodeGroup, MachineTemplate, Turnover], ...]:
    """Groups without machines, of a cluster that stops: those go on which, as far as is known, no pod runs any more."""
    checkups = tuple(c for c in checkups if c.view.existence in _OFF or (c.node is not None and c.node.drained))
    groups = []
    for group in cluster.node_groups:
        none, template = replace(group, spec=replace(group.spec, replicas=0)), template_of(cluster, group.name)
        groups.append((none, template, node_groups.turnover(none, template, checkups, now)))
    return tuple(groups)


def _place_template(cluster: Cluster) -> MachineTemplate:
    """What a place's machine is made from in the end."""
    return template_of(cluster, names.CONTROL_PLANE_GROUP)


def _is_made(observed: Observed) -> bool:
    """Whether the control plane has come to be."""
    mine = [m for m in observed.record.live if m.role is Role.CONTROL_PLANE]
    return bool(mine) and all(m.joined for m in mine)


def _held(cluster: Cluster, observed: Observed, wanted: Wanted, obstacles: tuple[ClusterObstacle, ...]) -> str:
    """Why nothing that is outdated is replaced now."""
    if cluster.spec.rollout_paused:
        return "the rollout is paused by its user"
    if observed.kube is None:
        return "the Kubernetes API does not answer"
    if obstacles:
        more = f" (and {len(obstacles) - 1} more)" if len(obstacles) > 1 else ""
        return f"{obstacles[0].what} is in the way of another version{more}: {obstacles[0].message}"
    missing = [name for name, _ in wanted.missing(observed.kube)]
    if missing or not wanted.addons:
        return f"add-ons that new machines need are applied first: {', '.join(missing)}"
    return ""


def _changes(places: Places, checkups: tuple[Checkup, ...]) -> bool:
    """Whether the control plane is at it, or will be: groups come after it."""
    mine = [c for c in checkups if c.machine.role is Role.CONTROL_PLANE]
    return bool(places.outdated or places.make or places.take) or any(c.state is not State.READY for c in mine)
