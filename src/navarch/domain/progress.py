"""How far a cluster is on its way to what was asked for, as rows that a person reads. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from navarch.domain.machines import Machine
from navarch.domain.names import stem
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Phase, Status


class State(StrEnum):
    """Where a row is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that has to come true. `seconds`: how long it took, or goes on, since it was asked for (`asked_at`; a
    machine: since it was). None of what was true before."""

    name: str
    state: State
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A cluster at one moment. `asked_at`: when what is waited for was asked for. `blocked`: the condition somebody
    must act on, if there is one."""

    name: str
    phase: Phase
    asked_at: datetime
    rows: tuple[Row, ...]
    blocked: Condition | None

    @property
    def percent(self) -> int:
        """How many of a hundred rows are done; 100 only where all are."""
        done = sum(row.state is State.DONE for row in self.rows)
        return 100 * done // len(self.rows) if self.rows else 0

    @property
    def waiting_for(self) -> Row | None:
        """The first row that goes on or has failed."""
        return next((row for row in self.rows if row.state in (State.FAILED, State.RUNNING)), None)


# The chapters of the cloud's part in the order they begin, by the reasons the service gives while they are not done.
_CLOUD_CHAPTERS = (
    ("network", "CreatingNetwork"),
    ("load balancer", "CreatingLoadBalancer"),
    ("floating address", "CreatingFloatingIP"),
)


def progress_of(
    cluster: Cluster, status: Status, machines: Sequence[Machine], now: datetime, *, since: datetime
) -> Progress:
    """The rows: the cloud's part, every machine, the Kubernetes API, nodes, add-ons; on deletion what is left; of one
    that stops what is still on. `since`: from when on it counts what comes true in a cluster that is Ready."""
    asked = _asked_at(cluster, status, since)
    if cluster.deleting:
        rows = (*_machine_rows(cluster, machines, now), *_deletion(status.condition("Deleted")))
    elif status.phase in (Phase.STOPPING, Phase.STOPPED):
        rows = _stopping(status)
    else:
        rows = (
            *_cloud(status, asked),
            *_machine_rows(cluster, machines, now),
            *_kubernetes(status, asked),
        )
    return Progress(cluster.name, status.phase, asked, rows, blocked(status))


def _asked_at(cluster: Cluster, status: Status, since: datetime) -> datetime:
    """When what is waited for was asked for: the cluster, until it is Ready; later when it stopped being Ready; `since`
    where it is Ready."""
    if status.ready_at is None:
        return cluster.created_at
    ready = status.condition("Ready")
    moved = ready.last_transition_at if ready is not None and ready.status != "True" else None
    return moved or since


def blocked(status: Status) -> Condition | None:
    """The condition that names who must act: Ready's copy is left for the more exact one where there is one."""
    found = [c for c in status.conditions if c.responsible and c.status != "True"]
    return next((c for c in found if c.type != "Ready"), found[0] if found else None)


def _cloud(status: Status, asked: datetime) -> tuple[Row, ...]:
    condition = status.condition("InfrastructureReady")
    if condition is None:
        return tuple(Row(name, State.WAITING) for name, _ in _CLOUD_CHAPTERS)
    details = {"floating address": status.api_url or ""}
    if condition.status == "True":
        took = _took(asked, condition.last_transition_at)
        return tuple(
            Row(name, State.DONE, details.get(name, ""), took if name == _CLOUD_CHAPTERS[-1][0] else None)
            for name, _ in _CLOUD_CHAPTERS
        )
    reasons = [reason for _, reason in _CLOUD_CHAPTERS]
    current = reasons.index(condition.reason) if condition.reason in reasons else None
    if current is None:
        state = State.FAILED if condition.responsible else State.RUNNING
        return (Row("cloud", state, condition.message or condition.reason),)
    rows = []
    for place, (name, _) in enumerate(_CLOUD_CHAPTERS):
        # What comes after is there already where the API has an address: a balancer changes with its members.
        state = State.DONE if place < current or status.api_url else State.WAITING
        current_row = Row(name, State.RUNNING, condition.message)
        rows.append(current_row if place == current else Row(name, state, details.get(name, "")))
    return tuple(rows)


