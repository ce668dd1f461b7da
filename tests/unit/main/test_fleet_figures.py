"""The fleet's figures: read now and then, bounded in their labels, and honest while the database is away."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from navarch.bootstrap.pki import make_cluster_secrets
from navarch.operate.metrics import CertificateCollector, FleetCollector, PoolCollector, serve_metrics
from navarch.settings.bounds import listen_address
from navarch.store.contract import Pause, Unavailable
from navarch.store.database import PoolFigures
from navarch.store.operator_side import Fleet, SpareFigures

NOW = datetime.now(UTC)
CERTIFICATE = make_cluster_secrets(NOW).ca_cert  # for ten years
FLEET = Fleet(
    due=3,
    oldest=12.5,
    claimed=2,
    phases=(("Ready", 4), ("Blocked", 1)),
    conditions=(("WorkersReady", "NoHostWithRoom", "cloud-operator", 1),),
    pauses=(Pause("alpha", "", "ann", NOW, 2),),
    offer_read_at=NOW,
    spare=SpareFigures(groups=3, lacking=1, wanted=7, ready=4, coming=2),
)
SPARE = {
    ("groups", "kept"): 2,
    ("groups", "lacking"): 1,
    ("places", "ready"): 4,
    ("places", "coming"): 2,
    ("places", "missing"): 1,
}


@dataclass
class Store:
    """Answers with a fleet, or not."""

    answer: Fleet | None = FLEET
    asked: int = 0
    figures: PoolFigures = field(default_factory=lambda: PoolFigures(2, 12, 1, 0, 100, 7, 1.5, 1, 0))

    def fleet(self) -> Fleet:
        self.asked += 1
        if self.answer is None:
            raise Unavailable()
        return self.answer

    def pool(self) -> PoolFigures:
        return self.figures


def registered(store: Store) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(FleetCollector(store))
    registry.register(PoolCollector(store))
    registry.register(CertificateCollector(CERTIFICATE.encode()))
    return registry


def test_how_long_the_served_certificate_is_good_is_told() -> None:
    left = registered(Store()).get_sample_value("navarch_api_certificate_seconds")
    assert left is not None
    assert timedelta(days=3649) < timedelta(seconds=left) < timedelta(days=3651)


def test_the_fleet_is_told_as_the_database_has_it() -> None:
    registry = registered(Store(replace(FLEET, offer_read_at=datetime.now(UTC) - timedelta(seconds=30))))
    told = registry.get_sample_value
    assert told("navarch_queue_age_seconds") == 12.5
    assert told("navarch_clusters_due") == 3
    assert told("navarch_clusters_claimed") == 2
    assert told("navarch_clusters", {"phase": "Ready"}) == 4
    labels = {"type": "WorkersReady", "reason": "NoHostWithRoom", "responsible": "cloud-operator"}
    assert told("navarch_cluster_conditions", labels) == 1
    assert told("navarch_pauses", {"scope": "project"}) == 1
    assert told("navarch_pauses", {"scope": "everything"}) == 0
    spare = {(f, s): told(f"navarch_spare_{f}", {"state": s}) for f, s in SPARE}
    assert spare == SPARE
    age = told("navarch_offer_age_seconds")
    assert age is not None
    assert 30 <= age < 60


def test_a_phase_without_clusters_is_told_as_nought_so_that_alerts_can_end() -> None:
    assert registered(Store()).get_sample_value("navarch_clusters", {"phase": "Deleting"}) == 0


def test_however_often_it_is_scraped_the_database_is_asked_now_and_then() -> None:
    store = Store()
    registry = registered(store)
    for _ in range(5):
        list(registry.collect())
    assert store.asked == 1


def test_while_the_database_is_away_that_is_all_that_is_told_of_the_fleet() -> None:
    registry = registered(Store(answer=None))
    assert registry.get_sample_value("navarch_database_up") == 0
    assert registry.get_sample_value("navarch_queue_age_seconds") is None
    assert registry.get_sample_value("navarch_database_waits_total") == 7


def test_a_text_that_got_into_a_reason_makes_no_series_of_its_own() -> None:
    texts = tuple(("Ready", f"cluster {n} is 'odd'", "user", 1) for n in range(3))
    registry = registered(Store(answer=Fleet(0, 0, 0, (), texts, (), None)))
    labels = {"type": "Ready", "reason": "Other", "responsible": "user"}
    assert registry.get_sample_value("navarch_cluster_conditions", labels) == 3


def test_where_prometheus_is_answered_is_a_host_and_a_port() -> None:
    assert listen_address("") is None
    assert listen_address("127.0.0.1:9444") == ("127.0.0.1", 9444)
    assert listen_address("[::1]:9444") == ("::1", 9444)


@pytest.mark.parametrize("text", ["9444", "localhost:", ":9444", "localhost:http", "localhost:70000"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        listen_address(text)


def test_prometheus_is_answered_over_http(unused_port: int) -> None:
    log, listen = Said(), f"127.0.0.1:{unused_port}"
    serve_metrics(listen, registered(Store()), log)
    with urlopen(f"http://127.0.0.1:{unused_port}/metrics", timeout=5) as answer:
        assert b"navarch_queue_age_seconds 12.5" in answer.read()
    assert log.warnings == []
    serve_metrics(listen, registered(Store()), log)  # a second process goes on without
    assert log.warnings == ["metrics not served"]


def test_where_nothing_is_set_nobody_is_answered() -> None:
    serve_metrics("", registered(Store()), Said())


class Said:
    """A log that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def info(self, event: str, **values: object) -> None: ...

    def warning(self, event: str, **values: object) -> None:
        self.warnings.append(event)

    def exception(self, event: str, **values: object) -> None: ...


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
