"""One cycle of one cluster: look, act, judge, write once."""

from collections.abc import Iterator
from datetime import datetime
from math import inf
from random import Random

from navarch.domain import conditions
from navarch.domain.observed import Observed
from navarch.domain.offer import Offer
from navarch.domain.spec import Cluster
from navarch.domain.status import Event, Phase, Status
from navarch.domain.steps import Again, Done, Failed, Forget, Result
from navarch.domain.timeline import TELL_OF_OBJECTS, arrivals, found, taken_over, transitions, untold
from navarch.reconcile.act import BUILDS_AT_LEAST, Actor, Dependencies, unsettled
from navarch.reconcile.lease import Lease
from navarch.reconcile.look import Observer, Seen
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

    def __init__(self, dependencies: Dependencies, observer: Observer, calls: Calls) -> None:
        self._dependencies, self._observer, self._calls = dependencies, observer, calls

    def run(self, claim: Claim, lease: Lease, offer: Offer) -> None:
        """Bring the claimed cluster as far as it goes now, and let it go. Raises LeaseLost if another worker took it,
        Unavailable if the database went away: both leave nothing half written."""
        cluster, previous = claim.cluster, claim.status
        seen = self._observer.look(cluster, previous, claim.token, offer)
        timeline = _Timeline(self._dependencies, cluster, claim.token)
        now = self._dependencies.runtime.now()
        for event in (*self._came_before(claim, seen, now), *arrivals(seen.before, seen.observed, cluster, now)):
            timeline.add(event)
        actor = Actor(self._dependencies, self._calls, cluster, lease, offer, seen.inside)
        observed, results = actor.advance(seen.observed, timeline.add)
        if any(isinstance(r.step, Forget) and isinstance(r.outcome, Done) for r in results):
            self._observer.forget(cluster.id)
            return
        before = seen.before if seen.before is not None and seen.before.cloud.complete else seen.observed
        for event in found(before.cloud, observed.cloud, results, cluster, self._dependencies.runtime.now()):
            timeline.add(event)
        self._observer.remember(cluster.id, claim.token, observed)
        now, access = self._dependencies.runtime.now(), seen.inside.access
        if previous.phase is Phase.READY and access is not None and observed.kube is not None:
            for event in decide_requests(self._dependencies.addons, access, cluster, observed.machines, now):
                timeline.add(event)
        says_little = _says_little(claim, observed, results)
        status = previous if says_little else conditions.judge(cluster, observed, results, previous, now=now)
        unclear = says_little or not observed.cloud.complete
        attempts = claim.attempts + 1 if unclear or _in_vain(status, results) else 0
        booting = access is None and not unsettled(cluster, observed, now + BUILDS_AT_LEAST)
        self._dependencies.store.record(
            cluster.id,
            claim.token,
            status,
            events=(*timeline.rest(), *transitions(previous, status, cluster, now)),
            look_again_after=min(
                look_again_after(
                    cluster,
                    status,
                    results,
                    attempts,
                    self._dependencies.runtime.random,
                    booting=booting,
                    unclear=unclear,
                ),
                _until_overdue(status, now),
            ),
            attempts=attempts,
        )

    def _came_before(self, claim: Claim, seen: Seen, now: datetime) -> Iterator[Event]:
        """What is there and perhaps was not told: the last cycle did not come to its end, could not see everything, or
        was another worker's."""
        cluster, before, cloud = claim.cluster, seen.before, seen.observed.cloud
        at_last = before is not None and not before.cloud.complete and cloud.complete
        if claim.abandoned or at_last or (before is None and claim.attempts):
            yield from taken_over(cloud, cluster, now)
        elif before is None:
            told = self._dependencies.store.events_for(cluster.id, TELL_OF_OBJECTS)
            yield from untold(cloud, told, cluster, now)


def _says_little(claim: Claim, observed: Observed, results: tuple[Result, ...]) -> bool:
    """Whether all that a look at a Ready cluster showed is that not everything answered, for the first time. Among
    thousands of clusters that happens all the time: it is told when it happens twice in a row."""
    cluster, status, trouble = claim.cluster, claim.status, observed.cloud.trouble
    as_wanted = status.phase is Phase.READY and conditions.came_true(cluster, status) and not cluster.deleting
    passes = (trouble or observed.kube is None) and all(t.responsible is None for t in trouble)
    return bool(as_wanted and passes and not claim.attempts and not results)


def _in_vain(status: Status, results: tuple[Result, ...]) -> bool:
    """Whether something failed, or nothing could be done for a cluster that needs somebody else. One that is only late,
    and got further, is no such."""
    failed = any(isinstance(r.outcome, Again | Failed) for r in results)
    return failed or (status.phase is Phase.BLOCKED and not results)


def _until_overdue(status: Status, now: datetime) -> float:
    """Seconds until somebody has to be told that something takes too long."""
    held = (c.deadline for c in status.conditions if c.status != "True" and c.responsible is None)
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

    def __init__(self, dependencies: Dependencies, cluster: Cluster, token: int) -> None:
        self._dependencies, self._cluster, self._token = dependencies, cluster, token
        self._events: list[Event] = []
        self._flushed_at = dependencies.runtime.elapsed()

    def add(self, event: Event) -> None:
        self._events.append(event)
        if self._dependencies.runtime.elapsed() - self._flushed_at > _EVENTS_FLUSHED_EVERY:
            self._dependencies.store.add_events(self._cluster.id, self._token, self.rest())
            self._flushed_at = self._dependencies.runtime.elapsed()

    def rest(self) -> tuple[Event, ...]:
        events, self._events = tuple(self._events), []
        return events