def _machine_rows(cluster: Cluster, machines: Sequence[Machine], now: datetime) -> tuple[Row, ...]:
    beginning = f"{stem(cluster)}-"
    return tuple(_machine(machine, f"machine {machine.name.removeprefix(beginning)}", now) for machine in machines)


def _machine(machine: Machine, name: str, now: datetime) -> Row:
    steps = machine.boot
    last = steps[-1] if steps else None
    if machine.removing:
        return Row(name, State.RUNNING, "leaving")
    if machine.kept_at:
        return Row(name, State.DONE, "kept for a look")
    if machine.joined:
        took = _took(machine.created_at, last.at if last else None)
        return Row(name, State.DONE, "joined", took)
    going = max(0.0, (now - machine.created_at).total_seconds())
    if last is None:
        return Row(name, State.RUNNING, "boots", going)
    failed = next((s for s in steps if s.state == "failed"), None)
    if failed is not None:
        lines = failed.log.strip().splitlines()
        return Row(name, State.FAILED, f"{failed.step} failed{': ' + lines[-1] if lines else ''}", going)
    running = next((s for s in steps if s.state == "started"), last)
    return Row(name, State.RUNNING, running.step, going)


def _kubernetes(status: Status, asked: datetime) -> tuple[Row, ...]:
    control, workers = status.condition("ControlPlaneReady"), status.condition("WorkersReady")
    count = status.machines
    version = status.kubernetes_version
    silent = control is not None and control.reason == "WaitingForKubernetesAPI"
    api = Row("Kubernetes API", State.WAITING)
    if version and not silent:
        api = Row("Kubernetes API", State.DONE, f"version {version}")
    elif silent and control is not None:
        api = Row("Kubernetes API", State.RUNNING, control.message)
    parts_ready = all(c is not None and c.status == "True" for c in (control, workers))
    nodes = State.DONE if parts_ready else State.RUNNING if api.state is State.DONE else State.WAITING
    waiting = next((c for c in (control, workers) if c is not None and c.reason == "NodesNotReady"), None)
    detail = f"{count.ready} of {count.desired} Ready"
    if count.ready > count.desired:  # new ones are there already, old ones still
        detail = f"{count.ready} Ready, {count.desired} wanted"
    detail += f"; {waiting.message}" if waiting else ""
    ends = [_took(asked, c.last_transition_at) for c in (control, workers) if c is not None]
    last = max((seconds for seconds in ends if seconds is not None), default=None)
    return (
        api,
        Row("nodes", nodes, detail, last if parts_ready else None),
        _addons(status.condition("AddonsReady"), api.state, asked),
    )


def _addons(condition: Condition | None, api: State, asked: datetime) -> Row:
    if condition is None or (condition.status != "True" and api is not State.DONE and not condition.responsible):
        return Row("add-ons", State.WAITING)
    if condition.status == "True":
        return Row("add-ons", State.DONE, "", _took(asked, condition.last_transition_at))
    return Row("add-ons", State.FAILED if condition.responsible else State.RUNNING, condition.message)


def _stopping(status: Status) -> tuple[Row, ...]:
    """Workers first, then the control plane."""
    rows = []
    for name, type_ in (("workers", "WorkersReady"), ("control plane", "ControlPlaneReady")):
        condition = status.condition(type_)
        if condition is None:
            rows.append(Row(name, State.WAITING))
        elif condition.status == "True":
            rows.append(Row(name, State.DONE, "off"))
        else:
            state = State.FAILED if condition.responsible else State.RUNNING
            rows.append(Row(name, state, condition.message or condition.reason))
    return tuple(rows)


def _deletion(condition: Condition | None) -> tuple[Row, ...]:
    if condition is None:
        return (Row("cloud objects", State.RUNNING),)
    state = State.FAILED if condition.responsible else State.RUNNING
    return (Row("cloud objects", state, condition.message or condition.reason),)


def _took(asked: datetime, end: datetime | None) -> float | None:
    """None where it ended before."""
    seconds = (end - asked).total_seconds() if end else -1.0
    return seconds if seconds >= 0 else None
