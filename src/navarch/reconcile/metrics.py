"""What a worker counts for Prometheus. docs/operate/monitoring.md lists and explains every figure.

Labels are words of Navarch's own, of which there are few: never a cluster's id, never a text that somebody wrote.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.outcomes import Again, Done, Outcome, Result
from navarch.store.contract import LeaseLost, Unavailable

_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CYCLE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


class WorkerMetrics:
    """One worker's metrics, in a registry of their own. Safe to use from threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._claims = Counter("navarch_claims", "Clusters taken to be looked at.", registry=self.registry)
        self._running = Gauge("navarch_cycles_running", "Cycles under way.", registry=self.registry)
        self._cycles = Histogram(
            "navarch_cycle_seconds",
            "Cycles, from the look to the status written.",
            ("result",),
            buckets=_CYCLE_SECONDS,
            registry=self.registry,
        )
        self._renewals = Counter("navarch_lease_renewals", "Leases lengthened.", ("result",), registry=self.registry)
        self._steps = Histogram(
            "navarch_step_seconds",
            "Steps taken.",
            ("step", "result"),
            buckets=_CALL_SECONDS,
            registry=self.registry,
        )
        self._cloud = Histogram(
            "navarch_cloud_request_seconds",
            "Requests to OpenStack, without those for tokens.",
            ("service", "method", "status"),
            buckets=_CALL_SECONDS,
            registry=self.registry,
        )
        self._kubernetes = Histogram(
            "navarch_kubernetes_call_seconds",
            "Calls to clusters' Kubernetes APIs.",
            ("call", "result"),
            buckets=_CALL_SECONDS,
            registry=self.registry,
        )

    @contextmanager
    def cycle(self) -> Iterator[None]:
        """Around a cycle of a cluster that was claimed."""
        self._claims.inc()
        began, result = monotonic(), "failed"
        try:
            with self._running.track_inprogress():
                yield
            result = "done"
        except (LeaseLost, Temporary) as error:
            result = _held_up(error)
            raise
        finally:
            self._cycles.labels(result).observe(monotonic() - began)

    @contextmanager
    def renewal(self) -> Iterator[None]:
        """Around the lengthening of a lease."""
        result = "failed"
        try:
            yield
            result = "done"
        except (LeaseLost, Temporary) as error:
            result = _held_up(error)
            raise
        finally:
            self._renewals.labels(result).inc()

    def step(self, result: Result) -> None:
        """A step that was tried."""
        self._steps.labels(result.step.label, _outcome(result.outcome)).observe(result.seconds)

    def cloud_request(self, service: str, method: str, status: int, seconds: float) -> None:
        """A request to OpenStack; `status` 0: no answer."""
        self._cloud.labels(service, method, str(status or "none")).observe(seconds)

    @contextmanager
    def kubernetes_call(self, call: str) -> Iterator[None]:
        """Around a call to a cluster's API."""
        began, result = monotonic(), "failed"
        try:
            yield
            result = "done"
        except NavarchError as error:
            result = "refused" if isinstance(error, Permanent) else "no-answer"
            raise
        finally:
            self._kubernetes.labels(call, result).observe(monotonic() - began)


def _held_up(error: LeaseLost | Temporary) -> str:
    if isinstance(error, LeaseLost):
        return "lease-lost"
    return "database-away" if isinstance(error, Unavailable) else "conflict"


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, Done):
        return "done"
    return "again" if isinstance(outcome, Again) else "failed"
