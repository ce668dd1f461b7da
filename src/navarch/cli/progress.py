"""How far a cluster is, as rows that a person reads: pure, from what the service answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from navarch.cli.output import parse_time
from navarch.client.shapes import Cluster, Condition, Machine


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
    """A cluster at one moment. `blocked`: the condition somebody must act on, if there is one."""

    name: str
    phase: str
    rows: tuple[Row, ...]
    blocked: Condition | None


_STEM_LENGTH = 24  # of a cluster's name in the names of its objects
# The chapters of the cloud's part in the order they begin, by the reasons the service gives while they are not done.
_CLOUD_CHAPTERS = (
    ("network", "CreatingNetwork"),
    ("load balancer", "CreatingLoadBalancer"),
    ("floating address", "CreatingFloatingIP"),
)


def asked_at(cluster: Cluster, otherwise: datetime) -> datetime:
    """When what is waited for was asked for: the cluster, until it is Ready; later when it stopped being Ready;
    `otherwise` where it is Ready."""
    status = cluster["status"]
    if not status.get("ready_at"):
        return parse_time(cluster["created_at"])
    ready = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), None)
    since = ready.get("last_transition_at") if ready is not None and ready["status"] != "True" else None
    return parse_time(since) if since else otherwise


def progress_of(
    cluster: Cluster, machines: Sequence[Machine], now: datetime, asked: datetime | None = None
) -> Progress:
    """The rows: the cloud's part, every machine, the Kubernetes API, nodes, add-ons; on deletion what is left; of one
    that stops what is still on. `asked`: when it was asked for; None: with the cluster."""
    asked = asked or parse_time(cluster["created_at"])
    conditions = {c["type"]: c for c in cluster["status"].get("conditions") or []}
    if cluster.get("deletion_requested_at"):
        rows = (*_machine_rows(cluster, machines, now), *_deletion(conditions.get("Deleted")))
    elif cluster["status"].get("phase") in ("Stopping", "Stopped"):
        rows = _stopping(conditions)
    else:
        rows = (
            *_cloud(conditions.get("InfrastructureReady"), cluster, asked),
            *_machine_rows(cluster, machines, now),
            *_kubernetes(cluster, conditions, asked),
        )
    return Progress(cluster["name"], cluster["status"].get("phase") or "Progressing", rows, blocked(cluster))


def blocked(cluster: Cluster) -> Condition | None:
    """The condition that names who must act: Ready's copy is left for the more exact one where there is one."""
    found = [c for c in cluster["status"].get("conditions") or [] if c.get("responsible") and c["status"] != "True"]
    return next((c for c in found if c["type"] != "Ready"), found[0] if found else None)


def _cloud(condition: Condition | None, cluster: Cluster, asked: datetime) -> tuple[Row, ...]:
    if condition is None:
        return tuple(Row(name, State.WAITING) for name, _ in _CLOUD_CHAPTERS)
    if condition["status"] == "True":
        took = _took(asked, condition.get("last_transition_at"))
        details = {"floating address": cluster["status"].get("api_url") or ""}
        return tuple(
            Row(name, State.DONE, details.get(name, ""), took if name == _CLOUD_CHAPTERS[-1][0] else None)
            for name, _ in _CLOUD_CHAPTERS
        )
    reasons = [reason for _, reason in _CLOUD_CHAPTERS]
    current = reasons.index(condition["reason"]) if condition["reason"] in reasons else None
    if current is None:
        state = State.FAILED if condition.get("responsible") else State.RUNNING
        return (Row("cloud", state, condition["message"] or condition["reason"]),)
    rows = []
    for place, (name, _) in enumerate(_CLOUD_CHAPTERS):
        state = State.DONE if place < current else State.RUNNING if place == current else State.WAITING
        rows.append(Row(name, state, condition["message"] if place == current else ""))
    return tuple(rows)


def stem_of(cluster: Cluster) -> str:
    """What the names of all objects of this cluster begin with."""
    return f"{cluster['name'][:_STEM_LENGTH].rstrip('-')}-{cluster['id'][:8]}-"


