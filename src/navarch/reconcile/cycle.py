"""One cycle of one cluster: look, act, judge, write once."""

from collections.abc import Iterator
from datetime import datetime
from math import inf
from random import Random

from navarch.domain import conditions
from navarch.domain.catalogue import Catalogue
from navarch.domain.doubles import api_balancer
from navarch.domain.names import owner
from navarch.domain.observed import CloudState, Kind, Observed, Resource
from navarch.domain.spec import Cluster, Owner
from navarch.domain.status import Event, Phase, Status
from navarch.domain.steps import Again, Done, EnsureIdentity, Failed, Forget, Result, subject
from navarch.reconcile.act import BUILDS_AT_LEAST, Actor, Hands, unsettled
from navarch.reconcile.lease import Lease
from navarch.reconcile.look import Lookout, Seen
from navarch.reconcile.runtime import Calls
from navarch.reconcile.serving_certificates import decide_requests
from navarch.store.contract import Claim

READY_LOOK = 150.0  # seconds between looks at a cluster that is Ready: what changes by itself is seen in three minutes
PAUSED_LOOK = 300.0
PROGRESS_LOOK = 1.0  # while something is on its way that nobody announces
BOOTING_LOOK = 5.0  # while only machines are awaited, which say themselves what is new
FAILED_LOOK_LIMIT = 60.0
BLOCKED_LOOK_LIMIT = 30.0  # while somebody else has to act; what customers ask and machines report is seen at once
_EVENTS_FLUSHED_EVERY = 1.0  # seconds: people watch the timeline grow


class Cycle:
    """Runs cycles; safe to use from threads, one cluster each."""

    def __init__(self, hands: Hands, lookout: Lookout, calls: Calls) -> None:
        self._hands, self._lookout, self._calls = hands, lookout, calls

    def run(self, claim: Claim, lease: Lease, catalogue: Catalogue) -> None:
        """Bring the claimed cluster as far as it goes now, and let it go. Raises LeaseLost if another worker took it,
        Unavailable if the database went away: both leave nothing half written."""
        cluster, previous = claim.cluster, claim.status
        seen = self._lookout.look(cluster, previous, claim.token, catalogue)
        timeline = _Timeline(self._hands, cluster, claim.token)
        now = self._hands.runtime.now()
        taken_over = _taken_over(seen, claim, now)
        for event in (*taken_over, *_arrivals(seen.before, seen.observed, cluster, now)):
            timeline.add(event)
        actor = Actor(self._hands, self._calls, cluster, lease, catalogue, seen.inside)
        observed, results = actor.advance(seen.observed, timeline.add)
        if any(isinstance(r.step, Forget) and isinstance(r.outcome, Done) for r in results):
            self._lookout.forget(cluster.id)
            return
        for event in _found(seen, observed, results, cluster, self._hands.runtime.now()):
            timeline.add(event)
        self._lookout.remember(cluster.id, claim.token, observed)
        now, access = self._hands.runtime.now(), seen.inside.access
        if previous.phase is Phase.READY and access is not None and observed.kube is not None:
            for event in decide_requests(self._hands.addons, access, cluster, observed.machines, now):
                timeline.add(event)
        says_little = _says_little(claim, observed, results)
        status = previous if says_little else conditions.judge(cluster, observed, results, previous, now=now)
        unclear = says_little or not observed.cloud.complete
        attempts = claim.attempts + 1 if unclear or _in_vain(status, results) else 0
        booting = access is None and not unsettled(cluster, observed, now + BUILDS_AT_LEAST)
        self._hands.store.record(
            cluster.id,
            claim.token,
            status,
            events=(*timeline.rest(), *_transitions(previous, status, cluster, now)),
            look_again_after=min(
                look_again_after(
                    cluster,
                    status,
                    results,
                    attempts,
                    self._hands.runtime.random,
                    booting=booting,
                    unclear=unclear,
                ),
                _until_overdue(status, now),
            ),
            attempts=attempts,
        )


