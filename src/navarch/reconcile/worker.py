"""The worker process: loops that claim clusters, and some that keep what they need.

Any number of workers, each with any number of loops, may run against one database. A worker that dies loses nothing:
its leases end and others go on from what is seen.
"""

from collections.abc import Callable
from threading import Lock
from typing import Protocol

from structlog.contextvars import bound_contextvars

from navarch.domain.errors import NavarchError, Temporary
from navarch.domain.offer import Offer
from navarch.domain.spec import Cluster
from navarch.reconcile.cycle import Cycle
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.insights import AT_ONCE as INSIGHTS_AT_ONCE
from navarch.reconcile.insights import Insights
from navarch.reconcile.lease import LEASE, Lease
from navarch.reconcile.observer import Observer
from navarch.reconcile.offers import Offers
from navarch.reconcile.runtime import Flag, Runtime, Task
from navarch.reconcile.waiting_pods import WaitingPods
from navarch.store.contract import Claim, LeaseLost, Unreadable

OFFER_EVERY = 60.0
OFFER_RETRY = 5.0
DATABASE_RETRY = 2.0
QUOTAS_AT_ONCE = 8
PODS_AT_ONCE = 16  # clusters that are asked whether pods wait; one that does not answer is not asked again
ASKED_AGAIN = 1.0  # seconds after which a request that waits for a quota asks again
LONGEST_SLEEP = 10.0  # a lost notification is made good after this
TOO_LATE_PAUSE = 0.02  # until it shows that another worker took what was due
SAFETY_NET = 60.0  # the loops that another one watches for; nothing known needs them to look by themselves


class Log(Protocol):
    """What the worker needs of a structured logger."""

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...

    def exception(self, event: str, **values: object) -> object: ...


