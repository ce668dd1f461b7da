"""One cycle of one cluster: look, act, judge, tell, write once."""

from dataclasses import replace
from datetime import datetime
from math import inf
from random import Random

from navarch.domain import conditions
from navarch.domain.autoscaling import all_pods_due, asks_for_pods, counts_pods
from navarch.domain.observed import Observed
from navarch.domain.offer import Offer
from navarch.domain.outcomes import Again, Done, Failed, Result
from navarch.domain.providers import infrastructure, inventory, known_objects
from navarch.domain.spec import Cluster
from navarch.domain.status import Event, Phase, Status
from navarch.domain.steps import CreatesIdentity, Forget
from navarch.domain.timeline import TELL_OF_OBJECTS, Chapter, tell
from navarch.domain.upgrades import Circumstances
from navarch.reconcile.act import Actor
from navarch.reconcile.autoscaling import autoscale, remember
from navarch.reconcile.choosing import judge_chosen
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.executors import Task
from navarch.reconcile.lease import Lease
from navarch.reconcile.observer import Look, Observer
from navarch.reconcile.runtime import Calls
from navarch.reconcile.serving_certificates import decide_requests
from navarch.reconcile.upkeep import keep_up
from navarch.reconcile.waiting_pods import WaitingPods
from navarch.store.contract import Claim

READY_LOOK = 150.0  # seconds between looks at a cluster that is Ready: what changes by itself is seen in three minutes
PAUSED_LOOK = 300.0
AUTOSCALED_LOOK = 6.0  # while pods wait that no machine was found for; others are asked for by `WaitingPods`
PROGRESS_LOOK = 1.0  # while something is on its way that nobody announces
BOOTING_LOOK = 5.0  # while only machines are awaited, which say themselves what is new
FAILED_LOOK_LIMIT = 60.0
BLOCKED_LOOK_LIMIT = 30.0  # while somebody else has to act; what customers ask and machines report is seen at once
_EVENTS_WRITTEN_EVERY = 1.0  # seconds: people watch the timeline grow
_OBJECTS_WRITTEN_EVERY = 0.2  # what is made side by side shares a write


class Cycle:
    """Runs cycles; safe to use from threads, one cluster each."""

    def __init__(self, dependencies: Dependencies, observer: Observer, waiting: WaitingPods, calls: Calls) -> None:
        self._dependencies, self._observer, self._waiting, self._calls = dependencies, observer, waiting, calls

    def run(self, claim: Claim, lease: Lease, offer: Offer) -> None:
        """Bring the claimed cluster as far as it goes now, and let it go. Raises LeaseLost if another worker took it,
        Unavailable if the database went away: both leave nothing half written."""
        cluster, store, runtime = claim.cluster, self._dependencies.store, self._dependencies.runtime
        self._waiting.leave(cluster.id)
        look = self._observer.look(claim, offer)
        events = _Notes(self._dependencies, claim)
        claim, look, scaling = autoscale(self._dependencies, claim, look, offer, events.add)
        cluster = claim.cluster
        observed, results = self._act(claim, lease, look, events)
        if any(isinstance(r.step, Forget) and isinstance(r.outcome, Done) for r in results):
            self._observer.forget(cluster.id)
            return
        self._observer.remember(cluster.id, claim.token, observed)
        now = self._dependencies.clock.now()
        self._decide_certificates(claim, look, observed, events, now)
        status = conditions.judge(cluster, observed, look.wanted, results, claim.status, now=now)
        unseen, until_upkeep = _is_called_ready_unseen(status), inf
        if not unseen:
            seen = Circumstances(status, observed.record.live)
            status, until_upkeep = keep_up(self._dependencies, claim, lease, seen, offer, now)
        incomplete = unseen or not infrastructure(cluster, observed, now).complete
        attempts = claim.attempts + 1 if incomplete or _in_vain(status, results) else 0
        after = min(
            look_again_after(
                cluster,
                status,
                results,
                attempts,
                runtime.random,
                booting=look.access is None and not infrastructure(cluster, observed, now).unsettled(soon=True),
                unclear=incomplete,
            ),
            _until_overdue(status, now),
            until_upkeep,
        )
        after = min(after, judge_chosen(self._dependencies, cluster, claim.token, observed, look.wanted, results, now))
        if scaling is not None:
            scaling = remember(scaling, cluster, observed, results, now, events.add)
        status = conditions.with_autoscaling(status, scaling, cluster, claim.status, now)
        runs = status.ready_at is not None and status.phase is not Phase.STOPPED
        asks_pods = asks_for_pods(cluster) and runs
        if asks_pods:
            after = min(after, _until_all_pods(cluster, look, status, now))
        chapter = self._chapter(claim, look, observed, results, status, now)
        store.record(
            cluster.id,
            claim.token,
            status,
            events=(*events.rest(), *tell(chapter)),
            objects=known_objects(cluster, observed, now),
            inventory=inventory(observed, look.full_at),
            look_again_after=after,
            attempts=attempts,
        )
        if asks_pods and not look.pods_wait and look.access is not None:
            count = look.pods_count if counts_pods(cluster) else None
            self._waiting.ask(cluster.id, look.access.api, after, look.pods_at, count)

    def _act(self, claim: Claim, lease: Lease, look: Look, events: "_Notes") -> tuple[Observed, tuple[Result, ...]]:
        access = look.access.api if look.access is not None else None
        dependencies = self._dependencies
        task = Task(dependencies, claim.cluster, claim.token, dependencies.clock.now(), access, look.inputs)
        return Actor(task, self._calls, lease, look.wanted).advance(look.observed, events.add, events.saw)

    def _decide_certificates(
        self, claim: Claim, look: Look, observed: Observed, events: "_Notes", now: datetime
    ) -> None:
        """Requests of kubelets for serving certificates: whatever the cluster's state, or logs and exec would end."""
        if look.access is None or observed.kube is None or claim.status.ready_at is None:
            return
        machines, addons = observed.record.machines, self._dependencies.addons

        def addresses() -> dict[str, tuple[str, ...]]:
            cloud = infrastructure(claim.cluster, observed, now)
            return {machine.name: cloud.machine(machine).addresses for machine in observed.record.live}

        for event in decide_requests(addons, look.access.api, claim.cluster, machines, addresses, now):
            events.add(event)

    def _chapter(
        self,
        claim: Claim,
        look: Look,
        observed: Observed,
        results: tuple[Result, ...],
        status: Status,
        now: datetime,
    ) -> Chapter:
        """The cycle, for the timeline."""
        cluster, before = claim.cluster, look.before
        seen_at_last = (
            before is not None
            and not infrastructure(cluster, before, now).complete
            and infrastructure(cluster, look.observed, now).complete
        )
        broken_off = claim.abandoned or seen_at_last or (before is None and claim.attempts > 0)
        chapter = Chapter(
            cluster,
            before,
            look.observed,
            observed,
            results,
            claim.status,
            status,
            now,
            broken_off=broken_off,
        )
        if before is not None or broken_off:
            return chapter
        return replace(chapter, told=self._dependencies.store.events_for(cluster.id, TELL_OF_OBJECTS))


