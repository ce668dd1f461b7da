"""What the worker asks of the store, on a real PostgreSQL: claims, leases, fencing, notifications, outages."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import psycopg
import pytest
from demo.steps import until
from tests.integration.some_values import GROUP, NOON, RELEASE, a_cluster, a_machine, a_report

from navarch.domain.errors import Temporary
from navarch.domain.machines import Departure, MachineFacts, MachineTemplate
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer
from navarch.domain.spec import NodeGroup
from navarch.domain.status import Condition, Event, MachineCount, Phase, Status
from navarch.store.contract import Claim, LeaseLost, NotFound, Stale, TicketRefused, Unavailable
from navarch.store.local_postgres import LocalPostgres
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

READY = Status(
    phase=Phase.READY,
    observed_generation=1,
    conditions=(Condition("Ready", "True", "AllMachinesReady", "3 of 3", last_transition_at=NOON),),
    machines=MachineCount(3, 3),
    groups=(("default", MachineCount(2, 2)),),
    api_url="https://198.51.100.23:6443",
)


HOUR = 3600.0  # longer than any of these tests takes
GENEROUS = 60.0  # seconds for what happens at once where the machine is not busy


def claimed(store: PostgresStore, *, lease: float = HOUR, name: str = "shop") -> Claim:
    cluster = store.create_cluster(a_cluster(name=name)).cluster
    claim = store.claim_cluster(cluster.id, "w1", lease=lease)
    assert claim is not None
    return claim


def let_pass(dsn: str, seconds: float) -> None:
    """As if so much time had passed for every lease."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE clusters SET lease_until = lease_until - make_interval(secs => %s)", (seconds,))


def test_a_number_of_machines_and_those_that_go_are_one_decision(store: PostgresStore) -> None:
    claim = claimed(store)
    cluster = claim.cluster
    (group,) = cluster.node_groups
    for serial in (1, 2):
        store.record_machine(cluster.id, claim.token, a_machine(f"default-{serial}", serial=serial))
    fewer = replace(group, spec=replace(group.spec, replicas=1))
    event = Event(NOON, "ScaleDown", "default: 2 → 1 machines")
    written = store.scale_node_group(cluster.id, claim.token, fewer, going=["default-2"], event=event)
    assert (written.spec.replicas, written.generation) == (1, group.generation + 1)
    assert store.cluster(cluster.id, project_id=None).cluster.node_groups == (written,)
    going = {m.name: (m.removing, m.departure) for m in store.machines(cluster.id)}
    assert going == {"default-1": (False, None), "default-2": (True, Departure.SCALE_DOWN)}
    assert [s.event.reason for s in store.events(cluster.id)] == ["ScaleDown"]
    more = replace(written, spec=replace(written.spec, replicas=2))
    coming = [a_machine("default-3", serial=3)]
    written = store.scale_node_group(cluster.id, claim.token, more, going=(), event=event, coming=coming)
    assert [m.name for m in store.machines(cluster.id)] == ["default-1", "default-2", "default-3"]
    with pytest.raises(Stale):  # somebody changed it meanwhile: neither is written
        store.scale_node_group(cluster.id, claim.token, fewer, going=["default-1"], event=event)
    assert not next(m for m in store.machines(cluster.id) if m.name == "default-1").removing
    with pytest.raises(LeaseLost):
        store.scale_node_group(cluster.id, claim.token - 1, written, going=(), event=event)


def test_a_new_cluster_is_due_at_once_and_claimed_once(store: PostgresStore) -> None:
    assert store.claim("w1", lease=30) is None
    assert store.next_due() is None
    cluster = store.create_cluster(a_cluster()).cluster
    assert store.next_due() == 0
    claim = store.claim("w1", lease=HOUR)
    assert claim is not None
    assert claim.cluster == cluster
    assert claim.status == Status()
    assert store.claim("w2", lease=30) is None
    assert store.claim_cluster(cluster.id, "w2", lease=30) is None
    due = store.next_due()
    assert due is not None
    assert HOUR / 2 < due <= HOUR


