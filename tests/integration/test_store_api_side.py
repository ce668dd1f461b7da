"""What the API asks of the store, on a real PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import psycopg
import pytest
from tests.integration.some_values import GROUP, NOON, SPEC, a_cluster, a_machine, a_report

from navarch.domain.machines import Departure, MachineFacts
from navarch.domain.offer import Allowance, Flavor, Offer, Quota, VolumeType
from navarch.domain.selection import Selection
from navarch.domain.spec import NodeGroup, Role
from navarch.domain.status import Event, Status
from navarch.store import api_side
from navarch.store.contract import IdempotencyMismatch, NameTaken, NotFound, Page, Stale, TicketRefused, Unreadable
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def test_a_cluster_is_read_back_as_it_was_written(store: PostgresStore) -> None:
    cluster = a_cluster()
    made = store.create_cluster(cluster)
    assert made.cluster == cluster
    assert made.status == Status()
    assert store.cluster(cluster.id, project_id="alpha") == made
    assert store.cluster("shop", project_id="alpha") == made
    assert store.cluster(cluster.id, project_id=None) == made


def test_another_project_does_not_find_it_by_id_nor_by_name(store: PostgresStore) -> None:
    cluster = a_cluster()
    store.create_cluster(cluster)
    for name in (cluster.id, "shop"):
        with pytest.raises(NotFound):
            store.cluster(name, project_id="beta")
    assert store.clusters(project_id="beta") == Page(())


def test_a_name_that_no_database_can_hold_is_not_found(store: PostgresStore) -> None:
    with pytest.raises(NotFound):
        store.cluster("a\x00b", project_id="alpha")


def test_a_name_is_taken_within_its_project_until_its_cluster_is_asked_to_go(store: PostgresStore) -> None:
    first = store.create_cluster(a_cluster()).cluster
    with pytest.raises(NameTaken):
        store.create_cluster(a_cluster())
    store.create_cluster(a_cluster(project_id="beta"))
    store.request_deletion(first.id, at=NOON, keep_volumes=False)
    second = store.create_cluster(a_cluster()).cluster
    assert store.cluster("shop", project_id="alpha").cluster.id == second.id


def test_the_schema_refuses_rows_that_cannot_be(store: PostgresStore, dsn: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        store.create_cluster(a_cluster(name="Not a label"))
    with pytest.raises(psycopg.errors.CheckViolation):
        store.create_cluster(a_cluster(node_groups=(replace(GROUP, name="cp"),)))
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.CheckViolation):
        store.create_cluster(a_cluster())
        connection.execute("UPDATE clusters SET lease_holder = 'w'")


def test_pages_follow_the_order_of_creation(store: PostgresStore) -> None:
    ids = [store.create_cluster(a_cluster(name=f"c{n}")).cluster.id for n in range(5)]
    first = store.clusters(project_id="alpha", limit=2)
    second = store.clusters(project_id="alpha", limit=2, marker=first.marker)
    third = store.clusters(project_id="alpha", limit=2, marker=second.marker)
    assert [s.cluster.id for page in (first, second, third) for s in page.clusters] == ids
    assert (first.marker, second.marker, third.marker) == (ids[1], ids[3], None)
    assert store.clusters(project_id="alpha", limit=5).marker is None
    with pytest.raises(NotFound):
        store.clusters(project_id="beta", marker=ids[0])


@pytest.mark.parametrize("column", ["spec", "status"])
def test_a_row_that_nobody_can_read_is_named_beside_the_others(store: PostgresStore, dsn: str, column: str) -> None:
    ids = [store.create_cluster(a_cluster(name=f"c{n}")).cluster.id for n in range(3)]
    with psycopg.connect(dsn, autocommit=True) as connection:
        bad = '{"network": 7, "phase": 7}'
        connection.execute(f"UPDATE clusters SET {column} = %s WHERE id = %s", (bad, ids[1]))
    every = store.clusters(project_id="alpha")
    assert [s.cluster.id for s in every.clusters] == [ids[0], ids[2]]
    assert every.unreadable == (ids[1],)
    assert store.clusters(project_id="alpha", limit=2) == Page(every.clusters[:1], (ids[1],), ids[1])
    assert store.clusters(project_id="alpha", limit=2, marker=ids[1]) == Page(every.clusters[1:])
    with pytest.raises(Unreadable, match=f"{ids[1]}: {column}"):
        store.cluster("c1", project_id="alpha")


def test_lists_are_filtered_by_name_and_labels(store: PostgresStore) -> None:
    store.create_cluster(a_cluster(name="a", labels=(("team", "web"), ("stage", "test"))))
    store.create_cluster(a_cluster(name="b", labels=(("team", "web"),)))
    assert [s.cluster.name for s in store.clusters(project_id="alpha", selection=Selection(name="a")).clusters] == ["a"]
    assert len(store.clusters(project_id="alpha", selection=Selection(labels=(("team", "web"),))).clusters) == 2
    found = store.clusters(project_id="alpha", selection=Selection(labels=(("team", "web"), ("stage", "test"))))
    assert [s.cluster.name for s in found.clusters] == ["a"]


def test_a_change_made_from_an_older_reading_is_refused(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    changed = store.change_cluster(replace(cluster, spec=replace(SPEC, paused=True)), generation=1)
    assert changed.cluster.generation == 2
    assert changed.cluster.spec.paused
    assert changed.cluster.updated_at is not None
    with pytest.raises(Stale) as refused:
        store.change_cluster(replace(cluster, labels=()), generation=1)
    assert refused.value.generation == 2
    with pytest.raises(NotFound):
        store.change_cluster(a_cluster(), generation=1)


def test_of_many_changes_from_one_reading_exactly_one_is_kept(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    start = threading.Barrier(8)

    def change(number: int) -> bool:
        start.wait()
        try:
            store.change_cluster(replace(cluster, labels=(("by", str(number)),)), generation=1)
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(change, range(8))).count(True) == 1
    assert store.cluster(cluster.id, project_id=None).cluster.generation == 2


def test_asking_again_to_delete_changes_nothing(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    asked = store.request_deletion(cluster.id, at=NOON, keep_volumes=True)
    assert asked.cluster.deletion_requested_at == NOON
    assert asked.cluster.generation == 2
    assert store.request_deletion(cluster.id, at=NOON + timedelta(1), keep_volumes=False) == asked
    with pytest.raises(Stale):
        store.change_cluster(cluster, generation=1)


def test_the_same_key_and_body_gives_the_same_cluster(store: PostgresStore) -> None:
    first = store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d")
    assert store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d") == first
    assert store.made_with_key("alpha", "k", "d") == first
    assert store.made_with_key("alpha", "other", "d") is None
    with pytest.raises(IdempotencyMismatch):
        store.create_cluster(a_cluster(name="x"), idempotency_key="k", body_digest="e")
    other_project = store.create_cluster(a_cluster(project_id="beta"), idempotency_key="k", body_digest="e")
    assert other_project.cluster.id != first.cluster.id


def test_requests_with_one_key_at_once_make_one_cluster(store: PostgresStore) -> None:
    start = threading.Barrier(8)

    def create(_: int) -> str:
        start.wait()
        return store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d").cluster.id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(create, range(8)))) == 1
    assert len(store.clusters(project_id="alpha").clusters) == 1


def test_a_key_whose_create_failed_may_be_used_again(store: PostgresStore) -> None:
    store.create_cluster(a_cluster())
    with pytest.raises(NameTaken):
        store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d")
    store.create_cluster(a_cluster(name="other"), idempotency_key="k", body_digest="e")


def test_a_late_repeat_does_not_bring_a_deleted_cluster_back(store: PostgresStore) -> None:
    made = store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d").cluster
    claim = store.claim_cluster(made.id, "w", lease=30)
    assert claim is not None
    store.forget(made.id, claim.token)
    with pytest.raises(NotFound):
        store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d")


def test_a_key_is_forgotten_after_a_day(store: PostgresStore, dsn: str) -> None:
    store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert store.made_with_key("alpha", "k", "d") is None
    store.create_cluster(a_cluster(name="other"), idempotency_key="k", body_digest="e")


def test_node_groups_change_by_themselves(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    added = store.add_node_group(cluster.id, NodeGroup("web", GROUP.spec))
    assert added == NodeGroup("web", GROUP.spec)
    with pytest.raises(NameTaken):
        store.add_node_group(cluster.id, NodeGroup("web", GROUP.spec))
    bigger = replace(GROUP.spec, replicas=5)
    assert store.change_node_group(cluster.id, NodeGroup("web", bigger), generation=1).generation == 2
    with pytest.raises(Stale):
        store.change_node_group(cluster.id, NodeGroup("web", bigger), generation=1)
    with pytest.raises(NotFound):
        store.change_node_group(cluster.id, NodeGroup("none", bigger), generation=1)
    going = store.request_node_group_deletion(cluster.id, "web", at=NOON)
    assert going.deletion_requested_at == NOON
    assert store.request_node_group_deletion(cluster.id, "web", at=NOON + timedelta(1)) == going
    read = store.cluster(cluster.id, project_id=None).cluster
    assert read.generation == 1
    assert read.node_groups == (GROUP, going)
    with pytest.raises(NotFound):
        store.add_node_group(a_cluster().id, GROUP)
    with pytest.raises(NotFound):
        store.request_node_group_deletion(cluster.id, "none", at=NOON)


def test_events_come_oldest_first_and_in_pages(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    for number in range(5):
        store.add_event(cluster.id, Event(NOON, f"R{number}", "message", seconds=0.5))
    first = store.events(cluster.id, limit=3)
    rest = store.events(cluster.id, marker=first[-1].id)
    assert [e.event.reason for e in (*first, *rest)] == ["R0", "R1", "R2", "R3", "R4"]
    assert first[0].event == Event(NOON, "R0", "message", seconds=0.5)
    with pytest.raises(NotFound):
        store.add_event(a_cluster().id, Event(NOON, "R", "m"))


def test_the_timeline_is_bounded(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_side, "EVENTS_KEPT", 10)
    cluster = store.create_cluster(a_cluster()).cluster
    for number in range(15):
        store.add_event(cluster.id, Event(NOON, f"R{number}", "m"))
    assert [e.event.reason for e in store.events(cluster.id)] == [f"R{number}" for number in range(5, 15)]


def test_the_catalogue_is_what_was_last_written(store: PostgresStore) -> None:
    assert store.offer() is None
    for zones in (("z1",), ("z1", "z2")):
        offer = Offer(
            flavors=(Flavor("1", "m1.small", 1, 2048, 20),),
            zones=zones,
            volume_types=(VolumeType("ssd", zones),),
            read_at=NOON,
        )
        store.write_offer(offer)
        assert store.offer() == offer


def test_who_wants_a_quota_gets_it_when_a_worker_writes_it(store: PostgresStore) -> None:
    now = datetime.now(UTC)
    assert store.quota("alpha", newer_than=now, wait=0) is None
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(store.quota, "alpha", newer_than=now, wait=10.0)
        while not (taken := store.take_wanted_quotas()):
            store.wait(0.1)
        assert taken == ("alpha",)
        assert store.take_wanted_quotas() == (), "one worker reads it"
        while not (taken := store.take_wanted_quotas()):
            store.wait(0.1)
        assert taken == ("alpha",), "asked for again, should that worker be slow or dead"
        written = Quota((Allowance("cores", 20, 4),), read_at=datetime.now(UTC))
        store.write_quota("alpha", written)
        assert waiting.result(timeout=2) == written
    assert store.take_wanted_quotas() == ()
    assert store.quota("alpha", newer_than=now, wait=0) == written
    assert store.quota("alpha", newer_than=datetime.now(UTC) + timedelta(1), wait=0.2) is None


def test_a_machine_goes_with_its_group_made_smaller_or_neither_does(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    claim = store.claim_cluster(cluster.id, "w", lease=30)
    assert claim is not None
    worker = a_machine("shop-default-1", role=Role.WORKER, group="default", serial=1)
    store.record_machine(cluster.id, claim.token, worker)
    smaller = replace(GROUP, spec=replace(GROUP.spec, replicas=1))
    with pytest.raises(Stale):
        store.remove_machine(cluster.id, worker.name, at=NOON, smaller=replace(smaller, generation=7))
    assert store.machines(cluster.id) == (worker,)
    gone = store.remove_machine(cluster.id, worker.name, at=NOON, smaller=smaller)
    assert gone == replace(worker, removing=True, removing_at=NOON, departure=Departure.PERSON)
    assert store.remove_machine(cluster.id, worker.name, at=NOON + timedelta(1), smaller=smaller) == gone
    assert store.cluster(cluster.id, project_id=None).cluster.node_groups == (replace(smaller, generation=2),)
    assert store.replace_machine(cluster.id, worker.name) == gone, "it goes already"
    with pytest.raises(NotFound):
        store.remove_machine(cluster.id, "none", at=NOON)


def test_another_machine_is_asked_for_until_the_plan_has_this_one_go(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    claim = store.claim_cluster(cluster.id, "w", lease=30)
    assert claim is not None
    store.record_machine(cluster.id, claim.token, a_machine())
    for _ in range(2):
        asked = store.replace_machine(cluster.id, a_machine().name, request_id="req-2")
        assert asked == replace(a_machine(), departure=Departure.PERSON)
    assert store.cluster(cluster.id, project_id=None).cluster.request_id == "req-2"
    store.release_machine(cluster.id, claim.token, asked.name, Departure.ROLLOUT, NOON, generation=1)
    store.forget_machine(cluster.id, claim.token, asked.name)
    with pytest.raises(NotFound):
        store.replace_machine(cluster.id, asked.name)
    store.record_machine(cluster.id, claim.token, a_machine())
    assert store.machines(cluster.id) == (a_machine(),), "the next one of its name was not asked to go"


def a_ticket(store: PostgresStore, *, ticket: str = "t", expires_at: datetime = NOON + timedelta(hours=1)) -> str:
    """A claimed cluster with a machine that may join; gives the cluster's id."""
    cluster = store.create_cluster(a_cluster()).cluster
    claim = store.claim_cluster(cluster.id, "w", lease=30)
    assert claim is not None
    store.record_machine(cluster.id, claim.token, a_machine())
    facts = MachineFacts("10.0.0.5", "v1")
    store.add_ticket(cluster.id, claim.token, "shop-cp-0", digest(ticket), expires_at=expires_at, facts=facts)
    return cluster.id