def _machine_rows(cluster: Cluster, machines: Sequence[Machine], now: datetime) -> tuple[Row, ...]:
    stem = stem_of(cluster)
    return tuple(_machine(machine, f"machine {machine['name'].removeprefix(stem)}", now) for machine in machines)


def _machine(machine: Machine, name: str, now: datetime) -> Row:
    steps = machine.get("boot") or []
    last = steps[-1] if steps else None
    if machine.get("removing"):
        return Row(name, State.RUNNING, "leaving")
    if machine.get("kept_at"):
        return Row(name, State.DONE, "kept for a look")
    if machine.get("joined"):
        took = _took(parse_time(machine["created_at"]), last["at"] if last else None)
        return Row(name, State.DONE, "joined", took)
    going = max(0.0, (now - parse_time(machine["created_at"])).total_seconds())
    if last is None:
        return Row(name, State.RUNNING, "boots", going)
    failed = next((s for s in steps if s["state"] == "failed"), None)
    if failed is not None:
        lines = (failed.get("log") or "").strip().splitlines()
        return Row(name, State.FAILED, f"{failed['step']} failed{': ' + lines[-1] if lines else ''}", going)
    running = next((s for s in steps if s["state"] == "started"), last)
    return Row(name, State.RUNNING, running["step"], going)


def _kubernetes(cluster: Cluster, conditions: dict[str, Condition], asked: datetime) -> tuple[Row, ...]:
    status = cluster["status"]
    control, workers, addons = (conditions.get(t) for t in ("ControlPlaneReady", "WorkersReady", "AddonsReady"))
    count = status.get("machines") or {"desired": 0, "ready": 0}
    version = status.get("kubernetes_version")
    silent = control is not None and control["reason"] == "WaitingForKubernetesAPI"
    api = Row("Kubernetes API", State.WAITING)
    if version and not silent:
        api = Row("Kubernetes API", State.DONE, f"version {version}")
    elif silent and control is not None:
        api = Row("Kubernetes API", State.RUNNING, control["message"])
    parts_ready = all(c is not None and c["status"] == "True" for c in (control, workers))
    nodes = State.DONE if parts_ready else State.RUNNING if api.state is State.DONE else State.WAITING
    waiting = next((c for c in (control, workers) if c is not None and c["reason"] == "NodesNotReady"), None)
    detail = f"{count['ready']} of {count['desired']} Ready" + (f"; {waiting['message']}" if waiting else "")
    ends = [_took(asked, c.get("last_transition_at")) for c in (control, workers) if c is not None]
    last = max((seconds for seconds in ends if seconds is not None), default=None)
    return (api, Row("nodes", nodes, detail, last if parts_ready else None), _addons(addons, api.state, asked))


def _addons(condition: Condition | None, api: State, asked: datetime) -> Row:
    if condition is None or (
        condition["status"] != "True" and api is not State.DONE and not condition.get("responsible")
    ):
        return Row("add-ons", State.WAITING)
    if condition["status"] == "True":
        return Row("add-ons", State.DONE, "", _took(asked, condition.get("last_transition_at")))
    return Row("add-ons", State.FAILED if condition.get("responsible") else State.RUNNING, condition["message"])


def _stopping(conditions: dict[str, Condition]) -> tuple[Row, ...]:
    """Workers first, then the control plane."""
    rows = []
    for name, type_ in (("workers", "WorkersReady"), ("control plane", "ControlPlaneReady")):
        condition = conditions.get(type_)
        if condition is None:
            rows.append(Row(name, State.WAITING))
        elif condition["status"] == "True":
            rows.append(Row(name, State.DONE, "off"))
        else:
            state = State.FAILED if condition.get("responsible") else State.RUNNING
            rows.append(Row(name, state, condition["message"] or condition["reason"]))
    return tuple(rows)


def _deletion(condition: Condition | None) -> tuple[Row, ...]:
    if condition is None:
        return (Row("cloud objects", State.RUNNING),)
    state = State.FAILED if condition.get("responsible") else State.RUNNING
    return (Row("cloud objects", state, condition["message"] or condition["reason"]),)


def _took(asked: datetime, end: str | None) -> float | None:
    """None where it ended before."""
    seconds = (parse_time(end) - asked).total_seconds() if end else -1.0
    return seconds if seconds >= 0 else None
