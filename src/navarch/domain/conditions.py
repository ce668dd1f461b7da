"""The judge: from what is seen, and from what came of the steps, to conditions a person can act on.

Pure. Every condition that is not True says why, who must act and how, and by when it should have passed; past its
deadline it says so itself. `Ready` is the first of the others that is not True. The phase is derived, for display.

What could not be read counts as it was last seen for a while (`domain.silence`).

What was changed by hand and put back within one cycle is told as well (`Drifted`), until a further look has seen that
all is as wanted: else nobody would learn of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from navarch.domain import findings, silence
from navarch.domain.autoscaling import Memory, hindrances
from navarch.domain.finding import Finding
from navarch.domain.findings import Evidence
from navarch.domain.machines import Machine
from navarch.domain.maintenance import now_or_next
from navarch.domain.observed import Observed, Wanted
from navarch.domain.outcomes import Result
from navarch.domain.plan import certificates
from navarch.domain.plan.decisions import Decisions, decide
from navarch.domain.plan.stopping import is_off
from navarch.domain.providers import infrastructure
from navarch.domain.required import required
from navarch.domain.spec import API_PORT, Cluster
from navarch.domain.status import Condition, MachineCount, Phase, Status
from navarch.domain.upkeep import Upkeep

INFRASTRUCTURE = "InfrastructureReady"
CONTROL_PLANE = "ControlPlaneReady"
WORKERS = "WorkersReady"
ADDONS = "AddonsReady"
READY = "Ready"
DELETED = "Deleted"
UP_TO_DATE = "UpToDate"
CERTIFICATES = "CertificatesRenewed"
ABLE_TO_SCALE = "AbleToScale"

# How long each chapter may take before it counts as stuck. Measured creations take a tenth of these.
DEADLINES = {
    INFRASTRUCTURE: timedelta(minutes=5),
    CONTROL_PLANE: timedelta(minutes=10),
    WORKERS: timedelta(minutes=10),
    ADDONS: timedelta(minutes=10),
    DELETED: timedelta(minutes=10),
}


def judge(
    cluster: Cluster,
    observed: Observed,
    wanted: Wanted,
    results: tuple[Result, ...],
    previous: Status,
    *,
    now: datetime,
) -> Status:
    """The new status. `results` are those of this cycle; `previous` gives the times of transition and deadlines."""
    settled = is_converged(cluster, previous)
    cloud = infrastructure(cluster, observed, now)
    decided = decide(cluster, observed, wanted, cloud, now)
    evidence = Evidence(cluster, observed, wanted, cloud, results, settled, decided, now)
    chapters = _DELETION if cluster.deleting else _CHAPTERS
    there = settled and decided.running and not cluster.deleting
    since = silence.silent_since(observed, previous, now, api_was_there=there)
    hushed = there and silence.is_short(since, now)
    conditions = [
        _chapter(type_, found(evidence), cluster, previous, now, hushed=hushed) for type_, found in chapters.items()
    ]
    as_last_seen = hushed and observed.kube is None
    power = _power(cluster, decided, conditions)
    ready = _ready(cluster, conditions, power, previous, now)
    endpoint = cloud.endpoint
    is_ready = ready.status == "True" or power is Phase.STOPPED
    return Status(
        phase=_phase(cluster, ready, power, settled and previous.ready_at is not None),
        observed_generation=cluster.generation if is_ready else previous.observed_generation,
        observed_groups=_generations(cluster) if is_ready else previous.observed_groups,
        conditions=(ready, *conditions, *_certificates(cluster, observed, previous, now)),
        machines=previous.machines if as_last_seen else _count(observed, observed.record.live, cluster.wanted),
        groups=previous.groups if as_last_seen else _group_counts(cluster, observed),
        api_url=f"https://{endpoint.public_address}:{API_PORT}" if endpoint.public_address else previous.api_url,
        # for good: machines are told of it, and a balancer in the place of a lost one is asked for at the same
        api_internal_address=previous.api_internal_address or endpoint.internal_address or None,
        kubernetes_version=observed.kube.version if observed.kube else previous.kubernetes_version,
        ready_at=previous.ready_at or (now if ready.status == "True" else None),
        survey=observed.survey or previous.survey,
        maintenance=now_or_next(cluster.spec, now),
        silent_since=since,
        required=previous.required if as_last_seen else required(observed.kube, wanted, previous.required),
    )


def with_upkeep(status: Status, kept: Upkeep | None, cluster: Cluster, previous: Status, now: datetime) -> Status:
    """A judgement with what is to be said of upgrades that nobody has to ask for. `Ready` does not hang on it."""
    if kept is None:
        return status
    told = _condition(UP_TO_DATE, kept.finding, cluster, previous, now)
    if kept.finding is None:
        told = replace(told, message=f"nothing newer than {cluster.spec.node_image} is offered for this minor version")
    return replace(status, conditions=(*(c for c in status.conditions if c.type != UP_TO_DATE), told))


def with_autoscaling(
    status: Status, memory: Memory | None, cluster: Cluster, previous: Status, now: datetime
) -> Status:
    """A judgement with what autoscaling remembers. Said only where a node group cannot grow for pods that wait:
    `Ready` does not hang on it."""
    found = _most_severe(list(hindrances(memory, now))) if memory is not None and not cluster.deleting else None
    said = (_condition(ABLE_TO_SCALE, found, cluster, previous, now),) if found is not None else ()
    return replace(status, autoscaling=memory, conditions=(*status.conditions, *said))


def _certificates(cluster: Cluster, observed: Observed, previous: Status, now: datetime) -> Iterator[Condition]:
    """Said only where one ends. `Ready` does not hang on it."""
    finding = None if cluster.deleting else certificates.ending(cluster, observed, now)
    if finding is not None:
        yield _condition(CERTIFICATES, finding, cluster, previous, now)


_CHAPTERS: Mapping[str, Callable[[Evidence], Iterator[Finding]]] = {
    INFRASTRUCTURE: findings.infrastructure,
    CONTROL_PLANE: findings.control_plane,
    WORKERS: findings.workers,
    ADDONS: findings.addons,
}
_DELETION: Mapping[str, Callable[[Evidence], Iterator[Finding]]] = {DELETED: findings.deletion}


def is_converged(cluster: Cluster, status: Status) -> bool:
    """Whether the wish as it is now came true once: what is done since is repair."""
    return (status.observed_generation, status.observed_groups) == (cluster.generation, _generations(cluster))


def _generations(cluster: Cluster) -> tuple[tuple[str, int], ...]:
    """Those of its node groups, which they have of their own."""
    return tuple((group.name, group.generation) for group in cluster.node_groups)


def _chapter(
    type_: str, found: Iterator[Finding], cluster: Cluster, previous: Status, now: datetime, *, hushed: bool
) -> Condition:
    """`hushed`: something did not answer, and is not told yet: what says nothing else leaves all as it was."""
    everything = [finding for finding in found if not (hushed and finding.silence)]
    before = previous.condition(type_)
    if hushed and not everything and before is not None:
        return before
    return _condition(type_, _most_severe(everything), cluster, previous, now)


def _most_severe(everything: list[Finding]) -> Finding | None:
    """The first that somebody must act on, else the first that may be late, else the first."""
    return min(everything, key=lambda f: (f.responsible is None, f.late is None), default=None)


def _condition(type_: str, finding: Finding | None, cluster: Cluster, previous: Status, now: datetime) -> Condition:
    before = previous.condition(type_)
    status = "True" if finding is None else "False"
    changed = before is None or before.status != status or before.last_transition_at is None
    since = now if changed or before is None else before.last_transition_at or now
    if finding is None:
        return Condition(
            type_, status, "AsWanted", "", last_transition_at=since, observed_generation=cluster.generation
        )
    # A new wish starts the clock anew; a step that only takes long does not.
    renewed = before is None or changed or before.observed_generation != cluster.generation
    made = Condition(
        type_,
        status,
        finding.reason,
        finding.message,
        responsible=finding.responsible,
        remedy=finding.remedy,
        last_transition_at=since,
        observed_generation=cluster.generation,
    )
    if finding.late is None:
        return made
    deadline = now + DEADLINES[type_] if renewed or before is None or before.deadline is None else before.deadline
    made = replace(made, deadline=deadline)
    if finding.responsible is None and now > deadline:
        late = int((now - deadline + DEADLINES[type_]).total_seconds())
        return replace(
            made,
            message=f"{finding.message} (for {late} s; {int(DEADLINES[type_].total_seconds())} s were allowed)",
            responsible=finding.late[0],
            remedy=finding.late[1],
        )
    return made


def _power(cluster: Cluster, decided: Decisions, conditions: list[Condition]) -> Phase | None:
    """Whether a cluster stops or is stopped; None: it runs, or is to."""
    if decided.running or cluster.deleting or cluster.spec.paused:
        return None
    is_stopped = is_off(decided.checkups) and all(c.status == "True" for c in conditions)
    return Phase.STOPPED if is_stopped else Phase.STOPPING


def _ready(
    cluster: Cluster, conditions: list[Condition], power: Phase | None, previous: Status, now: datetime
) -> Condition:
    before = previous.condition(READY)
    if cluster.spec.paused and not cluster.deleting:
        worst: Condition | None = Condition("", "Unknown", "Paused", "paused by its user: Navarch keeps its hands off")
    elif power is Phase.STOPPED:
        worst = Condition("", "Unknown", "Stopped", "stopped: its machines are off; its data, disks and addresses stay")
    else:
        held = [c for c in conditions if c.status != "True"]
        worst = next((c for c in held if c.responsible is not None), held[0] if held else None)
    status = "True" if worst is None else ("Unknown" if worst.status == "Unknown" else "False")
    since = before.last_transition_at if before is not None and before.status == status else now
    if worst is None:
        message = "all machines are Ready and all add-ons available"
        return Condition(
            READY, status, "AllMachinesReady", message, last_transition_at=since, observed_generation=cluster.generation
        )
    return replace(worst, type=READY, status=status, last_transition_at=since, observed_generation=cluster.generation)


def _phase(cluster: Cluster, ready: Condition, power: Phase | None, was_ready: bool) -> Phase:
    """`was_ready`: the wish as it is now came true once."""
    if ready.responsible is not None:
        return Phase.BLOCKED
    if cluster.deleting:
        return Phase.DELETING
    if cluster.spec.paused:
        return Phase.PAUSED
    if power is not None:
        return power
    if ready.status == "True":
        return Phase.READY
    return Phase.DEGRADED if was_ready else Phase.PROGRESSING


def _count(observed: Observed, machines: tuple[Machine, ...], desired: int) -> MachineCount:
    ready = {n.name for n in observed.kube.nodes if n.ready} if observed.kube else set()
    staying = (m for m in machines if not m.removing and m.kept_at is None)
    return MachineCount(desired=desired, ready=len([m for m in staying if m.name in ready]))


def _group_counts(cluster: Cluster, observed: Observed) -> tuple[tuple[str, MachineCount], ...]:
    return tuple(
        (
            group.name,
            _count(
                observed,
                tuple(m for m in observed.record.live if m.group == group.name),
                group.wanted,
            ),
        )
        for group in cluster.node_groups
    )