class Worker:
    """`name` is unique among workers. `threads` clusters are worked on at once: one that waits for an answer of its
    cloud keeps a thread, and no core. `calls` bounds the steps that are taken at once for all of them, and so what one
    worker asks of the cloud."""

    def __init__(self, dependencies: Dependencies, log: Log, *, name: str, threads: int = 24, calls: int = 32) -> None:
        self._dependencies, self._log, self._name, self._threads = dependencies, log, name, threads
        self._runtime = dependencies.runtime
        self._steps = self._runtime.calls(calls, "step")
        self._looks = self._runtime.calls(max(4, threads), "look")
        self._quotas = self._runtime.calls(QUOTAS_AT_ONCE, "quota")
        self._observer = Observer(dependencies, self._looks)
        self._pods = self._runtime.calls(PODS_AT_ONCE, "pods")
        self._waiting = WaitingPods(dependencies, self._pods, self._observer.hurry)
        self._inside = self._runtime.calls(INSIGHTS_AT_ONCE, "inside")
        self._insights = Insights(dependencies, self._inside)
        self._offers = Offers(dependencies)
        self._cycle = Cycle(dependencies, self._observer, self._waiting, self._steps)
        self._stop = self._runtime.flag()
        self._sleepers = _Sleepers(self._runtime)
        self._offer: Offer | None = None
        self._running: list[Task] = []
        self._held: dict[str, Lease] = {}
        self._held_lock = Lock()

    def start(self) -> None:
        """Start all loops and return."""
        loops: list[tuple[str, Callable[[], None]]] = [
            ("offer", self._keep_offer),
            ("listen", self._listen),
            ("lease", self._keep_leases),
            ("pods", self._ask_for_pods),
        ]
        loops += [(f"cluster-{n}", self._claim_and_run) for n in range(self._threads)]
        self._running += [self._runtime.start(name, loop) for name, loop in loops]
        self._log.info("worker started", worker=self._name, threads=self._threads)

    def stop(self, timeout: float = 30.0) -> None:
        """Let cycles come to their end, at most `timeout` seconds."""
        self._stop.set()
        self._sleepers.wake_all()
        deadline = self._runtime.elapsed() + timeout
        for task in self._running:
            task.join(max(0.0, deadline - self._runtime.elapsed()))
        if any(task.is_alive() for task in self._running):
            return  # what they do is finished or taken over by others; their calls end with the process
        self._steps.close()
        self._looks.close()
        self._quotas.close()
        self._pods.close()
        self._inside.close()

    # -- clusters

    def _claim_and_run(self) -> None:
        while not self._stop.is_set():
            offer = self._offer
            if offer is None:  # nothing can be planned before the cloud was read once
                self._stop.wait(0.2)
                continue
            try:
                if not self._sleepers.sleep(self._dependencies.store.next_due):
                    continue
                asked_at, asked_by_clock = self._runtime.elapsed(), self._dependencies.clock.own()
                claim = self._dependencies.store.claim(self._name, lease=LEASE)
                if claim is None:
                    self._stop.wait(TOO_LATE_PAUSE)
                    continue
                self._dependencies.clock.agree(claim.at, asked_by_clock)
                self._sleepers.wake_one()  # more may be due
                with bound_contextvars(**_words_about(claim.cluster)):
                    self._run(claim, Lease(claim.cluster.id, claim.token, self._runtime.elapsed, asked_at), offer)
            except Temporary as error:
                self._log.warning("database away", error=error.message)
                self._stop.wait(error.after)
            except Unreadable as error:
                self._log.warning("cluster not readable", error=str(error))
            except Exception:  # noqa: BLE001 - a fault in one cycle must not end the loop; it is logged with its trace
                self._log.exception("worker loop failed", worker=self._name)
                self._stop.wait(DATABASE_RETRY)

    def _run(self, claim: Claim, lease: Lease, offer: Offer) -> None:
        cluster = claim.cluster
        with self._held_lock:
            self._held[cluster.id] = lease
        start = self._runtime.elapsed()
        try:
            with self._dependencies.metrics.cycle():
                self._cycle.run(claim, lease, self._offers.to(cluster, offer))
        except LeaseLost:
            self._observer.forget(cluster.id)
            self._log.warning("lease lost", cluster=cluster.id, token=claim.token)
        except Temporary:  # the database is away, or another transaction was faster
            self._observer.forget(cluster.id)
            self._give_back(claim, lease)
            raise
        except Exception:  # noqa: BLE001 - a fault of ours in this cluster; the others go on, this one is tried again
            self._observer.forget(cluster.id)
            self._log.exception("cycle failed", cluster=cluster.id, generation=cluster.generation)
            self._give_back(claim, lease)
        finally:
            with self._held_lock:
                if self._held.get(cluster.id) is lease:
                    del self._held[cluster.id]
        seconds = round(self._runtime.elapsed() - start, 3)
        self._log.info("cycle", cluster=cluster.id, name=cluster.name, seconds=seconds)

    def _give_back(self, claim: Claim, lease: Lease) -> None:
        """Let a cluster go whose cycle failed, with a growing delay; its status stays as it was. Steps that still run
        ask for nothing more: another worker may have it at once."""
        lease.lose()
        attempts = claim.attempts + 1
        delay = min(60.0, 2.0 ** min(attempts, 6))
        try:
            self._dependencies.store.record(
                claim.cluster.id, claim.token, claim.status, look_again_after=delay, attempts=attempts
            )
        except NavarchError:
            self._log.warning("cluster not given back; its lease will end", cluster=claim.cluster.id)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                if self._dependencies.store.wait(1.0):
                    self._sleepers.wake_one()
                    for project_id in self._dependencies.store.take_wanted_quotas():
                        self._quotas.submit(self._read_quota, project_id)
                    self._insights.begin()
            except Temporary:
                self._stop.wait(DATABASE_RETRY)
            except Exception:  # noqa: BLE001 - listening goes on whatever happened; it is logged with its trace
                self._log.exception("listening failed")
                self._stop.wait(DATABASE_RETRY)

    def _keep_leases(self) -> None:
        while not self._stop.wait(LEASE / 4):
            with self._held_lock:
                held = list(self._held.values())
            for lease in held:
                asked_at = self._runtime.elapsed()
                try:
                    lease.check()  # one that has ended is not held any longer than it already is
                    with self._dependencies.metrics.renewal():
                        self._dependencies.store.renew(lease.cluster_id, lease.token, lease=LEASE)
                    lease.renewed(asked_at)
                except LeaseLost:
                    lease.lose()
                except NavarchError as error:
                    self._log.warning("lease not renewed", cluster=lease.cluster_id, error=str(error))

    def _ask_for_pods(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self._waiting.begin()
            except Exception:  # noqa: BLE001 - it goes on with the others; it is logged with its trace
                self._log.exception("pods not asked for")

    # -- the cloud's offer

    def _keep_offer(self) -> None:
        due = self._runtime.elapsed()
        try:
            # Old is better than none: while the cloud is away its clusters can at least be told so.
            self._offer = self._dependencies.store.offer()
            self._dependencies.store.adopt_clusters()
        except NavarchError as error:
            self._log.warning("the last offer not read", error=str(error))
        while not self._stop.is_set():
            try:
                if self._runtime.elapsed() >= due:
                    self._offer = self._dependencies.cloud.offer()
                    self._dependencies.store.write_offer(self._offer)
                    due = self._runtime.elapsed() + OFFER_EVERY
            except NavarchError as error:
                self._log.warning("cloud's offer not read", error=str(error))
                due = self._runtime.elapsed() + OFFER_RETRY
            except Exception:  # noqa: BLE001 - the next reading may succeed; it is logged with its trace
                self._log.exception("cloud's offer not read")
                due = self._runtime.elapsed() + OFFER_RETRY
            self._stop.wait(max(0.05, due - self._runtime.elapsed()))

    def _read_quota(self, project_id: str) -> None:
        """For somebody who waits, and asks again in a second: then it is read once more, should this one hang. Where it
        fails before that, it is tried again at once."""
        began = self._runtime.elapsed()
        try:
            try:
                quota = self._dependencies.cloud.quota(project_id)
            except Temporary:
                if self._runtime.elapsed() - began > ASKED_AGAIN:
                    raise
                quota = self._dependencies.cloud.quota(project_id)
            self._dependencies.store.write_quota(project_id, quota)
        except NavarchError as error:
            self._log.warning("quota not read", project=project_id, error=str(error))
        except Exception:  # noqa: BLE001 - nobody looks at what a call raised; it is logged with its trace
            self._log.exception("quota not read")


class _Sleepers:
    """The loops that found nothing to do. The one that went to sleep last wakes up when the next cluster is due; the
    others sleep until they are woken. A loop that finds work wakes another. So what happens to one cluster wakes one
    loop and not all of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._asleep: list[Flag] = []
        self._watch: Flag | None = None
        self._lock = Lock()

    def sleep(self, next_due: Callable[[], float | None]) -> bool:
        """Sleep until the next cluster is due, which is True, or until there is a reason to ask again. It costs less
        than a claim: one loop in each worker hears of each cluster, and all but one of them come too late."""
        wake = self._runtime.flag()
        with self._lock:
            self._watch = wake
            self._asleep.append(wake)
        try:
            due = next_due()  # asked for after we can be woken: what comes from now on wakes us
            if due == 0:
                return True
            nap = LONGEST_SLEEP if due is None else min(LONGEST_SLEEP, due)
            if wake.wait(nap):
                return False
            if self._watch is wake:
                return due is not None and due <= nap
            wake.wait(SAFETY_NET - nap)
            return False
        finally:
            with self._lock:
                if self._watch is wake:
                    self._watch = None
                if wake in self._asleep:
                    self._asleep.remove(wake)

    def wake_one(self) -> None:
        """Have one look for work; nothing where none sleeps."""
        with self._lock:
            if self._asleep:
                self._asleep.pop().set()

    def wake_all(self) -> None:
        """Have all come to their end."""
        with self._lock:
            for wake in self._asleep:
                wake.set()
            self._asleep.clear()


def _words_about(cluster: Cluster) -> dict[str, object]:
    """What every line of the log says while this cluster is worked on. `request_id` is the customer's request's."""
    return {"cluster": cluster.id, "generation": cluster.generation, "request_id": cluster.request_id}
