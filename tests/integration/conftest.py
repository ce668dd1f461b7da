"""What the tests here run on: a real PostgreSQL, emptied between tests, and for some a real Kubernetes API server."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.integration.api_fixtures import api, make_api
from tests.integration.console_fixtures import browser
from tests.integration.entry_programs import renderer
from tests.integration.guarded_cluster import guarded
from tests.integration.kube_apiserver import ApiServer, api_server
from tests.integration.registries import archive, containerd

from navarch.store.local_postgres import LocalPostgres
from navarch.store.postgres import PostgresStore

__all__ = ["api", "archive", "browser", "containerd", "guarded", "make_api", "renderer"]  # fixtures of the tests here
_TABLES = (
    "clusters, idempotency_keys, offers, quotas, pauses, gone_clusters, console_sessions, console_accounts, "
    "catalogue_entries"
)


@pytest.fixture(scope="module")
def kube() -> Iterator[ApiServer]:
    """A Kubernetes API server of the module's own, configured as on a control-plane machine."""
    with tempfile.TemporaryDirectory(prefix="navarch-kube-") as folder, api_server(Path(folder)) as made:
        yield made


@pytest.fixture(scope="session")
def server() -> Iterator[LocalPostgres]:
    """The server, for tests that stop and start it."""
    folder = Path(tempfile.mkdtemp(prefix="navarch-pg-"))  # pytest's own folders are closed to user postgres
    folder.chmod(0o755)
    postgres = LocalPostgres(folder, durable=False)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated(server: LocalPostgres) -> str:
    """A connection string to a database with the schema."""
    store = PostgresStore(server.dsn)
    store.migrate()
    store.close()
    return server.dsn


@pytest.fixture
def dsn(migrated: str) -> str:
    """The same, emptied."""
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE")
    return migrated


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    """The store on an empty database."""
    opened = PostgresStore(dsn, max_connections=12)
    yield opened
    opened.close()
