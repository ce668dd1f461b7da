"""How each machine is: whether it is counted on, and whether another has to take its place.

Pure, and without memory: since when a node is NotReady, Kubernetes says itself.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from navarch.domain.infrastructure import Existence, Infrastructure, MachineView
from navarch.domain.kube import Node
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, Role

LISTS_LAG = timedelta(seconds=30)  # how old a list may be: what a machine said since then outweighs all of them
ERROR_SERVER_IS_KEPT = timedelta(seconds=60)  # at least: long enough to read its fault
ERROR_SERVER_IS_KEPT_AT_MOST = timedelta(minutes=5)
# A kubelet's certificate lives 30 days (bootstrap.pki) and is renewed when 21 to 27 of them are over: one that runs has
# a good one for three days at least. Without it a kubelet ends, for ever, and a control plane with it.
CERTIFICATE_OUTLIVES = timedelta(days=3)


class State(StrEnum):
    """What can be expected of a machine."""

    COMING = "coming"  # is being made and did not join yet
    READY = "ready"
    UNREADY = "unready"  # joined, and its node is not Ready, or nobody knows
    LOST = "lost"  # another has to take its place
    LEAVING = "leaving"
    KEPT = "kept"  # was given up, and is kept for a look


@dataclass(frozen=True, slots=True)
class Checkup:
    """A machine and how it is. `why`: it is lost. `gone`: nothing of it runs, so that nothing is taken away with it.
    `spared`: it would be lost, were not its whole zone silent."""

    machine: Machine
    view: MachineView
    node: Node | None
    state: State
    why: str = ""
    gone: bool = False
    spared: bool = False

    @property
    def name(self) -> str:
        """The machine's."""
        return self.machine.name

    @property
    def serves(self) -> bool:
        """Whether it is Ready, and Services' balancers send to it as to others."""
        return self.state is State.READY and self.node is not None and not self.node.starting

    @property
    def runs(self) -> bool:
        """Whether the cloud says that it runs and can be reached: what speaks against it is Kubernetes alone."""
        return self.view.existence is Existence.RUNNING and self.view.reachable


def examine(
    cluster: Cluster, observed: Observed, cloud: Infrastructure, now: datetime, *, running: bool, since: datetime | None
) -> tuple[Checkup, ...]:
    """Every machine that is not gone. `running`: whether they are to run; `since` when that was said (None: it was
    never otherwise)."""
    power = (running, since)
    found = [
        _examined(cluster, machine, observed, cloud.machine(machine), power, now) for machine in observed.record.live
    ]
    silent = _silent_zones(found)
    return tuple(_given_time(checkup) if checkup.machine.zone in silent else checkup for checkup in found)


def kept_long_enough(machine: Machine, view: MachineView, now: datetime) -> bool:
    """Whether a server in ERROR may go: the longer this machine was tried for in vain, the less often a full cloud is
    asked."""
    if view.created_at is None:
        return True
    tried_for = view.created_at - machine.created_at
    kept = min(max(tried_for / 2, ERROR_SERVER_IS_KEPT), ERROR_SERVER_IS_KEPT_AT_MOST)
    return now - view.created_at >= kept


def is_unheard(cluster: Cluster, machine: Machine, node: Node | None, since: datetime | None, now: datetime) -> bool:
    """Whether nobody on a machine could end a pod: Kubernetes heard nothing of its node for as long as a repair waits.
    `since`: when its cluster was started (None: it always ran); before, nobody was to be heard."""
    return node is not None and not node.ready and _has_lasted(node.since, since, _patience(cluster, machine), now)


