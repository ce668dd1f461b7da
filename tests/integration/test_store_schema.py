"""Migrations, named queries, and the private server."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from navarch.store.local_postgres import CannotStart, LocalPostgres
from navarch.store.migrate import Migration, SchemaChanged, migrate, migrations
from navarch.store.postgres import PostgresStore
from navarch.store.queries import names

pytestmark = pytest.mark.postgres


@pytest.fixture
def empty(server: LocalPostgres) -> Iterator[str]:
    """An empty database of its own."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE fresh")
        yield server.dsn.replace("dbname=navarch", "dbname=fresh")
        admin.execute("DROP DATABASE fresh WITH (FORCE)")


def test_migrations_are_applied_once(empty: str) -> None:
    assert migrate(empty) == tuple(m.name for m in migrations())
    assert migrate(empty) == ()


def test_processes_that_start_together_migrate_once(empty: str) -> None:
    start = threading.Barrier(4)

    def one(_: int) -> int:
        start.wait()
        return len(migrate(empty))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one, range(4))) == len(migrations())


def test_an_edited_migration_is_refused(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty)
    first = migrations()[0]
    edited = (Migration(first.version, first.name, first.text + "-- edited"), *migrations()[1:])
    monkeypatch.setattr("navarch.store.migrate.migrations", lambda: edited)
    with pytest.raises(SchemaChanged, match=first.name):
        migrate(empty)


def test_every_named_query_is_used_and_every_used_one_exists() -> None:
    source = "".join(p.read_text() for p in (Path(__file__).parents[2] / "src/navarch/store").glob("*.py"))
    assert [name for name in names() if f'"{name}"' not in source] == []


def test_the_private_server_keeps_its_data_and_stops_by_its_own_pid() -> None:
    folder = Path(tempfile.mkdtemp(prefix="navarch-pg-"))
    folder.chmod(0o755)
    server = LocalPostgres(folder, durable=False)
    try:
        server.start()
        first = server.pid
        server.start()
        assert server.pid == first
        store = PostgresStore(server.dsn)
        store.migrate()
        store.close()
        server.stop()
        assert not _runs(server)
        server.stop()
        server.start()
        assert _runs(server)
        assert server.pid != first
        assert migrate(server.dsn) == ()
        server.stop()
    finally:
        server.stop()
        shutil.rmtree(folder)


def _runs(server: LocalPostgres) -> bool:
    return server.pid is not None


def test_a_server_that_cannot_be_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="too long"):
        LocalPostgres(tmp_path / ("x" * 120)).start()


def test_a_server_that_was_killed_starts_again_with_what_was_committed() -> None:
    folder = Path(tempfile.mkdtemp(prefix="navarch-pg-"))
    folder.chmod(0o755)
    server = LocalPostgres(folder)
    try:
        server.start()
        migrate(server.dsn)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        server.start()
        assert server.pid != pid
        assert migrate(server.dsn) == ()
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_a_migration_that_comes_late_with_a_lower_number_is_applied(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    first = Migration(9001, "9001_first", "CREATE TABLE late_first (a int)")
    second = Migration(9002, "9002_second", "CREATE TABLE late_second (a int)")
    monkeypatch.setattr("navarch.store.migrate.migrations", lambda: (*every, second))
    migrate(empty)
    monkeypatch.setattr("navarch.store.migrate.migrations", lambda: (*every, first, second))
    assert migrate(empty) == ("9001_first",)
