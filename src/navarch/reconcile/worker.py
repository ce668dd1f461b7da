"""The worker process: threads that claim clusters, and one that keeps the catalogue.

Any number of workers, each with any number of threads, may run against one database. A worker that dies loses nothing:
its leases end and others go on from what is seen.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Protocol

from navarch.domain.catalogue import Catalogue
from navarch.domain.errors import NavarchError, Temporary
from navarch.reconcile.act import Hands
from navarch.reconcile.cycle import Cycle
from navarch.reconcile.look import Lookout
from navarch.store.contract import Claim, LeaseLost, Unavailable

LEASE = 60.0  # seconds; renewed while a cycle runs
CATALOGUE_EVERY = 60.0
CATALOGUE_RETRY = 5.0
DATABASE_RETRY = 2.0
LONGEST_SLEEP = 10.0  # a lost notification is made good after this


class Log(Protocol):
    """What the worker needs of a structured logger."""

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...

    def exception(self, event: str, **values: object) -> object: ...


class Worker:
    """`name` is unique among workers. `threads` clusters are worked on at once; their outside calls share a pool of
    `calls` threads."""

    def __init__(self, hands: Hands, log: Log, *, name: str, threads: int = 8, calls: int = 32) -> None:
        self._hands, self._log, self._name, self._threads = hands, log, name, threads
        self._steps = ThreadPoolExecutor(calls, thread_name_prefix="step")
        self._looks = ThreadPoolExecutor(max(4, threads), thread_name_prefix="look")
        self._lookout = Lookout(hands, self._looks)
        self._cycle = Cycle(hands, self._lookout, self._steps)
        self._stop = Flag()
        self._wake = Flag()
        self._catalogue_wanted = Flag()
        self._catalogue: Catalogue | None = None
        self._running: list[Thread] = []
        self._held: dict[str, int] = {}
        self._held_lock = Lock()

    def start(self) -> None:
        """Start all threads and return."""
        loops: list[tuple[str, Callable[[], None]]] = [
            ("catalogue", self._keep_catalogue),
            ("listen", self._listen),
            ("lease", self._keep_leases),
        ]
        loops += [(f"cluster-{n}", self._claim_and_run) for n in range(self._threads)]
        for name, target in loops:
            thread = Thread(target=target, name=name, daemon=True)
            thread.start()
            self._running.append(thread)
        self._log.info("worker started", worker=self._name, threads=self._threads)

    def stop(self, timeout: float = 30.0) -> None:
        """Let cycles come to their end, at most `timeout` seconds."""
        self._stop.set()
        self._wake.set()
        self._catalogue_wanted.set()
        deadline = monotonic() + timeout
        for thread in self._running:
            thread.join(max(0.0, deadline - monotonic()))
        if any(thread.is_alive() for thread in self._running):
            return  # what they do is finished or taken over by others; their pools end with the process
        self._steps.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False, cancel_futures=True)

    # -- clusters

    def _claim_and_run(self) -> None:
        while not self._stop.is_set():
            catalogue = self._catalogue
            if catalogue is None:  # nothing can be planned before the cloud was read once
                self._stop.wait(0.2)
                continue
            try:
                claim = self._hands.store.claim(self._name, lease=LEASE)
                if claim is None:
                    self._sleep()
                    continue
                self._run(claim, catalogue)
            except Unavailable as error:
                self._log.warning("database away", error=error.message)
                self._stop.wait(DATABASE_RETRY)
            except Exception:  # noqa: BLE001 - a fault in one cycle must not end the thread; it is logged with its trace
                self._log.exception("worker thread failed", worker=self._name)
                self._stop.wait(DATABASE_RETRY)

    def _run(self, claim: Claim, catalogue: Catalogue) -> None:
        cluster = claim.cluster
        with self._held_lock:
            self._held[cluster.id] = claim.token
        start = monotonic()
        try:
            self._cycle.run(claim, catalogue)
        except LeaseLost:
            self._lookout.forget(cluster.id)
            self._log.warning("lease lost", cluster=cluster.id, token=claim.token)
        except Unavailable:
            self._lookout.forget(cluster.id)
            raise
        except Exception:  # noqa: BLE001 - a fault of ours in this cluster; the others go on, this one is tried again
            self._lookout.forget(cluster.id)
            self._log.exception("cycle failed", cluster=cluster.id, generation=cluster.generation)
            self._give_back(claim)
        finally:
            with self._held_lock:
                self._held.pop(cluster.id, None)
        self._log.info("cycle", cluster=cluster.id, name=cluster.name, seconds=round(monotonic() - start, 3))

    def _give_back(self, claim: Claim) -> None:
        """Let a cluster go whose cycle failed, with a growing delay; its status stays as it was."""
        attempts = claim.attempts + 1
        delay = min(60.0, 2.0 ** min(attempts, 6))
        try:
            self._hands.store.record(
                claim.cluster.id, claim.token, claim.status, look_again_after=delay, attempts=attempts
            )
        except NavarchError:
            self._log.warning("cluster not given back; its lease will end", cluster=claim.cluster.id)

    def _sleep(self) -> None:
        """Until the next cluster is due or somebody notified."""
        due = self._hands.store.next_due()
        self._wake.clear()
        self._wake.wait(min(LONGEST_SLEEP, LONGEST_SLEEP if due is None else max(0.02, due)))

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                if self._hands.store.wait(1.0):
                    self._wake.set()
                    if self._hands.store.wanted_quotas():
                        self._catalogue_wanted.set()
            except Temporary:
                self._stop.wait(DATABASE_RETRY)
            except Exception:  # noqa: BLE001 - listening goes on whatever happened; it is logged with its trace
                self._log.exception("listening failed")
                self._stop.wait(DATABASE_RETRY)

    def _keep_leases(self) -> None:
        while not self._stop.wait(LEASE / 4):
            with self._held_lock:
                held = dict(self._held)
            for cluster_id, token in held.items():
                try:
                    self._hands.store.renew(cluster_id, token, lease=LEASE)
                except NavarchError as error:
                    self._log.warning("lease not renewed", cluster=cluster_id, error=str(error))

    # -- the cloud's offer

    def _keep_catalogue(self) -> None:
        due = monotonic()
        while not self._stop.is_set():
            try:
                if monotonic() >= due:
                    self._catalogue = self._hands.cloud.catalogue()
                    self._hands.store.write_catalogue(self._catalogue)
                    due = monotonic() + CATALOGUE_EVERY
                for project_id in self._hands.store.wanted_quotas():
                    self._hands.store.write_quota(project_id, self._hands.cloud.quota(project_id))
            except NavarchError as error:
                self._log.warning("cloud's offer not read", error=str(error))
                due = monotonic() + CATALOGUE_RETRY
                self._catalogue_wanted.wait(CATALOGUE_RETRY)
            except Exception:  # noqa: BLE001 - the next reading may succeed; it is logged with its trace
                self._log.exception("cloud's offer not read")
                self._stop.wait(CATALOGUE_RETRY)
            self._catalogue_wanted.wait(max(0.05, due - monotonic()))
            self._catalogue_wanted.clear()
