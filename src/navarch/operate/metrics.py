"""What Prometheus is told besides what the API and the worker count themselves: the fleet, and the connections to the
database. docs/operate/monitoring.md lists and explains every figure."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Protocol

from cryptography import x509
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from navarch.domain.status import Phase
from navarch.reconcile.worker import Log
from navarch.settings.bounds import listen_address
from navarch.store.contract import Unavailable
from navarch.store.database import PoolFigures
from navarch.store.operator_side import Fleet, SpareFigures

FLEET_IS_READ_EVERY = 5.0  # seconds, whoever asks however often
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{0,63}")


class HasFleet(Protocol):
    """`store.operator_side.OperatorSide`, of which this is asked."""

    def fleet(self) -> Fleet: ...


class HasPool(Protocol):
    """The same."""

    def pool(self) -> PoolFigures: ...


class FleetCollector(Collector):
    """Counts of all clusters. While the database is away there are none, and `navarch_database_up` is 0."""

    def __init__(self, store: HasFleet) -> None:
        self._store = store
        self._lock = Lock()  # two scrapes at once read once
        self._read: tuple[float, Fleet | None] | None = None

    def collect(self) -> Iterator[Metric]:
        fleet = self._fleet()
        yield _gauge("navarch_database_up", "1 where the fleet's metrics could be read.", 0 if fleet is None else 1)
        if fleet is None:
            return
        yield _gauge("navarch_queue_age_seconds", "How long the most overdue cluster has been due.", fleet.oldest)
        yield _gauge("navarch_clusters_due", "Clusters that wait for a worker.", fleet.due)
        yield _gauge("navarch_clusters_claimed", "Clusters that a worker holds.", fleet.claimed)
        by_phase = dict(fleet.phases)
        phases = GaugeMetricFamily("navarch_clusters", "Clusters by phase.", labels=("phase",))
        for phase in Phase:
            phases.add_metric((phase.value,), by_phase.get(phase.value, 0))
        yield phases
        conditions = GaugeMetricFamily(
            "navarch_cluster_conditions",
            "Clusters of which a condition is not True.",
            labels=("type", "reason", "responsible"),
        )
        for labels, clusters in _bounded(fleet.conditions).items():
            conditions.add_metric(labels, clusters)
        yield conditions
        everything = sum(1 for pause in fleet.pauses if pause.project_id is None)
        pauses = GaugeMetricFamily("navarch_pauses", "Pauses by the operator.", labels=("scope",))
        pauses.add_metric(("everything",), everything)
        pauses.add_metric(("project",), len(fleet.pauses) - everything)
        yield pauses
        yield from _spare(fleet.spare)
        if fleet.offer_read_at is not None:
            age = (datetime.now(UTC) - fleet.offer_read_at).total_seconds()
            yield _gauge("navarch_offer_age_seconds", "Since a worker last read what the cloud offers.", age)

    def _fleet(self) -> Fleet | None:
        with self._lock:
            if self._read is None or monotonic() - self._read[0] > FLEET_IS_READ_EVERY:
                try:
                    fleet = self._store.fleet()
                except Unavailable:
                    fleet = None
                self._read = monotonic(), fleet
            return self._read[1]


class PoolCollector(Collector):
    """This process's connections to the database."""

    def __init__(self, store: HasPool) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        pool = self._store.pool()
        yield _gauge("navarch_database_connections", "Connections open.", pool.open)
        yield _gauge("navarch_database_connections_most", "Connections there may be.", pool.most)
        yield _gauge("navarch_database_waiting", "Callers that wait for a connection.", pool.waiting)
        yield _counter("navarch_database_asked", "Times that a connection was wanted.", pool.asked)
        yield _counter("navarch_database_waits", "Times that one had to be waited for.", pool.waited)
        yield _counter("navarch_database_wait_seconds", "Time waited for connections.", pool.wait_seconds)
        yield _counter("navarch_database_refused", "Times that none came free in time.", pool.refused)
        yield _counter("navarch_database_connect_failures", "Attempts to connect that failed.", pool.failed)


class CertificateCollector(Collector):
    """How long the certificate is good that this process serves with. Read once, as serving does: one that was renewed
    since helps only when the process starts anew."""

    def __init__(self, certificate: bytes) -> None:
        self._ends = x509.load_pem_x509_certificate(certificate).not_valid_after_utc

    def collect(self) -> Iterator[Metric]:
        left = (self._ends - datetime.now(UTC)).total_seconds()
        yield _gauge("navarch_api_certificate_seconds", "Until the served certificate ends.", left)


def add_process(registry: CollectorRegistry, store: HasPool) -> None:
    """What every process tells: its connections, and prometheus_client's own `process_*`."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # of each count a second series, which nothing reads
    registry.register(PoolCollector(store))
    ProcessCollector(registry=registry)


def serve_metrics(listen: str, registry: CollectorRegistry, log: Log) -> None:
    """Answer Prometheus at `HOST:PORT` (empty: nowhere) from a thread, for as long as the process lives."""
    address = listen_address(listen)
    if address is None:
        return
    host, port = address
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:  # another process on this host has the port: no reason not to work
        log.warning("metrics not served", listen=listen, error=str(error))


def _bounded(found: Iterable[tuple[str, str, str, int]]) -> dict[tuple[str, str, str], int]:
    """Counts by labels that are words: a text that got into a reason must not make a series of its own."""
    counts: dict[tuple[str, str, str], int] = {}
    for type_, reason, responsible, clusters in found:
        words = tuple(word if not word or _WORD.fullmatch(word) else "Other" for word in (type_, reason, responsible))
        labels = (words[0], words[1], words[2])
        counts[labels] = counts.get(labels, 0) + clusters
    return counts


def _spare(room: SpareFigures) -> Iterator[Metric]:
    """Room that node groups keep free."""
    groups = GaugeMetricFamily("navarch_spare_groups", "Node groups that keep room free.", labels=("state",))
    groups.add_metric(("kept",), room.groups - room.lacking)
    groups.add_metric(("lacking",), room.lacking)
    yield groups
    places = GaugeMetricFamily("navarch_spare_places", "Pods that there is to be room for.", labels=("state",))
    places.add_metric(("ready",), room.ready)
    places.add_metric(("coming",), room.coming)
    places.add_metric(("missing",), room.wanted - room.ready - room.coming)
    yield places


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
