"""What was judged of a cluster: conditions are the truth, the phase is for display."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from navarch.domain.autoscaling.memory import Memory
from navarch.domain.calendar import Opening
from navarch.domain.condition import Condition as Condition  # known by this name to all that judge clusters
from navarch.domain.obstacles import Survey
from navarch.domain.required import RequiredAddon


class Phase(StrEnum):
    """One word for people, derived from the conditions."""

    PROGRESSING = "Progressing"
    READY = "Ready"
    DEGRADED = "Degraded"
    BLOCKED = "Blocked"
    PAUSED = "Paused"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class MachineCount:
    """How many machines are wanted, and how many are Ready nodes."""

    desired: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What the API shows of a cluster besides its wish. `observed_generation`: the cluster's when it was last Ready;
    `observed_groups`: (name, generation) of its node groups then. `survey`: what an upgrade would meet in the cluster;
    see `navarch.domain.obstacles.upgrade_obstacles`. `maintenance`: its maintenance window where it is open, else when
    it opens next. `silent_since`: since when not everything answered that was asked about it, None: everything does;
    see `navarch.domain.silence`. `autoscaling`: what it remembers; None: no group has it. `required`: the add-ons that
    every cluster has."""

    phase: Phase = Phase.PROGRESSING
    observed_generation: int = 0
    observed_groups: tuple[tuple[str, int], ...] = ()
    conditions: tuple[Condition, ...] = ()
    machines: MachineCount = MachineCount()
    groups: tuple[tuple[str, MachineCount], ...] = ()
    api_url: str | None = None
    api_internal_address: str | None = None
    kubernetes_version: str | None = None
    ready_at: datetime | None = None
    survey: Survey | None = None
    maintenance: Opening | None = None
    silent_since: datetime | None = None
    autoscaling: Memory | None = None
    required: tuple[RequiredAddon, ...] = ()

    def condition(self, type_: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((c for c in self.conditions if c.type == type_), None)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline: `reason` happened to `subject` at `at` and took `seconds`. `level` is Normal or
    Warning. `component`: cloud, machine, kubernetes or navarch."""

    at: datetime
    reason: str
    message: str
    subject: str = ""
    component: str = "navarch"
    seconds: float | None = None
    level: str = "Normal"
    generation: int = 0