def _examined(
    cluster: Cluster,
    machine: Machine,
    observed: Observed,
    view: MachineView,
    power: tuple[bool, datetime | None],
    now: datetime,
) -> Checkup:
    node = observed.kube.node(machine.name) if observed.kube is not None else None
    if machine.removing:
        return Checkup(machine, view, node, State.LEAVING)
    if machine.kept_at is not None:
        return Checkup(machine, view, node, State.KEPT)
    if not machine.joined:
        return Checkup(machine, view, node, State.COMING)
    running, since = power
    too_long = _off_for_too_long(machine, view, now) if running else ""
    why = too_long or _lost(cluster, machine, observed, view, node, since, now)
    if why:
        gone = bool(too_long) or view.existence is Existence.ABSENT
        return Checkup(machine, view, node, State.LOST, why, gone=gone)
    ready = node is not None and node.ready
    return Checkup(machine, view, node, State.READY if ready else State.UNREADY)


def _off_for_too_long(machine: Machine, view: MachineView, now: datetime) -> str:
    """Why a machine that is to run again would not become a node; empty: it may."""
    since = machine.facts.off_since
    if view.existence is not Existence.STOPPED or since is None or now - since < CERTIFICATE_OUTLIVES:
        return ""
    return f"it is off since {since:%Y-%m-%d %H:%M} UTC: its certificate may have ended"


def _lost(
    cluster: Cluster,
    machine: Machine,
    observed: Observed,
    view: MachineView,
    node: Node | None,
    since: datetime | None,
    now: datetime,
) -> str:
    """Why a machine that joined is given up; empty: it is not."""
    if any(now - report.at < LISTS_LAG for report in machine.boot):
        return ""  # it spoke just now
    worker = machine.role is Role.WORKER
    if view.existence is Existence.ABSENT:
        return "its server is gone"
    if view.existence is Existence.ASIDE:
        return ""  # a person did that, and may want to look at it or have it back: only they undo it
    if worker and not view.reachable:
        return "it lost its port"
    if observed.kube is None or view.existence is Existence.UNKNOWN:
        return ""
    if view.existence is Existence.FAILED and not (node is not None and node.ready):
        return "its server is in ERROR" if kept_long_enough(machine, view, now) else ""
    if node is None:
        # Its kubelet registers when it starts, and never again. One of the control plane may have dear data: people
        # decide.
        starts = view.exists and view.existence is not Existence.RUNNING
        return "" if starts or not worker else "its Node was removed"
    return _sick(cluster, machine, node, since, now)


def _sick(cluster: Cluster, machine: Machine, node: Node, since: datetime | None, now: datetime) -> str:
    """Why a node is no longer waited for. While its cluster was stopped nobody waited: it counts since the start."""
    if is_unheard(cluster, machine, node, since, now):
        return f"its node is NotReady since {node.since:%Y-%m-%d %H:%M:%S} UTC"
    group = cluster.group(machine.group)
    named = group.spec.repair_conditions if group is not None else ()
    for type_, began in node.troubles:
        if type_ in named and _has_lasted(began, since, _patience(cluster, machine), now):
            return f"its node says {type_} since {began:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _patience(cluster: Cluster, machine: Machine) -> timedelta:
    """How long a machine may be unwell before another takes its place."""
    group = cluster.group(machine.group)
    rules = group.spec if group is not None else cluster.spec.control_plane
    return timedelta(seconds=rules.repair_after_seconds)


def _has_lasted(began: datetime | None, since: datetime | None, patience: timedelta, now: datetime) -> bool:
    """Whether something goes on for so long, of the time since the cluster was started."""
    return began is not None and now - max(began, since or began) >= patience


def _silent_zones(checkups: list[Checkup]) -> frozenset[str]:
    """Those of which nothing is heard, though the cloud says that two machines or more run there: more likely a zone is
    cut off than that all its machines are broken."""
    joined = [c for c in checkups if c.machine.joined and c.runs and c.state not in (State.LEAVING, State.KEPT)]
    machines = Counter(c.machine.zone for c in joined)
    heard = {c.machine.zone for c in joined if c.node is not None and c.node.ready}
    return frozenset(zone for zone, count in machines.items() if count > 1 and zone not in heard)


def _given_time(checkup: Checkup) -> Checkup:
    if checkup.state is not State.LOST or not checkup.runs:
        return checkup
    return Checkup(checkup.machine, checkup.view, checkup.node, State.UNREADY, spared=True)