def test_a_ticket_is_bound_by_the_first_nonce(store: PostgresStore) -> None:
    cluster_id = a_ticket(store)
    joined = store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON)
    assert joined.cluster_id == cluster_id
    assert joined.machine.facts == MachineFacts("10.0.0.5", "v1")
    assert store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON + timedelta(hours=2)) == joined
    with pytest.raises(TicketRefused, match="another machine"):
        store.redeem_ticket(digest("t"), "shop-cp-0", digest("other"), now=NOON)


def test_a_ticket_in_use_whose_machine_does_not_join_ends_after_a_day(store: PostgresStore) -> None:
    a_ticket(store)
    store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON)
    store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON + timedelta(hours=23))
    with pytest.raises(TicketRefused, match="expired"):
        store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON + timedelta(hours=25))


def test_tickets_are_refused_when_unknown_foreign_or_expired(store: PostgresStore) -> None:
    a_ticket(store)
    with pytest.raises(TicketRefused, match="unknown"):
        store.redeem_ticket(digest("x"), "shop-cp-0", digest("n"), now=NOON)
    with pytest.raises(TicketRefused, match="unknown"):
        store.redeem_ticket(digest("t"), "shop-cp-1", digest("n"), now=NOON)
    with pytest.raises(TicketRefused, match="expired"):
        store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON + timedelta(hours=1))


