"""No table grows without bound, over a cluster's life or after it: docs/operate/database.md says what bounds each."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.integration.some_values import GROUP, NOON, a_cluster, a_machine, a_report

from navarch.domain.machines import MachineFacts
from navarch.domain.offer import Allowance, Quota
from navarch.domain.spec import NodeGroup, Role
from navarch.domain.status import Event
from navarch.store import api_side, worker_side
from navarch.store.contract import Claim, TicketRefused, TooMany
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

PAGE = Path(__file__).parents[2] / "docs/operate/database.md"


@pytest.fixture
def sql(dsn: str) -> Iterator[Any]:
    """A connection of one's own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def count(sql: Any, table: str) -> int:
    return int(sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def claimed(store: PostgresStore, **changes: Any) -> Claim:
    claim = store.claim_cluster(store.create_cluster(a_cluster(**changes)).cluster.id, "w", lease=60)
    assert claim is not None
    return claim


def add_ticket(
    store: PostgresStore, claim: Claim, word: str, expires_at: datetime, machine: str = "shop-cp-0"
) -> bytes:
    digest = sha256(word.encode()).digest()
    store.add_ticket(claim.cluster.id, claim.token, machine, digest, expires_at=expires_at, facts=MachineFacts())
    return digest


def test_the_page_tells_of_every_table_and_column(sql: Any) -> None:
    columns: dict[str, set[str]] = {}
    for table, column in sql.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        columns.setdefault(table, set()).add(column)
    told = {
        heading: set(re.findall(r"`(\w+)`", body.split("\n\n", 1)[0]))
        for heading, body in re.findall(r"^### `(\w+)`\n\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.M | re.S)
    }
    assert told == columns


def test_the_page_tells_the_figures_in_force() -> None:
    text = PAGE.read_text()
    for figure in (api_side.EVENTS_KEPT, api_side.PHASES_KEPT, worker_side.REMOVED_KEPT):
        assert re.search(rf"\b{figure:,}\b", text) or re.search(rf"\b{figure}\b", text), figure


def test_two_clusters_that_take_turns_are_both_trimmed(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_side, "EVENTS_KEPT", 10)
    one, two = claimed(store, name="one"), claimed(store, name="two")
    for number in range(100):
        store.add_event(one.cluster.id, Event(NOON, f"R{number}", "m"))
        store.add_events(two.cluster.id, two.token, (Event(NOON, f"R{number}", "m"),))
    for claim in (one, two):
        assert [e.event.reason for e in store.events(claim.cluster.id)] == [f"R{n}" for n in range(90, 100)]


def test_a_server_that_is_asked_for_without_end_leaves_no_heap_of_tickets(store: PostgresStore, sql: Any) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    for number in range(50):
        add_ticket(store, claim, f"t{number}", datetime.now(UTC) - timedelta(hours=1, minutes=1))
    assert count(sql, "tickets") == 1
    valid = add_ticket(store, claim, "valid", datetime.now(UTC) + timedelta(hours=1))
    assert count(sql, "tickets") == 1
    assert store.redeem_ticket(valid, "shop-cp-0", b"n" * 32, now=datetime.now(UTC)).machine.name == "shop-cp-0"


def test_a_ticket_in_use_stays_beyond_its_hour(store: PostgresStore, sql: Any) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    used = add_ticket(store, claim, "used", NOON)
    store.redeem_ticket(used, "shop-cp-0", b"n" * 32, now=NOON - timedelta(minutes=1))
    add_ticket(store, claim, "another", datetime.now(UTC))
    assert count(sql, "tickets") == 2
    later = NOON + timedelta(hours=23)  # a day after it was first shown it ends
    assert store.redeem_ticket(used, "shop-cp-0", b"n" * 32, now=later).machine.name == "shop-cp-0"


def test_a_joined_machines_later_tickets_end_with_its_next_joining(store: PostgresStore) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    for word in ("first", "after its server was lost"):
        ticket = add_ticket(store, claim, word, datetime.now(UTC) + timedelta(hours=1))
        store.redeem_ticket(ticket, "shop-cp-0", b"n" * 32, now=datetime.now(UTC))
        store.add_report(claim.cluster.id, "shop-cp-0", a_report("Joined"), joined=True)
        with pytest.raises(TicketRefused, match="void"):
            store.redeem_ticket(ticket, "shop-cp-0", b"n" * 32, now=datetime.now(UTC))


def test_a_machine_that_makes_phases_up_is_stopped(store: PostgresStore) -> None:
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    for number in range(api_side.PHASES_KEPT):
        store.add_report(claim.cluster.id, "shop-cp-0", a_report(f"P{number}"), joined=False)
    with pytest.raises(TooMany, match=str(api_side.PHASES_KEPT)):
        store.add_report(claim.cluster.id, "shop-cp-0", a_report("OneMore"), joined=False)
    store.add_report(claim.cluster.id, "shop-cp-0", a_report("P0", "failed"), joined=False)
    (machine,) = store.machines(claim.cluster.id)
    assert len(machine.boot) == api_side.PHASES_KEPT


def replace_a_worker(store: PostgresStore, claim: Claim, serial: int, group: str = "default") -> None:
    """A worker comes, reports, and goes."""
    id_, token, name = claim.cluster.id, claim.token, f"shop-{group}-{serial}"
    store.record_machine(id_, token, a_machine(name, role=Role.WORKER, group=group, serial=serial))
    add_ticket(store, claim, name, datetime.now(UTC) - timedelta(days=1), machine=name)
    store.add_report(id_, name, a_report(), joined=False)
    store.forget_machine(id_, token, name)


def test_machines_that_went_are_kept_for_a_while_only(
    store: PostgresStore, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_side, "REMOVED_KEPT", 5)
    claim = claimed(store)
    store.record_machine(claim.cluster.id, claim.token, a_machine())
    for serial in range(1, 31):
        replace_a_worker(store, claim, serial)
    kept = store.machines(claim.cluster.id, removed=True)
    assert [m.serial for m in kept if m.removed] == [26, 27, 28, 29, 30]
    assert [m.name for m in kept if not m.removed] == ["shop-cp-0"]
    assert count(sql, "phase_reports") == 5
    assert count(sql, "tickets") <= 5


def test_what_went_last_is_kept_not_what_was_made_last(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_side, "REMOVED_KEPT", 2)
    claim = claimed(store)
    id_, token = claim.cluster.id, claim.token
    for serial in (1, 2, 3, 4):
        store.record_machine(id_, token, a_machine(f"w{serial}", role=Role.WORKER, group="default", serial=serial))
    for serial in (4, 3, 2, 1):
        store.forget_machine(id_, token, f"w{serial}")
    # 1 and 2 went last: their nodes may be there still. 4 has the highest number.
    assert [m.serial for m in store.machines(id_, removed=True)] == [1, 2, 4]


def test_the_highest_number_of_a_node_group_is_never_lost(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_side, "REMOVED_KEPT", 3)
    claim = claimed(store, node_groups=(GROUP, NodeGroup("web", GROUP.spec)))
    replace_a_worker(store, claim, 7, "web")
    for serial in range(1, 10):
        replace_a_worker(store, claim, serial)
    kept = store.machines(claim.cluster.id, removed=True)
    assert {(m.group, m.serial) for m in kept} == {("web", 7), ("default", 7), ("default", 8), ("default", 9)}


def test_node_groups_that_come_and_go_leave_nothing_for_ever(
    store: PostgresStore, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_side, "REMOVED_KEPT", 3)
    claim = claimed(store)
    for number in range(12):
        group = f"g{number}"
        store.add_node_group(claim.cluster.id, NodeGroup(group, GROUP.spec))
        replace_a_worker(store, claim, 1, group)
        store.request_node_group_deletion(claim.cluster.id, group, at=NOON)
        store.forget_node_group(claim.cluster.id, claim.token, group)
    replace_a_worker(store, claim, 1)
    assert count(sql, "machines") == 3
    assert count(sql, "node_groups") == 1


def test_cleaning_up_at_the_same_time_never_ends_in_a_deadlock(
    store: PostgresStore, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_side, "REMOVED_KEPT", 2)
    claim, start = claimed(store), threading.Barrier(6)

    def replace(thread: int) -> None:
        start.wait()
        for number in range(15):
            replace_a_worker(store, claim, thread * 100 + number + 1)
            store.write_quota(f"p{thread}", Quota((Allowance("cores", 1, 1),), read_at=NOON))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(replace, range(6)))
    replace_a_worker(store, claim, 9999)
    assert count(sql, "machines") == 2


def test_quotas_of_projects_that_nobody_asks_for_are_dropped(store: PostgresStore, sql: Any) -> None:
    for number in range(20):
        store.write_quota(f"gone-{number}", Quota((Allowance("cores", 20, 4),), read_at=NOON))
    store.quota("asks", newer_than=datetime.now(UTC), wait=0.05)
    now = datetime.now(UTC)
    store.write_quota("alpha", Quota((Allowance("cores", 20, 4),), read_at=now))
    assert {row[0] for row in sql.execute("SELECT project_id FROM quotas")} == {"asks", "alpha"}
    assert store.take_wanted_quotas() == ("asks",)
    store.write_quota("alpha", Quota((Allowance("cores", 20, 4),), read_at=now))
    assert {row[0] for row in sql.execute("SELECT project_id FROM quotas")} == {"alpha"}, (
        "whoever still asks comes again"
    )


def test_keys_are_dropped_when_the_next_one_comes(store: PostgresStore, sql: Any) -> None:
    for number in range(10):
        store.create_cluster(a_cluster(name=f"c{number}"), idempotency_key=f"k{number}", body_digest="d")
    sql.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    store.create_cluster(a_cluster(name="next"), idempotency_key="k", body_digest="d")
    assert count(sql, "idempotency_keys") == 1


def test_that_a_cluster_went_is_remembered_for_a_day(store: PostgresStore, sql: Any) -> None:
    for number in range(5):
        claim = claimed(store, name=f"c{number}")
        store.forget(claim.cluster.id, claim.token)
    sql.execute("UPDATE gone_clusters SET gone_at = now() - interval '25 hours'")
    claim = claimed(store, name="next")
    store.forget(claim.cluster.id, claim.token)
    assert count(sql, "gone_clusters") == 2  # the newest of the old ones says from when on all are known


def test_of_a_cluster_that_is_gone_only_what_is_told_of_it_stays(store: PostgresStore, sql: Any) -> None:
    made = store.create_cluster(a_cluster(), idempotency_key="k", body_digest="d").cluster
    claim = store.claim_cluster(made.id, "w", lease=60)
    assert claim is not None
    replace_a_worker(store, claim, 1)
    store.seal(made.id, claim.token, "secrets", b"x")
    store.add_event(made.id, Event(NOON, "R", "m"))
    store.forget(made.id, claim.token)
    tables = [row[0] for row in sql.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    left = {table for table in tables if count(sql, table)}
    assert left == {"idempotency_keys", "gone_clusters", "schema_migrations"}
