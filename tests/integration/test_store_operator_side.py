"""What the operator asks of the store, on a real PostgreSQL: pauses, counts, schedules, and writing nothing."""

from collections.abc import Iterator

import psycopg
import pytest
from tests.integration.some_values import NOON, a_cluster

from navarch.domain.autoscaling.memory import Memory, SpareRoom
from navarch.domain.offer import Offer
from navarch.domain.spec import Spare
from navarch.domain.status import Condition, Event, Phase, Status
from navarch.store.contract import NotFound
from navarch.store.migrate import migrations
from navarch.store.operator_side import SpareFigures
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

BLOCKED = Status(
    phase=Phase.BLOCKED,
    conditions=(
        Condition("Ready", "False", "QuotaExceeded", "cores", "project-admin", "ask for more"),
        Condition("AddonsReady", "True", "AsWanted", ""),
    ),
)


def test_a_paused_projects_clusters_are_not_claimed_and_others_are(store: PostgresStore) -> None:
    store.create_cluster(a_cluster(project_id="alpha"))
    other = store.create_cluster(a_cluster(project_id="beta")).cluster
    store.pause("alpha", reason="storage is being moved", by="ops@control-1")
    claim = store.claim("w", lease=30)
    assert claim is not None
    assert claim.cluster.id == other.id
    assert store.claim("w", lease=30) is None


def test_an_idle_worker_does_not_spin_over_what_is_paused(store: PostgresStore) -> None:
    store.create_cluster(a_cluster(project_id="alpha"))
    assert store.next_due() == 0
    store.pause("alpha", reason="", by="ops")
    assert store.next_due() is None


def test_with_everything_paused_nothing_is_claimed_until_it_is_resumed(store: PostgresStore) -> None:
    made = store.create_cluster(a_cluster(project_id="alpha")).cluster
    store.pause(None, reason="", by="ops")
    assert store.claim("w", lease=30) is None
    assert store.resume(None)
    claim = store.claim("w", lease=30)
    assert claim is not None
    assert claim.cluster.id == made.id


def test_resuming_one_project_does_not_lift_the_pause_of_everything(store: PostgresStore) -> None:
    store.create_cluster(a_cluster(project_id="alpha"))
    store.pause(None, reason="", by="ops")
    assert not store.resume("alpha")
    assert store.claim("w", lease=30) is None


