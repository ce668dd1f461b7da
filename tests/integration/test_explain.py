"""What the operator is told of one cluster, with the real store, look, plan and judgement."""

import json
import time
from collections.abc import Iterator

import psycopg
import pytest
from tests.integration.api_fixtures import OFFER
from tests.integration.full_cloud import FullCloud, make_dependencies
from tests.integration.some_values import a_cluster

from navarch.domain.spec import Cluster
from navarch.domain.status import Phase
from navarch.operate.explain import Ambiguous, Explanation, document, explain, find, text
from navarch.reconcile.worker import Worker
from navarch.store.contract import NotFound
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    warning = exception = info


@pytest.fixture
def reader(dsn: str) -> Iterator[PostgresStore]:
    """The store as `explain` opens it."""
    opened = PostgresStore(dsn, read_only=True)
    yield opened
    opened.close()


@pytest.fixture
def made(store: PostgresStore) -> Cluster:
    """A cluster that nobody has looked at, and a cloud whose offer is known."""
    store.write_offer(OFFER)
    return store.create_cluster(a_cluster()).cluster


def explained(reader: PostgresStore, reference: str, project: str | None = None) -> Explanation:
    return explain(reader, make_dependencies(reader, FullCloud()), find(reader, reference, project))


def row(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT to_jsonb(c), (SELECT count(*) FROM events) FROM clusters c").fetchone()


def tried(store: PostgresStore, cluster: Cluster) -> None:
    """Have a real worker try it on a cloud without quota, until that is judged."""
    worker = Worker(make_dependencies(store, FullCloud()), Lines(), name="w", threads=1, calls=4)
    worker.start()
    end = time.monotonic() + 20
    while store.cluster(cluster.id, project_id=None).status.phase is not Phase.BLOCKED:
        assert time.monotonic() < end, "not judged in time"
        time.sleep(0.05)
    worker.stop()


def test_a_fresh_clusters_first_steps_are_told_in_words(reader: PostgresStore, made: Cluster) -> None:
    said = text(explained(reader, "shop"))
    assert "make the network shop-" in said
    assert "make the cluster's keys and certificates" in said
    assert "no worker has taken it up yet" in said


def test_explaining_changes_nothing(reader: PostgresStore, made: Cluster, dsn: str) -> None:
    before = row(dsn)
    explained(reader, made.id)
    assert row(dsn) == before


def test_a_step_that_failed_is_told_with_what_became_of_its_last_try(
    reader: PostgresStore, store: PostgresStore, made: Cluster
) -> None:
    tried(store, made)
    explanation = explained(reader, made.id)
    network = next(n for n in explanation.steps if type(n.step).__name__ == "EnsureNetwork")
    assert network.last_try is not None
    assert network.last_try.reason == "QuotaExceeded"
    said = text(explanation)
    assert "phase Blocked" in said
    assert "project-admin: Raise the project's quota for networks." in said
    assert "looks in a row after which something was left to try again" in said


def test_a_pause_is_the_first_reason_why_nothing_happens(
    reader: PostgresStore, store: PostgresStore, made: Cluster
) -> None:
    store.pause("alpha", reason="storage is being moved", by="ann@control-1")
    explanation = explained(reader, made.id)
    assert explanation.holdups[0].startswith("the project is paused since")
    assert explanation.holdups[0].endswith("by ann@control-1: storage is being moved")


def test_another_projects_pause_is_no_reason(reader: PostgresStore, store: PostgresStore, made: Cluster) -> None:
    store.pause("beta", reason="", by="ann")
    assert explained(reader, made.id).pauses == ()


def test_a_worker_that_is_at_it_is_named(reader: PostgresStore, store: PostgresStore, made: Cluster) -> None:
    store.claim("worker-7", lease=30)
    assert explained(reader, made.id).holdups == ("worker worker-7 is at it right now (its lease has 30 s left)",)


def test_without_the_clouds_offer_that_is_said(reader: PostgresStore, store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    assert "no worker has read the cloud's offer yet" in text(explained(reader, cluster.id))


def test_it_can_be_read_by_programs(reader: PostgresStore, made: Cluster) -> None:
    told = json.loads(json.dumps(document(explained(reader, made.id))))
    assert told["cluster"]["name"] == "shop"
    assert "EnsureNetwork" in [step["kind"] for step in told["steps"]]
    assert told["schedule"]["lease_holder"] is None


def test_a_name_is_enough_while_it_is_the_only_one(reader: PostgresStore, store: PostgresStore, made: Cluster) -> None:
    assert find(reader, "shop", None).cluster.id == made.id
    other = store.create_cluster(a_cluster(project_id="beta")).cluster
    with pytest.raises(Ambiguous, match=f"{other.id} in project beta"):
        find(reader, "shop", None)
    assert find(reader, "shop", "beta").cluster.id == other.id
    with pytest.raises(NotFound):
        find(reader, "nope", None)


def test_a_worker_counts_what_it_does_and_says_for_whom(store: PostgresStore, made: Cluster) -> None:
    cloud, log = FullCloud(), Lines()
    parts = make_dependencies(store, cloud)
    worker = Worker(parts, log, name="w", threads=1, calls=4)
    worker.start()
    end = time.monotonic() + 20
    while not any(event == "cycle" for event, _ in log.lines):
        assert time.monotonic() < end, "no cycle in time"
        time.sleep(0.05)
    worker.stop()
    told = parts.metrics.registry.get_sample_value
    assert (told("navarch_claims_total") or 0) >= 1
    assert (told("navarch_cycle_seconds_count", {"result": "done"}) or 0) >= 1
    assert (told("navarch_step_seconds_count", {"step": "EnsureNetwork", "result": "failed"}) or 0) >= 1
    assert (told("navarch_step_seconds_count", {"step": "EnsureSecrets", "result": "done"}) or 0) == 1
    assert set(cloud.told) == {made.request_id}
