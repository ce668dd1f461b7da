"""Between two looks at a cluster that is autoscaled: whether a pod waits, so that a look is taken at once.

One small request every few seconds, of the worker that looked last: no claim, no write, nothing that a look reads. What
is remembered here is good until the next look, which is never later for it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from threading import Lock

from navarch.addons.contract import Access
from navarch.domain.errors import Permanent, Temporary
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.runtime import Calls

ASKED_EVERY = 5.0  # seconds: with a look, a decision and a port, Nova is asked for a machine within ten


@dataclass(slots=True)
class _Asked:
    """A cluster that is asked next at `at`, and no more after `until`, in seconds of the runtime."""

    access: Access
    until: float
    at: float


class WaitingPods:
    """Asks the clusters that are at rest. `found` is told which has a pod that waits, before it is due. Safe to use
    from threads."""

    def __init__(self, dependencies: Dependencies, calls: Calls, found: Callable[[str], None]) -> None:
        self._dependencies, self._runtime = dependencies, dependencies.runtime
        self._calls, self._found = calls, found
        self._clusters: dict[str, _Asked] = {}
        self._lately: set[str] = set()  # those that are to be looked at, or were, because a pod waits
        self._lock = Lock()

    def ask(self, cluster_id: str, access: Access, seconds: float) -> None:
        """Ask a cluster for so long, until a pod waits. First at once, for a look read the pods when it began; but
        where that look was asked for here, a while later: some clusters always have a pod that has no node yet."""
        now = self._runtime.elapsed()
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
            if not self._dependencies.addons.pods_wait(asked.access):
                asked.at = self._runtime.elapsed() + ASKED_EVERY
                return
            self.leave(cluster_id)
            with self._lock:
                self._lately.add(cluster_id)
            self._found(cluster_id)
            self._dependencies.store.look_now(cluster_id)
