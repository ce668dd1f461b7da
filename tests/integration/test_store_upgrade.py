"""Upgrades: what a migration may do, who may run it, and that code of one version works on the schema of the next.

There is no earlier release whose code could be run here. What is proven instead is what makes it run: migrations only
add (or say in words that they do not), and code names what it reads and writes, also while a column comes into being
under its prepared statements.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.integration.some_values import GROUP, NOON, a_cluster, a_machine, a_report

from navarch.domain.codec import encode
from navarch.domain.inventory import CloudObject, Inventory
from navarch.domain.machines import MachineFacts, MachineTemplate
from navarch.domain.offer import Allowance, Offer, Quota
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import MachineCount, Phase, Status
from navarch.store import migrate as room
from navarch.store.contract import Stored, Unavailable
from navarch.store.local_postgres import LocalPostgres
from navarch.store.migrate import Migration, migrate, migrations
from navarch.store.postgres import PostgresStore
from navarch.store.queries import names, query

pytestmark = pytest.mark.postgres

READY = Status(Phase.READY, 1, groups=(("default", MachineCount(2, 2)),), api_url="https://198.51.100.23:6443")
DECLARED = "-- Stop every process first:"
_ADDS = (
    r"CREATE TABLE \w+ \(.*\)",
    r"CREATE INDEX \w+ ON .*",
    r"DROP INDEX \w+",
    r"CREATE SEQUENCE \w+",
    r"CREATE FUNCTION \w+\(\) RETURNS trigger .*",
    r"CREATE TRIGGER \w+ .*",
    r"ALTER TABLE \w+ ADD COLUMN \w+ (?!.*\b(UNIQUE|CHECK)\b)((?!.*\bNOT NULL\b)|(?=.*\b(DEFAULT|GENERATED)\b)).*",
)  # fmt: skip


def takes_away(text: str) -> list[str]:
    """Statements of a migration that code of the version before might not survive."""
    if re.match(rf"{re.escape(DECLARED)} \w+ \w+", text):
        return []
    bare = re.sub(r"--[^\n]*", "", text)
    bare = re.sub(r"\$\$.*?\$\$", "", bare, flags=re.DOTALL)  # bodies of functions
    statements = [" ".join(part.split()) for part in bare.split(";")]
    return [s for s in statements if s and not any(re.fullmatch(adds, s) for adds in _ADDS)]


@pytest.mark.parametrize("migration", migrations()[1:], ids=lambda m: m.name)
def test_a_migration_adds_or_says_that_it_does_not(migration: Migration) -> None:
    assert takes_away(migration.text) == []


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE news (id bigint PRIMARY KEY, at timestamptz NOT NULL)",
        "ALTER TABLE clusters ADD COLUMN colour text; CREATE INDEX clusters_colour ON clusters (colour)",
        "ALTER TABLE clusters ADD COLUMN colour text NOT NULL DEFAULT ''",
        "DROP INDEX clusters_due",
        f"{DECLARED} rows are read under another name.\nALTER TABLE clusters RENAME spec TO wish",
    ],
)
def test_what_a_migration_may_do(text: str) -> None:
    assert takes_away(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE clusters DROP COLUMN spec",
        "ALTER TABLE clusters RENAME COLUMN spec TO wish",
        "ALTER TABLE clusters ALTER COLUMN spec TYPE text",
        "ALTER TABLE clusters ADD COLUMN colour text NOT NULL",
        "ALTER TABLE clusters ADD COLUMN colour text UNIQUE",
        "ALTER TABLE clusters ADD COLUMN colour text DEFAULT '' CHECK (colour = name)",
        "ALTER TABLE clusters ADD CHECK (length(name) < 20)",
        "CREATE UNIQUE INDEX clusters_spec ON clusters (spec)",
        "CREATE INDEX a ON clusters (name); DROP TABLE events",
        "UPDATE clusters SET status = '{}'",
        f"{DECLARED}\nDROP TABLE events",
    ],
)
def test_what_a_migration_may_not_do_in_silence(text: str) -> None:
    assert takes_away(text) != []


@pytest.mark.parametrize("name", sorted(names()))
def test_a_query_names_its_columns_and_fits_the_schema(name: str, migrated: str) -> None:
    text = re.sub(r"--[^\n]*", "", query(name).decode())
    assert not re.search(r"(\.|SELECT )\*", text), "what it reads would change under it"
    assert re.search(r"INSERT INTO \w+(?! \(|\w)", text) is None, "it would insert by position"
    numbers = dict.fromkeys(re.findall(r"%\((\w+)\)s", text))
    for number, parameter in enumerate(numbers, 1):
        text = text.replace(f"%({parameter})s", f"${number}")
    with psycopg.connect(migrated) as connection:
        connection.execute(f"PREPARE held_against_the_schema AS {text}".encode())


@pytest.fixture
def empty(server: LocalPostgres) -> Iterator[str]:
    """An empty database of its own."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE upgrade")
        yield server.dsn.replace("dbname=navarch", "dbname=upgrade")
        admin.execute("DROP DATABASE upgrade WITH (FORCE)")