def _says_little(claim: Claim, observed: Observed, results: tuple[Result, ...]) -> bool:
    """Whether all that a look at a Ready cluster showed is that not everything answered, for the first time. Among
    thousands of clusters that happens all the time: it is told when it happens twice in a row."""
    cluster, status, trouble = claim.cluster, claim.status, observed.cloud.trouble
    as_wanted = status.phase is Phase.READY and conditions.came_true(cluster, status) and not cluster.deleting
    passes = (trouble or observed.kube is None) and all(t.blame is None for t in trouble)
    return bool(as_wanted and passes and not claim.attempts and not results)


def _in_vain(status: Status, results: tuple[Result, ...]) -> bool:
    """Whether something failed, or nothing could be done for a cluster that needs somebody else. One that is only late,
    and got further, is no such."""
    failed = any(isinstance(r.outcome, Again | Failed) for r in results)
    return failed or (status.phase is Phase.BLOCKED and not results)


def _until_overdue(status: Status, now: datetime) -> float:
    """Seconds until somebody has to be told that something takes too long."""
    held = (c.deadline for c in status.conditions if c.status != "True" and c.blame is None)
    return min(((d - now).total_seconds() + 1.0 for d in held if d is not None and d >= now), default=inf)


def look_again_after(
    cluster: Cluster,
    status: Status,
    results: tuple[Result, ...],
    attempts: int,
    random: Random,
    *,
    booting: bool = False,
    unclear: bool = False,
) -> float:
    """Seconds until the next look: soon while something is on its way, later the longer it fails or waits for somebody
    else, with jitter so that clusters that failed together do not come back together. `booting`: nothing is awaited but
    machines' reports; `unclear`: not everything answered."""
    jitter = random.uniform(0.9, 1.1)
    if any(isinstance(r.outcome, Failed) for r in results):
        return min(FAILED_LOOK_LIMIT, 5.0 * 2.0 ** min(attempts, 6)) * jitter
    waits = [r.outcome.after for r in results if isinstance(r.outcome, Again)]
    if waits or unclear:
        return max(min(waits, default=0.0), min(30.0, 0.5 * 2.0 ** min(attempts, 8))) * jitter
    if status.phase is Phase.BLOCKED:
        return min(BLOCKED_LOOK_LIMIT, 2.0 ** min(attempts, 6)) * jitter
    if status.phase is Phase.PAUSED:
        return PAUSED_LOOK * jitter
    if status.phase is Phase.READY and not cluster.deleting:
        return READY_LOOK * jitter
    return BOOTING_LOOK * jitter if booting and not cluster.deleting else PROGRESS_LOOK


class _Timeline:
    """Collects a cycle's events and writes them while it goes on, so that a long cycle is not silent."""

    def __init__(self, hands: Hands, cluster: Cluster, token: int) -> None:
        self._hands, self._cluster, self._token = hands, cluster, token
        self._events: list[Event] = []
        self._flushed_at = hands.runtime.elapsed()

    def add(self, event: Event) -> None:
        self._events.append(event)
        if self._hands.runtime.elapsed() - self._flushed_at > _EVENTS_FLUSHED_EVERY:
            self._hands.store.add_events(self._cluster.id, self._token, self.rest())
            self._flushed_at = self._hands.runtime.elapsed()

    def rest(self) -> tuple[Event, ...]:
        events, self._events = tuple(self._events), []
        return events


def _arrivals(before: Observed | None, seen: Observed, cluster: Cluster, now: datetime) -> list[Event]:
    """What came true since the last look without a step of ours: servers that run, a balancer that is there, nodes."""
    if before is None:
        return []
    events: list[Event] = []

    def arrived(reason: str, subject: str, since: datetime | None, component: str) -> None:
        seconds = _seconds(since, now)
        events.append(
            Event(
                since or now, reason, f"{subject}: {reason}", subject, component, seconds, "Normal", cluster.generation
            )
        )

    ran = {s.id for s in before.cloud.servers or () if s.status == "ACTIVE"}
    for server in seen.cloud.servers or ():
        if server.status == "ACTIVE" and server.id not in ran and before.cloud.servers is not None:
            arrived("ServerActive", server.name, server.created_at, "cloud")
    was, now_is = _balancer(before, owner(cluster)), _balancer(seen, owner(cluster))
    if now_is == "ACTIVE" and was not in (None, "ACTIVE"):
        arrived("LoadBalancerActive", "api", None, "cloud")
    if seen.kube is not None:
        machines = {m.name: m for m in seen.machines}
        ready = {n.name for n in before.kube.nodes if n.ready} if before.kube is not None else set()
        for node in seen.kube.nodes:
            if node.ready and node.name not in ready and node.name in machines:
                arrived("NodeReady", node.name, machines[node.name].created_at, "kubernetes")
        available = {a.name for a in before.kube.addons if a.available} if before.kube is not None else set()
        for addon in seen.kube.addons:
            if addon.available and addon.name not in available:
                arrived("AddonAvailable", addon.name, None, "kubernetes")
    return events