def _until_all_pods(cluster: Cluster, look: Look, status: Status, now: datetime) -> float:
    """Seconds until the next look at a cluster for its pods' sake: the less where some wait, or could not be read."""
    if look.pods_at is None or look.pods_wait:
        return AUTOSCALED_LOOK
    return max(0.0, (all_pods_due(cluster, status.autoscaling, look.pods_at) - now).total_seconds())


def _is_called_ready_unseen(status: Status) -> bool:
    """Whether a cluster counts as it was last seen (`domain.silence`): it is looked at again soon."""
    return status.phase is Phase.READY and status.silent_since is not None


def _in_vain(status: Status, results: tuple[Result, ...]) -> bool:
    """Whether something failed, or nothing could be done for a cluster that needs somebody else. A cluster that is only
    late and got further does not count."""
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
    if any(isinstance(r.step, CreatesIdentity) and isinstance(r.outcome, Done) for r in results):
        return PROGRESS_LOOK  # the cluster's controllers are to be told, which takes the next look
    at_rest = status.phase in (Phase.READY, Phase.STOPPED) or _waits_as_wanted(status)
    if at_rest and not cluster.deleting:
        return (READY_LOOK if status.phase is Phase.STOPPED else min(READY_LOOK, _patience(cluster) / 2)) * jitter
    return BOOTING_LOOK * jitter if booting and not cluster.deleting else PROGRESS_LOOK


def _patience(cluster: Cluster) -> float:
    """Seconds after which the first of a cluster's machines is replaced that is not heard of any more: it is to be seen
    before, and perhaps switched on again."""
    groups = (group.spec.repair_after_seconds for group in cluster.node_groups)
    return min((cluster.spec.control_plane.repair_after_seconds, *groups))


def _waits_as_wanted(status: Status) -> bool:
    """Whether all that is not as wanted waits for somebody who wants it to wait."""
    held = [c for c in status.conditions if c.status != "True"]
    return bool(held) and all(c.deadline is None for c in held)


class _Notes:
    """What is written down while a cycle goes on: its events, so that a long one is not silent, and the ids of what it
    made, as soon as they are known. An object that loses its name and its mark is known by its id alone, and whoever
    holds this cluster may be killed before the cycle ends."""

    def __init__(self, dependencies: Dependencies, claim: Claim) -> None:
        self._dependencies, self._cluster, self._token = dependencies, claim.cluster, claim.token
        self._collected: list[Event] = []
        self._known = frozenset(claim.objects)
        self._written_at = dependencies.runtime.elapsed()

    def add(self, event: Event) -> None:
        self._collected.append(event)

    def saw(self, observed: Observed) -> None:
        """Write down what there is by now, if that is more than before; what is gone waits for the cycle's end."""
        elapsed, store = self._dependencies.runtime.elapsed(), self._dependencies.store
        if elapsed - self._written_at <= _OBJECTS_WRITTEN_EVERY:
            return
        objects = known_objects(self._cluster, observed, self._dependencies.clock.now())
        if not self._known.issuperset(objects):
            self._known = self._known.union(objects)
            store.add_events(self._cluster.id, self._token, self.rest(), objects=objects)
            self._written_at = elapsed
        elif self._collected and elapsed - self._written_at > _EVENTS_WRITTEN_EVERY:
            store.add_events(self._cluster.id, self._token, self.rest())
            self._written_at = elapsed

    def rest(self) -> tuple[Event, ...]:
        events, self._collected = tuple(self._collected), []
        return events
