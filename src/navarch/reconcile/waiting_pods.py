"""Between two looks at a cluster that is autoscaled: whether a pod waits, or pods came or went, so that a look is due.

Small requests every few seconds, of the worker that looked last: no claim, no write, nothing that a look reads. What is
remembered here is good until the next look, which is never later for it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import inf
from threading import Lock

from navarch.addons.contract import Access
from navarch.domain.errors import Permanent, Temporary
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.remembered import Remembered
from navarch.reconcile.runtime import Calls

ASKED_EVERY = 5.0  # seconds: with a look, a decision and a port, Nova is asked for a machine within ten
COUNTED_EVERY = 15.0  # how many pods there are: a machine's time without use begins so late at the most
_A_POD = 0.005  # seconds more for each pod: where many come and go, all of them are not read all the time


@dataclass(slots=True)
class _Asked:
    """A cluster that is asked next at `at`, and no more after `until`, in seconds of the runtime."""

    access: Access
    until: float
    at: float


@dataclass(slots=True)
class _Counted:
    """How many pods a cluster had when all of them were looked at, at `seen_at`. They are counted next at `at`."""

    seen_at: datetime | None
    pods: int
    at: float


class WaitingPods:
    """Asks the clusters that are at rest. `found` is told which is to be looked at, before it is due, and whether with
    all its pods. Safe to use from threads."""

    def __init__(self, dependencies: Dependencies, calls: Calls, found: Callable[[str, bool], None]) -> None:
        self._dependencies, self._runtime = dependencies, dependencies.runtime
        self._calls, self._found = calls, found
        self._clusters: dict[str, _Asked] = {}
        self._counts: Remembered[_Counted] = Remembered()
        self._lately: set[str] = set()  # those that are to be looked at, or were, because a pod waits
        self._lock = Lock()

    def ask(
        self,
        cluster_id: str,
        access: Access,
        seconds: float,
        pods_at: datetime | None = None,
        pods: int | None = None,
    ) -> None:
        """Ask a cluster for so long, until a pod waits, or until it has not as many `pods` any more as when all of them
        were looked at, at `pods_at` (`pods` None: nothing hangs on that). First at once, for a look read the pods when
        it began; but where that look was asked for here, a while later: some clusters always have a pod without a
        node."""
        now = self._runtime.elapsed()
        counted = self._counts.get(cluster_id)
        if pods is None:
            self._counts.drop(cluster_id)
        elif counted is None or (counted.seen_at, counted.pods) != (pods_at, pods):
            self._counts.put(cluster_id, _Counted(pods_at, pods, now + _pause(pods)))
        with self._lock:
            first = now + ASKED_EVERY if cluster_id in self._lately else now
            self._lately.discard(cluster_id)
            self._clusters[cluster_id] = _Asked(access, now + seconds, first)

    def leave(self, cluster_id: str) -> None:
        """Ask it no more: it is looked at."""
        with self._lock:
            self._clusters.pop(cluster_id, None)

    def begin(self) -> None:
        """Begin to ask those that are due."""
        now = self._runtime.elapsed()
        with self._lock:
            for over in [id_ for id_, asked in self._clusters.items() if now >= asked.until]:
                del self._clusters[over]
            due = [(id_, asked) for id_, asked in self._clusters.items() if now >= asked.at]
            for _, asked in due:
                asked.at = inf  # while it does not answer, it is not asked again
        for cluster_id, asked in due:
            self._calls.submit(self._ask, cluster_id, asked)

    def _ask(self, cluster_id: str, asked: _Asked) -> None:
        """Who does not answer is left to the next look."""
        with suppress(Temporary, Permanent):
            waits = self._dependencies.addons.pods_wait(asked.access)
            moved = not waits and self._moved(cluster_id, asked.access)
            if not waits and not moved:
                asked.at = self._runtime.elapsed() + ASKED_EVERY
                return
            self.leave(cluster_id)
            if waits:
                with self._lock:
                    self._lately.add(cluster_id)
            self._found(cluster_id, moved)
            self._dependencies.store.look_now(cluster_id)

    def _moved(self, cluster_id: str, access: Access) -> bool:
        """Whether pods came or went since all of them were looked at, as far as it is time to ask that."""
        now, counted = self._runtime.elapsed(), self._counts.get(cluster_id)
        if counted is None or now < counted.at:
            return False
        counted.at = now + _pause(counted.pods)
        return self._dependencies.addons.count_pods(access) not in (None, counted.pods)


def _pause(pods: int) -> float:
    """Seconds between two counts."""
    return max(COUNTED_EVERY, _A_POD * pods)