def test_what_is_under_way_when_its_project_is_paused_ends_its_cycle(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    claim = store.claim("w", lease=30)
    assert claim is not None
    store.pause("alpha", reason="", by="ops")
    store.renew(cluster.id, claim.token, lease=30)
    store.record(cluster.id, claim.token, BLOCKED, look_again_after=0)
    assert store.cluster(cluster.id, project_id=None).status == BLOCKED
    assert store.claim("w", lease=30) is None


def test_workers_that_sleep_are_woken_by_a_resume(store: PostgresStore) -> None:
    store.wait(5.0)  # the listener's connecting counts as a notification
    store.pause("alpha", reason="", by="ops")
    store.resume("alpha")
    assert store.wait(5.0)


def test_pauses_are_listed_with_what_stands_still_by_them(store: PostgresStore) -> None:
    for name in ("one", "two"):
        store.create_cluster(a_cluster(name=name, project_id="alpha"))
    store.create_cluster(a_cluster(project_id="beta"))
    store.pause("alpha", reason="first", by="ann")
    store.pause("alpha", reason="second", by="bea")
    store.pause(None, reason="", by="ann")
    listed = [(p.project_id, p.reason, p.paused_by, p.clusters) for p in store.pauses()]
    assert listed == [(None, "", "ann", 3), ("alpha", "second", "bea", 2)]


def test_the_queues_age_is_that_of_the_cluster_that_is_due_longest(store: PostgresStore, dsn: str) -> None:
    assert (store.fleet().due, store.fleet().oldest) == (0, 0.0)
    for name in ("old", "new"):
        store.create_cluster(a_cluster(name=name))
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE clusters SET next_look_at = now() - interval '1 day' WHERE name = 'old'")
    fleet = store.fleet()
    assert fleet.due == 2
    assert 86_400 <= fleet.oldest < 2 * 86_400
    assert store.claim("w", lease=30) is not None
    fleet = store.fleet()
    assert (fleet.due, fleet.claimed) == (1, 1)
    assert fleet.oldest < 86_400


def test_what_is_paused_does_not_age_the_queue(store: PostgresStore) -> None:
    store.create_cluster(a_cluster())
    store.pause("alpha", reason="", by="ops")
    assert store.fleet().due == 0


def test_clusters_are_counted_by_phase_and_by_what_holds_them_up(store: PostgresStore) -> None:
    store.create_cluster(a_cluster(name="fresh"))
    cluster = store.create_cluster(a_cluster(name="held")).cluster
    claim = store.claim_cluster(cluster.id, "w", lease=30)
    assert claim is not None
    store.record(cluster.id, claim.token, BLOCKED, look_again_after=60)
    fleet = store.fleet()
    assert dict(fleet.phases) == {"Progressing": 1, "Blocked": 1}
    assert fleet.conditions == (("Ready", "QuotaExceeded", "project-admin", 1),)


def test_room_that_node_groups_keep_free_is_counted_over_all_clusters(store: PostgresStore) -> None:
    assert store.fleet().spare == SpareFigures()
    rooms = (SpareRoom("web", Spare(3, 500), 1, 1, "max node group size reached"), SpareRoom("batch", Spare(2, 100), 2))
    for name, memory in (("off", None), ("keeps-none", Memory()), ("keeps-room", Memory(spare=rooms))):
        cluster = store.create_cluster(a_cluster(name=name)).cluster
        claim = store.claim_cluster(cluster.id, "w", lease=30)
        assert claim is not None
        store.record(cluster.id, claim.token, Status(autoscaling=memory), look_again_after=60)
    assert store.fleet().spare == SpareFigures(groups=2, lacking=1, wanted=5, ready=3, coming=1)


def test_the_offers_age_is_known_once_a_worker_has_read_it(store: PostgresStore) -> None:
    assert store.fleet().offer_read_at is None
    store.write_offer(Offer(read_at=NOON))
    assert store.fleet().offer_read_at == NOON


def test_a_schedule_says_who_holds_a_cluster_and_until_when(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    assert not store.schedule(cluster.id).held
    store.claim("w1", lease=30)
    held = store.schedule(cluster.id)
    assert (held.held, held.lease_holder) == (True, "w1")
    assert held.due_at == held.lease_until
    with pytest.raises(NotFound):
        store.schedule("no-such")


def test_the_end_of_a_timeline_is_read_oldest_first(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    for n in range(5):
        store.add_event(cluster.id, Event(NOON, f"R{n}", "m"))
    assert [e.reason for e in store.latest_events(cluster.id, limit=2)] == ["R3", "R4"]


def test_the_server_is_described_with_its_schema(store: PostgresStore) -> None:
    server = store.server()
    assert server.version >= 140000
    assert server.connections > server.used > 0
    assert (server.missing, server.unknown, server.changed, server.standby) == ((), (), (), False)


@pytest.fixture
def bare(dsn: str) -> Iterator[str]:
    """A database without the schema."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE bare")
        yield dsn.replace("dbname=navarch", "dbname=bare")
        admin.execute("DROP DATABASE bare WITH (FORCE)")


def test_a_database_without_the_schema_lacks_every_migration(bare: str) -> None:
    store = PostgresStore(bare)
    try:
        assert store.server().missing == tuple(m.name for m in migrations())
    finally:
        store.close()


def test_a_store_for_reading_cannot_write(store: PostgresStore, dsn: str) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    reader = PostgresStore(dsn, read_only=True)
    try:
        assert reader.cluster(cluster.id, project_id=None).cluster == cluster
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.claim("w", lease=30)
    finally:
        reader.close()


def test_the_pool_tells_who_had_to_wait(dsn: str) -> None:
    store = PostgresStore(dsn, max_connections=1)
    try:
        store.ping()
        before = store.pool()
        assert (before.open, before.most) == (1, 1)
        with store._database.transaction():
            with pytest.raises(Exception, match="no connection"):
                store.ping()
        after = store.pool()
        assert after.waited == before.waited + 1
        assert after.refused == before.refused + 1
        assert after.wait_seconds > before.wait_seconds
    finally:
        store.close()