def test_of_two_machines_at_once_with_one_ticket_one_is_refused(store: PostgresStore) -> None:
    a_ticket(store)
    start = threading.Barrier(6)

    def redeem(number: int) -> bool:
        start.wait()
        try:
            store.redeem_ticket(digest("t"), "shop-cp-0", digest(str(number)), now=NOON)
        except TicketRefused:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(redeem, range(6))).count(True) == 1


def test_a_ticket_is_void_once_its_machine_has_joined(store: PostgresStore) -> None:
    cluster_id = a_ticket(store)
    store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON)
    store.add_report(cluster_id, "shop-cp-0", a_report("Joined"), joined=True)
    assert store.machines(cluster_id)[0].joined
    with pytest.raises(TicketRefused, match="void"):
        store.redeem_ticket(digest("t"), "shop-cp-0", digest("n"), now=NOON)


def test_a_phase_shows_its_newest_report(store: PostgresStore) -> None:
    cluster_id = a_ticket(store)
    later = NOON + timedelta(seconds=2)
    store.add_report(cluster_id, "shop-cp-0", a_report("A", "done", at=later), joined=False)
    store.add_report(cluster_id, "shop-cp-0", a_report("A", "started"), joined=False)
    store.add_report(cluster_id, "shop-cp-0", a_report("B", "failed", log="no disk"), joined=False)
    assert store.machines(cluster_id)[0].boot == (
        a_report("A", "done", at=later), a_report("B", "failed", log="no disk"),
    )  # fmt: skip
    with pytest.raises(NotFound):
        store.add_report(cluster_id, "shop-cp-9", a_report(), joined=False)