def test_what_is_due_longest_is_claimed_first(store: PostgresStore, dsn: str) -> None:
    store.create_cluster(a_cluster(name="young"))
    old = store.create_cluster(a_cluster(name="old")).cluster
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE clusters SET next_look_at = now() - interval '1 hour' WHERE name = 'old'")
    claim = store.claim("w1", lease=30)
    assert claim is not None
    assert claim.cluster.id == old.id


def test_what_fails_again_and_again_lets_others_go_first_but_for_a_minute_at_most(
    store: PostgresStore, dsn: str
) -> None:
    failing = store.create_cluster(a_cluster(name="failing")).cluster
    fresh = store.create_cluster(a_cluster(name="fresh")).cluster

    def first_of(failing_for: str) -> str:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("UPDATE clusters SET lease_holder = NULL, lease_until = NULL, next_look_at = now()")
            connection.execute(
                "UPDATE clusters SET attempts = 40, next_look_at = now() - %s::interval WHERE name = 'failing'",
                (failing_for,),
            )
        claim = store.claim("w1", lease=30)
        assert claim is not None
        return claim.cluster.id

    assert first_of("50 seconds") == fresh.id
    assert first_of("70 seconds") == failing.id


def test_a_status_written_is_read_and_the_next_look_waits(store: PostgresStore) -> None:
    claim = claimed(store)
    happened = Event(NOON, "Ready", "all there", seconds=41.5)
    store.record(claim.cluster.id, claim.token, READY, events=(happened,), look_again_after=HOUR, attempts=3)
    assert store.cluster(claim.cluster.id, project_id=None).status == READY
    assert [e.event for e in store.events(claim.cluster.id)] == [happened]
    assert store.claim("w1", lease=30) is None
    due = store.next_due()
    assert due is not None
    assert HOUR / 2 < due <= HOUR
    again = store.claim_cluster(claim.cluster.id, "w2", lease=30)
    assert again is not None
    assert (again.status, again.attempts) == (READY, 3)
    assert again.token > claim.token


def test_events_are_given_by_their_reasons_in_their_order(store: PostgresStore) -> None:
    claim, other = claimed(store), claimed(store, name="other")
    of_ours = [Event(NOON, r, "done", s) for r, s in (("EnsurePort", "b"), ("NodeReady", "b"), ("Found", "a"))]
    store.add_events(claim.cluster.id, claim.token, tuple(of_ours))
    store.add_events(other.cluster.id, other.token, (Event(NOON, "EnsurePort", "done", "c"),))
    assert store.events_for(claim.cluster.id, {"Found", "EnsurePort"}) == (of_ours[0], of_ours[2])
    assert store.events_for(claim.cluster.id, ()) == ()


def test_what_is_known_of_objects_is_written_in_the_middle_of_a_cycle(store: PostgresStore, dsn: str) -> None:
    claim = claimed(store)
    cluster_id, known = claim.cluster.id, (KnownObject("network", "shop-net", "n1"),)
    store.add_events(cluster_id, claim.token, (Event(NOON, "EnsureNetwork", "done"),), objects=known)
    store.add_events(cluster_id, claim.token, (Event(NOON, "EnsureSubnet", "done"),))
    let_pass(dsn, HOUR)  # its worker is dead
    taken = store.claim("w2", lease=30)
    assert taken is not None and taken.objects == known
    assert [stored.event.reason for stored in store.events(cluster_id)] == ["EnsureNetwork", "EnsureSubnet"]