def _taken_over(seen: Seen, claim: Claim, now: datetime) -> list[Event]:
    """What is there already where the last cycle did not come to its end, here or elsewhere: it may not have been able
    to tell what it did."""
    cluster, before, cloud = claim.cluster, seen.before, seen.observed.cloud
    # a look in between that could not see everything was not able to tell it either
    at_last = before is not None and not before.cloud.complete and cloud.complete
    if not (claim.abandoned or at_last or (before is None and claim.attempts)):
        return []
    ours = [f"{kind} {resource.name}" for kind, resource in _ours(cloud)]
    if not ours:
        return []
    message = f"a worker goes on from what is there: {', '.join(ours)}"
    return [Event(now, "TakenOver", message, cluster.name, "navarch", None, "Normal", cluster.generation)]


def _found(
    seen: Seen, now_seen: Observed, results: tuple[Result, ...], cluster: Cluster, now: datetime
) -> Iterator[Event]:
    """What came to be without a step of ours that says so: the answer to its creation was lost, as a rule."""
    complete = seen.before is not None and seen.before.cloud.complete
    before = seen.before.cloud if seen.before is not None and complete else seen.observed.cloud
    known = {resource.id for _, resource in _ours(before)}
    done = (r.step for r in results if isinstance(r.outcome, Done))
    told = {cluster.id if isinstance(step, EnsureIdentity) else subject(step) for step in done}
    for kind, resource in _ours(now_seen.cloud):
        if before.knows(kind) and resource.id not in known and resource.name not in told:
            message = f"{kind} {resource.name} is there, though the cloud did not answer that it was made"
            yield Event(now, "Found", message, resource.name, "cloud", None, "Normal", cluster.generation)


def _ours(cloud: CloudState) -> Iterator[tuple[Kind, Resource]]:
    """What Navarch made: not what the cluster's controllers did."""
    for kind in Kind:
        for resource in cloud.of(kind):
            if getattr(resource, "made_by", "navarch") == "navarch" and kind is not Kind.SNAPSHOT:
                yield kind, resource


def _seconds(since: datetime | None, now: datetime) -> float | None:
    """How long it took. Clocks differ: what would have taken less than no time took none."""
    return max(0.0, (now - since).total_seconds()) if since is not None else None


def _balancer(seen: Observed, of: Owner) -> str | None:
    balancer = api_balancer(seen, of)
    return balancer.provisioning_status if balancer is not None else None


def _transitions(previous: Status, status: Status, cluster: Cluster, now: datetime) -> tuple[Event, ...]:
    """Conditions that changed their mind, in the customer's words."""
    events = []
    for condition in status.conditions:
        before = previous.condition(condition.type)
        if before is not None and (before.status, before.reason) == (condition.status, condition.reason):
            continue
        if condition.status != "True" and condition.blame is None:
            continue  # progress is told by the steps themselves
        level = "Normal" if condition.status == "True" else "Warning"
        seconds = _seconds(cluster.created_at, now) if condition.type == "Ready" and level == "Normal" else None
        remedy = f" ({condition.blame}: {condition.remedy})" if condition.blame else ""
        reason = condition.type if level == "Normal" else condition.reason
        events.append(
            Event(
                cluster.created_at if seconds is not None else now,
                reason,
                (condition.message or f"{condition.type}: {condition.reason}") + remedy,
                cluster.name,
                "navarch",
                seconds,
                level,
                cluster.generation,
            )
        )
    return tuple(events)