@pytest.fixture
def old(empty: str) -> Iterator[PostgresStore]:
    """A store in which something of each kind was written, and each statement was prepared, before the upgrade."""
    migrate(empty)
    store = PostgresStore(empty, max_connections=1)
    for number in range(8):
        live(store, f"before-{number}")
    yield store
    store.close()


def live(store: PostgresStore, name: str) -> Stored:
    """A cluster's life as both sides of the store see it; gives how it looks near its end."""
    store.write_offer(Offer(zones=("z1",), read_at=NOON))
    store.write_quota("alpha", Quota((Allowance("cores", 20, 4),), read_at=datetime.now(UTC)))
    assert store.offer() is not None
    assert store.quota("alpha", newer_than=NOON, wait=0) is not None
    made = store.create_cluster(a_cluster(name=name), idempotency_key=name, body_digest="d", most=100).cluster
    store.change_cluster(made, generation=1)
    store.change_node_group(made.id, GROUP, generation=1)
    claim = store.claim_cluster(made.id, "w", lease=60)
    assert claim is not None
    store.record_machine(made.id, claim.token, a_machine(name))
    expires = datetime.now(UTC) + timedelta(hours=1)
    ticket = name.encode().ljust(32, b".")
    store.add_ticket(made.id, claim.token, name, ticket, expires_at=expires, facts=MachineFacts("10.0.0.5"))
    assert store.redeem_ticket(ticket, name, b"n" * 32, now=NOON).machine.name == name
    store.add_report(made.id, name, a_report(), joined=True)
    assert store.seal(made.id, claim.token, "secrets", b"x") == b"x"
    seen = Inventory(NOON, (("volume", (CloudObject("volume", "v", "pvc-1", "csi"),)),))
    store.record(made.id, claim.token, READY, inventory=seen, look_again_after=3600)
    assert store.inventory(made.id) == seen
    assert store.clusters(project_id="alpha").clusters[-1].status == READY
    assert [m.joined for m in store.machines(made.id)] == [True]
    assert store.made_with_key("alpha", name, "d") == store.cluster(name, project_id="alpha")
    return store.cluster(made.id, project_id=None)


def test_code_of_this_version_goes_on_while_the_next_one_adds_columns(old: PostgresStore, empty: str) -> None:
    before = old.clusters(project_id="alpha")
    with psycopg.connect(empty, autocommit=True) as upgrade:
        for table, columns in schema(upgrade).items():
            assert columns
            upgrade.execute(f"ALTER TABLE {table} ADD COLUMN from_the_future text NOT NULL DEFAULT 'x'")
    assert old.clusters(project_id="alpha") == before
    live(old, "after")


def test_code_of_this_version_reads_documents_of_the_next_one(old: PostgresStore, empty: str) -> None:
    before = old.clusters(project_id="alpha"), old.offer(), old.quota("alpha", newer_than=NOON, wait=0)
    documents = (("clusters", "spec"), ("clusters", "status"), ("node_groups", "spec"), ("offers", "content"),
                 ("quotas", "content"))  # fmt: skip
    with psycopg.connect(empty, autocommit=True) as upgrade:
        for table, column in documents:
            for ctid, document in upgrade.execute(f"SELECT ctid::text, {column} FROM {table}").fetchall():
                grown = psycopg.types.json.Jsonb(with_unknown_keys(document))
                upgrade.execute(f"UPDATE {table} SET {column} = %s WHERE ctid = %s::tid", (grown, ctid))
    assert (old.clusters(project_id="alpha"), old.offer(), old.quota("alpha", newer_than=NOON, wait=0)) == before


def with_unknown_keys(document: Any) -> Any:
    """The document with a key more in each object."""
    match document:
        case dict():
            return {k: with_unknown_keys(v) for k, v in document.items()} | {"from_the_future": {"a": [1]}}
        case list():
            return [with_unknown_keys(v) for v in document]
        case _:
            return document