def test_a_claim_tells_the_time_by_the_databases_clock(store: PostgresStore, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        before = connection.execute("SELECT clock_timestamp()").fetchone()
    claim = claimed(store)
    with psycopg.connect(dsn) as connection:
        after = connection.execute("SELECT clock_timestamp()").fetchone()
    assert before is not None and after is not None and before[0] <= claim.at <= after[0]


def test_a_dead_workers_cluster_is_taken_over_when_the_lease_ends(store: PostgresStore, dsn: str) -> None:
    claim = claimed(store)
    let_pass(dsn, HOUR)
    taken = store.claim("w2", lease=30)
    assert taken is not None
    assert taken.cluster.id == claim.cluster.id


def test_a_renewed_lease_holds(store: PostgresStore, dsn: str) -> None:
    claim = claimed(store)
    store.renew(claim.cluster.id, claim.token, lease=3 * HOUR)
    let_pass(dsn, 2 * HOUR)
    assert store.claim("w2", lease=30) is None


@pytest.mark.parametrize(
    "write",
    [
        lambda s, c, t: s.renew(c, t, lease=30),
        lambda s, c, t: s.record(c, t, READY, look_again_after=1),
        lambda s, c, t: s.add_events(c, t, (Event(NOON, "R", "m"),)),
        lambda s, c, t: s.add_events(c, t, (), objects=(KnownObject("network", "shop-net", "n1"),)),
        lambda s, c, t: s.record_machine(c, t, a_machine("late")),
        lambda s, c, t: s.release_machine(c, t, "shop-cp-0", Departure.REPAIR, NOON, generation=1),
        lambda s, c, t: s.keep_machine(c, t, "shop-cp-0", NOON),
        lambda s, c, t: s.note_template(c, t, "shop-cp-0", MachineTemplate(RELEASE, "m1.large")),
        lambda s, c, t: s.note_facts(c, t, "shop-cp-0", MachineFacts("10.0.0.9")),
        lambda s, c, t: s.forget_machine(c, t, "shop-cp-0"),
        lambda s, c, t: s.add_ticket(c, t, "shop-cp-0", b"0" * 32, expires_at=NOON, facts=MachineFacts()),
        lambda s, c, t: s.seal(c, t, "late", b"x"),
        lambda s, c, t: s.forget_node_group(c, t, "default"),
        lambda s, c, t: s.forget(c, t),
    ],
    ids=["renew", "record", "add_events", "note_objects", "record_machine", "release_machine", "keep_machine",
         "note_template", "note_facts", "forget_machine", "add_ticket", "seal", "forget_node_group", "forget"],
)  # fmt: skip
def test_a_stale_token_writes_nothing(
    store: PostgresStore, dsn: str, write: Callable[[PostgresStore, str, int], None]
) -> None:
    stale = claimed(store)
    store.record_machine(stale.cluster.id, stale.token, a_machine())
    let_pass(dsn, HOUR)
    fresh = store.claim("w2", lease=30)
    assert fresh is not None
    before = (store.cluster(stale.cluster.id, project_id=None), store.machines(stale.cluster.id, removed=True))
    with pytest.raises(LeaseLost):
        write(store, stale.cluster.id, stale.token)
    assert (store.cluster(stale.cluster.id, project_id=None), store.machines(stale.cluster.id, removed=True)) == before
    assert store.events(stale.cluster.id) == ()
    assert store.sealed(stale.cluster.id, "late") is None


def test_nothing_is_written_after_letting_go(store: PostgresStore) -> None:
    claim = claimed(store)
    store.record(claim.cluster.id, claim.token, READY, look_again_after=60)
    with pytest.raises(LeaseLost):
        store.record(claim.cluster.id, claim.token, Status(), look_again_after=60)


@pytest.mark.parametrize(
    "stir",
    [
        lambda s, c: s.change_cluster(replace(c, labels=()), generation=1),
        lambda s, c: s.add_node_group(c.id, NodeGroup("web", GROUP.spec)),
        lambda s, c: s.change_node_group(c.id, replace(GROUP, spec=replace(GROUP.spec, replicas=1)), generation=1),
        lambda s, c: s.request_node_group_deletion(c.id, "default", at=NOON),
        lambda s, c: s.request_deletion(c.id, at=NOON, keep_volumes=False),
        lambda s, c: s.add_report(c.id, "shop-cp-0", a_report("KubeadmInit", "started"), joined=False),
        lambda s, c: s.add_report(c.id, "shop-cp-0", a_report("PrepareMachine", "failed"), joined=False),
        lambda s, c: s.add_report(c.id, "shop-cp-0", a_report("Joined"), joined=True),
    ],
    ids=[
        "change",
        "add_node_group",
        "change_node_group",
        "delete_node_group",
        "delete",
        "API server starts",
        "failure",
        "joined",
    ],
)
def test_what_happens_during_a_claim_is_looked_at_directly_after_it(
    store: PostgresStore, stir: Callable[[PostgresStore, object], None]
) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    stir(store, claim.cluster)
    assert store.claim("w2", lease=30) is None
    store.record(claim.cluster.id, claim.token, READY, look_again_after=3600)
    again = store.claim("w2", lease=30)
    assert again is not None
    store.record(again.cluster.id, again.token, READY, look_again_after=3600)
    assert store.claim("w2", lease=30) is None


def test_a_cluster_whose_pods_wait_is_due_at_once_also_where_it_is_held(store: PostgresStore) -> None:
    claim = claimed(store)
    store.look_now(claim.cluster.id)
    assert store.claim("w2", lease=30) is None
    store.record(claim.cluster.id, claim.token, READY, look_again_after=3600)
    again = store.claim("w2", lease=30)
    assert again is not None
    store.record(again.cluster.id, again.token, READY, look_again_after=3600)
    assert store.claim("w2", lease=30) is None
    store.look_now(claim.cluster.id)
    assert store.claim("w2", lease=30) is not None
    store.look_now("7d3c4f5e-0000-4000-8000-000000000000")  # one that is gone meanwhile


def test_a_boot_that_goes_on_as_it_should_stirs_nobody(store: PostgresStore) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    store.record(claim.cluster.id, claim.token, READY, look_again_after=3600)
    store.add_report(claim.cluster.id, "shop-cp-0", a_report("PrepareMachine", "done"), joined=False)
    assert store.claim("w2", lease=30) is None


def test_no_node_group_is_lost_between_its_adding_and_a_claim(store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster(node_groups=())).cluster
    stop = threading.Event()
    looked: list[int] = []

    def work() -> None:
        while not stop.is_set():
            claim = store.claim("w", lease=30)
            if claim is not None:
                looked.append(len(claim.cluster.node_groups))
                store.record(cluster.id, claim.token, READY, look_again_after=3600)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(60):
            store.add_node_group(cluster.id, NodeGroup(f"g{number}", GROUP.spec))
        until("a claim sees all 60 node groups", lambda: looked[-1:] == [60], seconds=GENEROUS, every=0.01)
    finally:
        stop.set()
        worker.join()


def test_a_machine_is_written_down_once(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    store.add_report(id_, "shop-cp-0", a_report("Joined"), joined=True)
    store.record_machine(id_, token, a_machine(zone="z9"))
    assert store.machines(id_) == (a_machine(joined=True, boot=(a_report("Joined"),)),)


def test_the_next_machine_of_a_place_starts_afresh(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    store.record_machine(id_, token, a_machine("shop-cp-1", serial=1))
    digest = sha256(b"t").digest()
    store.add_ticket(id_, token, "shop-cp-0", digest, expires_at=NOON + timedelta(9999), facts=MachineFacts("1"))
    store.add_report(id_, "shop-cp-0", a_report("Joined"), joined=True)
    store.release_machine(id_, token, "shop-cp-0", Departure.REPAIR, NOON, generation=1)
    assert store.machines(id_)[0].removing
    store.forget_machine(id_, token, "shop-cp-0")
    assert [m.name for m in store.machines(id_)] == ["shop-cp-1"]
    assert [m.removed for m in store.machines(id_, removed=True)] == [True, False]
    store.record_machine(id_, token, a_machine(zone="z2"))
    assert store.machines(id_) == (a_machine("shop-cp-1", serial=1), a_machine(zone="z2"))
    with pytest.raises(TicketRefused):
        store.redeem_ticket(digest, "shop-cp-0", digest, now=NOON)


def test_what_a_machine_goes_for_is_written_down_once(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    store.release_machine(id_, token, "shop-cp-0", Departure.ROLLOUT, NOON, generation=1)
    store.release_machine(id_, token, "shop-cp-0", Departure.REPAIR, NOON + timedelta(hours=1), generation=1)
    gone = replace(a_machine(), removing=True, removing_at=NOON, departure=Departure.ROLLOUT)
    assert store.machines(id_) == (gone,)


def test_no_machine_is_released_by_a_wish_of_before(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    store.change_cluster(replace(claim.cluster, labels=()), generation=1)
    with pytest.raises(Temporary, match="changed meanwhile"):
        store.release_machine(id_, token, "shop-cp-0", Departure.ROLLOUT, NOON, generation=1)
    assert not store.machines(id_)[0].removing
    store.release_machine(id_, token, "shop-cp-0", Departure.ROLLOUT, NOON, generation=2)
    assert store.machines(id_)[0].removing


def test_a_change_that_needs_a_machine_is_refused_once_that_is_to_go(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    needed = frozenset({"shop-cp-0"})
    changed = store.change_cluster(replace(claim.cluster, labels=()), generation=1, staying=needed).cluster
    store.release_machine(id_, token, "shop-cp-0", Departure.ROLLOUT, NOON, generation=2)
    with pytest.raises(Stale):
        store.change_cluster(replace(changed, labels=(("a", "b"),)), generation=2, staying=needed)
    assert store.cluster(id_, project_id=None).cluster == changed


def test_a_machine_is_kept_and_is_what_it_became(store: PostgresStore) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    template, facts = MachineTemplate(RELEASE, "m1.large", (("tier", "web"),)), MachineFacts("10.0.0.9")
    store.record_machine(id_, token, a_machine())
    store.keep_machine(id_, token, "shop-cp-0", NOON)
    store.keep_machine(id_, token, "shop-cp-0", NOON + timedelta(hours=1))
    store.note_template(id_, token, "shop-cp-0", template)
    store.note_facts(id_, token, "shop-cp-0", facts)
    assert store.machines(id_) == (replace(a_machine(), kept_at=NOON, template=template, facts=facts),)
    store.forget_machine(id_, token, "shop-cp-0")
    store.record_machine(id_, token, a_machine())
    assert store.machines(id_) == (a_machine(),)  # the next one of that name begins afresh


def test_a_secret_is_kept_once(store: PostgresStore) -> None:
    claim = claimed(store)
    assert store.sealed(claim.cluster.id, "ca") is None
    assert store.seal(claim.cluster.id, claim.token, "ca", b"one") == b"one"
    assert store.seal(claim.cluster.id, claim.token, "ca", b"two") == b"one"
    assert store.sealed(claim.cluster.id, "ca") == b"one"


def test_a_node_group_goes_only_if_that_was_asked(store: PostgresStore) -> None:
    claim = claimed(store)
    store.forget_node_group(claim.cluster.id, claim.token, "default")
    assert store.cluster(claim.cluster.id, project_id=None).cluster.group("default") is not None
    store.request_node_group_deletion(claim.cluster.id, "default", at=NOON)
    store.forget_node_group(claim.cluster.id, claim.token, "default")
    assert store.cluster(claim.cluster.id, project_id=None).cluster.node_groups == ()


def test_a_forgotten_cluster_takes_all_its_rows_along(store: PostgresStore, dsn: str) -> None:
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    store.record_machine(id_, token, a_machine())
    store.add_ticket(id_, token, "shop-cp-0", b"0" * 32, expires_at=NOON, facts=MachineFacts())
    store.add_report(id_, "shop-cp-0", a_report(), joined=False)
    store.seal(id_, token, "ca", b"x")
    store.add_events(id_, token, (Event(NOON, "R", "m"),))
    store.forget(id_, token)
    with pytest.raises(NotFound):
        store.cluster(id_, project_id=None)
    with psycopg.connect(dsn) as connection:
        for table in ("node_groups", "machines", "tickets", "phase_reports", "secrets", "events"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


@contextmanager
def a_sleeper(store: PostgresStore) -> Iterator[Future[bool]]:
    """A thread of the store's that sleeps an hour unless it is notified: its answer comes in time only if it is."""
    assert store.wait(GENEROUS), "the listener's connecting counts as a notification"
    asleep = threading.Event()

    def sleep() -> bool:
        store.wait(0)  # from here on every notification counts for this thread
        asleep.set()
        return store.wait(HOUR)

    with ThreadPoolExecutor(1) as threads:
        sleeper = threads.submit(sleep)
        asleep.wait()
        try:
            yield sleeper
        finally:
            if not sleeper.done():
                store.close()  # wakes it; the test has failed by now


def test_a_waiting_worker_is_woken_by_a_new_cluster(store: PostgresStore, dsn: str) -> None:
    other = PostgresStore(dsn)
    try:
        with a_sleeper(store) as sleeper:
            other.create_cluster(a_cluster())
            assert sleeper.result(GENEROUS)
    finally:
        other.close()


def test_a_notification_between_claim_and_wait_is_not_missed(store: PostgresStore) -> None:
    with a_sleeper(store) as sleeper:
        store.create_cluster(a_cluster())
        assert sleeper.result(GENEROUS)
    assert store.wait(0), "another thread learns of it, too, though it did not wait when it came"
    assert not store.wait(0), "and once"


def test_the_store_goes_on_after_the_database_was_away(server: LocalPostgres, store: PostgresStore) -> None:
    cluster = store.create_cluster(a_cluster()).cluster
    assert store.wait(GENEROUS), "the listener is connected"
    server.stop()
    assert server.pid is None
    with pytest.raises(Unavailable):
        store.ping()
    with pytest.raises(Unavailable):
        store.claim("w", lease=30)
    assert not store.wait(0.1), "who waits meanwhile sleeps, and is told nothing"
    server.start()

    def claim() -> Claim | None:
        try:
            return store.claim("w", lease=30)
        except Unavailable:
            return None

    assert until("the cluster is claimed", claim, seconds=GENEROUS).cluster == cluster
    assert store.wait(GENEROUS), "the listener counts its reconnecting"


def test_a_process_starts_while_the_database_is_away(tmp_path: object) -> None:
    store = PostgresStore(f"host={tmp_path} dbname=navarch user=navarch")
    try:
        with pytest.raises(Unavailable):
            store.ping()
        with pytest.raises(Unavailable):
            store.migrate()
    finally:
        store.close()


def test_the_catalogue_is_written_while_nobody_holds_anything(store: PostgresStore) -> None:
    store.write_offer(Offer(zones=("z1",), read_at=NOON))
    assert store.offer() == Offer(zones=("z1",), read_at=NOON)


CHOSEN = Event(NOON, "AutomaticUpgrade", "Navarch upgrades the cluster", "shop", generation=2)


def test_what_navarch_wishes_is_written_once_with_its_event_and_is_due_at_once(store: PostgresStore) -> None:
    claim = claimed(store)
    wanted = replace(claim.cluster, spec=replace(claim.cluster.spec, automatic_since=NOON))
    store.change_wish(wanted, claim.token, generation=1, event=CHOSEN)
    with pytest.raises(Stale):
        store.change_wish(wanted, claim.token, generation=1, event=CHOSEN)
    store.record(claim.cluster.id, claim.token, READY, look_again_after=HOUR)
    assert store.next_due() == 0
    there = store.cluster(claim.cluster.id, project_id=None).cluster
    assert (there.generation, there.spec) == (2, wanted.spec)
    assert [stored.event for stored in store.events(claim.cluster.id)] == [CHOSEN]


def test_it_is_not_written_over_what_a_person_asked_for_nor_by_who_lost_the_cluster(
    store: PostgresStore, dsn: str
) -> None:
    claim = claimed(store)
    asked = replace(claim.cluster, spec=replace(claim.cluster.spec, soak_seconds=7))
    store.change_cluster(asked, generation=1)
    wanted = replace(claim.cluster, spec=replace(claim.cluster.spec, automatic_since=NOON))
    with pytest.raises(Stale):
        store.change_wish(wanted, claim.token, generation=1, event=CHOSEN)
    let_pass(dsn, 2 * HOUR)
    assert store.claim_cluster(claim.cluster.id, "w2", lease=HOUR) is not None
    with pytest.raises(LeaseLost):
        store.change_wish(wanted, claim.token, generation=2, event=CHOSEN)
    assert store.cluster(claim.cluster.id, project_id=None).cluster.spec.soak_seconds == 7
    assert store.events(claim.cluster.id) == ()