def schema(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every table with its columns, constraints and indexes, as PostgreSQL describes them."""
    described: dict[str, list[tuple[Any, ...]]] = {}
    for statement in (
        "SELECT table_name, column_name, data_type, is_nullable, column_default, identity_generation,"
        " generation_expression FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    ):
        for table, *rest in connection.execute(statement).fetchall():
            described.setdefault(table, []).append(tuple(rest))
    return {table: sorted(rows, key=str) for table, rows in described.items()}


def test_version_after_version_ends_in_the_schema_of_a_new_installation(
    empty: str, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    for number in range(1, len(every) + 1):
        monkeypatch.setattr(room, "migrations", lambda upto=number: every[:upto])
        assert migrate(empty) == (every[number - 1].name,)
    with psycopg.connect(empty) as stepwise, psycopg.connect(migrated) as at_once:
        assert schema(stepwise) == schema(at_once)


def written_by_the_first_version(dsn: str) -> Cluster:
    """A cluster as that version wrote it, for this one's statements need this one's schema. What a cluster was given
    was told then by what was offered."""
    cluster = a_cluster()
    document = encode(cluster.spec)
    assert isinstance(document, dict)
    release, network = document.pop("release"), document["network"]
    offered = {
        "releases": [release],
        "external_networks": [{"id": network.pop("external_network_id"), "name": network["external_network"]}],
    }
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO catalogue (content) VALUES (%s)", (Jsonb(offered),))
        connection.execute(
            "INSERT INTO clusters (id, project_id, name, labels, spec, created_at, created_by, request_id, status)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                cluster.id, cluster.project_id, cluster.name, Jsonb(dict(cluster.labels)), Jsonb(document),
                cluster.created_at, cluster.created_by, cluster.request_id, Jsonb(encode(Status())),
            ),
        )  # fmt: skip
        for group in cluster.node_groups:
            connection.execute(
                "INSERT INTO node_groups (cluster_id, name, spec) VALUES (%s, %s, %s)",
                (cluster.id, group.name, Jsonb(encode(group.spec))),
            )
        for role, group_name in (("control-plane", "cp"), ("worker", cluster.node_groups[0].name)):
            connection.execute(
                "INSERT INTO machines (cluster_id, name, role, node_group, serial, zone, created_at)"
                " VALUES (%s, %s, %s, %s, 0, 'z1', %s)",
                (cluster.id, role, role, group_name, cluster.created_at),
            )
    return cluster


def test_a_cluster_of_the_first_version_is_there_after_all_migrations(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    monkeypatch.setattr(room, "migrations", lambda: every[:1])
    migrate(empty)
    cluster = written_by_the_first_version(empty)
    store = PostgresStore(empty)
    try:
        monkeypatch.setattr(room, "migrations", lambda: every)
        assert len(migrate(empty)) == len(every) - 1
        found = store.cluster(cluster.id, project_id="alpha")
        assert (found.cluster, found.status) == (replace(cluster, region=""), Status())
        templates = {m.role: m.template for m in store.machines(cluster.id)}
        group = cluster.node_groups[0].spec
        assert templates[Role.CONTROL_PLANE] == MachineTemplate(cluster.spec.release, cluster.spec.control_plane.flavor)
        assert templates[Role.WORKER] == MachineTemplate(cluster.spec.release, group.flavor, group.labels, group.taints)
        assert store.claim("w", lease=60) is None
        store.adopt_clusters()
        claim = store.claim("w", lease=60)
        assert claim is not None
        assert claim.cluster == cluster
    finally:
        store.close()


def test_a_migration_that_fails_in_the_middle_leaves_nothing_behind(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    every = migrations()
    number = len(every) + 1
    broken = Migration(number, f"{number:04}_half", "CREATE TABLE half (id int); ALTER TABLE none ADD COLUMN a int")
    monkeypatch.setattr(room, "migrations", lambda: (*every, broken))
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(empty)
    mended = Migration(number, broken.name, "CREATE TABLE half (id int)")
    monkeypatch.setattr(room, "migrations", lambda: (*every, mended))
    assert migrate(empty) == (broken.name,)


@pytest.fixture
def a_column_more(empty: str, monkeypatch: pytest.MonkeyPatch) -> Migration:
    """The next version's migration, on a database of this version."""
    migrate(empty)
    every = migrations()
    more = Migration(len(every) + 1, f"{len(every) + 1:04}_more", "ALTER TABLE clusters ADD COLUMN more text")
    monkeypatch.setattr(room, "migrations", lambda: (*every, more))
    return more


def test_a_migration_gives_up_behind_a_long_reader_and_nobody_queues_behind_it(
    empty: str, a_column_more: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_WAIT_FOR_TABLES", "300ms")
    with psycopg.connect(empty) as reader:
        reader.execute("SELECT count(*) FROM clusters")  # and its transaction stays open
        with pytest.raises(Unavailable, match="lock timeout"):
            migrate(empty)
        with psycopg.connect(empty, options="-c statement_timeout=30s") as another:
            another.execute("SELECT count(*) FROM clusters")
    assert migrate(empty) == (a_column_more.name,)


def test_a_process_waits_for_the_one_that_migrates(empty: str, a_column_more: Migration) -> None:
    done: list[tuple[str, ...]] = []
    with psycopg.connect(empty, autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", (room._LOCK,))
        second = threading.Thread(target=lambda: done.append(migrate(empty)))
        second.start()
        second.join(0.5)
        assert second.is_alive()
        with psycopg.connect(empty) as reader:
            applied = reader.execute("SELECT max(version) FROM schema_migrations").fetchone()
            assert applied == (a_column_more.version - 1,)
    second.join(10)
    assert done == [(a_column_more.name,)]


def test_a_process_does_not_wait_for_ever_for_the_one_that_migrates(
    empty: str, a_column_more: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_WAIT_FOR_OTHERS", "200ms")
    with psycopg.connect(empty, autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", (room._LOCK,))
        with pytest.raises(Unavailable):
            migrate(empty)


def test_a_database_ahead_of_the_code_is_left_alone(
    empty: str, a_column_more: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    monkeypatch.undo()
    assert migrate(empty) == ()
    store = PostgresStore(empty)
    try:
        live(store, "shop")
    finally:
        store.close()


def test_the_page_says_how_a_migration_declares_itself() -> None:
    assert f"`{DECLARED}`" in (Path(__file__).parents[2] / "docs/operate/database.md").read_text()
