"""The real PostgreSQL with its real queries, under a clock of our own and with faults of its own.

In a transaction `now()` is found in the schema `virtual` before the system's; a single statement is given the moment in
its place. Notifications go through the simulation, because they would come at a real moment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import dict_row
from tests.chaos.schedule import Schedule, Signal

from navarch.simulator.openstack.timeline import Timeline
from navarch.store.api_side import ApiSide
from navarch.store.catalogue_side import CatalogueSide
from navarch.store.change_side import ChangeSide
from navarch.store.credential_side import CredentialSide
from navarch.store.database import CHANNELS, Transaction
from navarch.store.errors import translated
from navarch.store.insight_side import InsightSide
from navarch.store.inventory_side import InventorySide
from navarch.store.kubeconfig_side import KubeconfigSide
from navarch.store.migrate import migrate
from navarch.store.operator_side import OperatorSide
from navarch.store.queries import query
from navarch.store.worker_side import WorkerSide

REGION = "RegionOne"
_TABLES = "clusters, idempotency_keys, offers, quotas, gone_clusters, pauses"
_CLOCK = """
CREATE SCHEMA IF NOT EXISTS virtual;
CREATE OR REPLACE FUNCTION virtual.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('navarch.now')::timestamptz $$;
"""
Connection = psycopg.Connection[dict[str, Any]]


def prepare(dsn: str) -> str:
    """Make the clock and the schema in an empty database; gives the connection string that runs on virtual time."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_CLOCK)
    options = (
        "-c search_path=virtual,public,pg_catalog -c timezone=UTC -c navarch.now=2030-01-01 -c synchronous_commit=off"
    )
    virtual = psycopg.conninfo.make_conninfo(dsn, options=options)
    migrate(virtual)
    return virtual


def connect(dsn: str) -> Connection:
    """The one connection of a run, on emptied tables."""
    connection: Connection = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)
    connection.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE")
    return connection


class _Transaction(Transaction):
    """`tell` is told the channels that are notified."""

    def __init__(self, connection: Connection, tell: Callable[[str], None]) -> None:
        super().__init__(connection)
        self._tell = tell
        self.wrote = False

    def notify(self, channel: str, payload: str = "") -> None:
        self._tell(channel)

    def _execute(self, name: str, values: dict[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
        cursor = super()._execute(name, values)
        self.wrote |= not (cursor.statusmessage or "").startswith("SELECT")
        return cursor


class _Look(Transaction):
    """Statements of their own, which are given the moment: to tell the clock would be another way there and back."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection)
        self._now = now

    def _execute(self, name: str, values: dict[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
        return self._connection.execute(_timed(query(name)), {**values, "virtual_now": self._now})


@cache
def _timed(statement: bytes) -> bytes:
    return statement.replace(b"now()", b"%(virtual_now)s::timestamptz")


class Session:
    """The run's connection, under virtual time. `writes` counts the transactions that wrote something: what was read of
    clusters and machines since the last one is still so. (Single statements write tickets and quotas alone.)"""

    def __init__(self, connection: Connection, timeline: Timeline) -> None:
        self._connection, self._timeline = connection, timeline
        self.writes = 0

    @contextmanager
    def transaction(self, tell: Callable[[str], None]) -> Iterator[Transaction]:
        """One transaction at this moment: the clock is told on the way there."""
        self._connection.execute(f"BEGIN; SET navarch.now = '{self._timeline.date().isoformat()}'")
        transaction = _Transaction(self._connection, tell)
        try:
            yield transaction
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self.writes += transaction.wrote

    def look(self) -> Transaction:
        """For single statements."""
        return _Look(self._connection, self._timeline.date())


class VirtualDatabase:
    """Stands where `navarch.store.database.Database` does. `before` and `after` a commit, faults may be raised."""

    def __init__(
        self,
        session: Session,
        schedule: Schedule,
        channels: dict[str, "Channel"],
        *,
        before: Callable[[], None],
        after: Callable[[], bool],
    ) -> None:
        self.session, self._schedule, self._channels = session, schedule, channels
        self._before, self._after = before, after

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        told: list[str] = []
        with translated():
            self._before()
            with self.session.transaction(told.append) as transaction:
                yield transaction
            heard = self._after()
        if heard:
            for channel in told:
                self._channels[channel].tell(self._schedule)

    @contextmanager
    def look(self) -> Iterator[Transaction]:
        with translated():
            self._before()
            yield self.session.look()
            self._after()

    def listen(self) -> "Ear":
        return Ear(self._schedule, self._channels)

    def close(self) -> None:
        """The connection is the run's."""


class Channel:
    """Counts notifications."""

    def __init__(self) -> None:
        self.count, self.signal = 0, Signal()

    def tell(self, schedule: Schedule) -> None:
        self.count += 1
        schedule.give(self.signal)


def channels() -> dict[str, Channel]:
    """Those of the store."""
    return {name: Channel() for name in CHANNELS}


class Ear:
    """Stands where the store's `Listener` does."""

    def __init__(self, schedule: Schedule, channels: dict[str, Channel]) -> None:
        self._schedule, self._channels = schedule, channels

    def count(self, channel: str) -> int:
        return self._channels[channel].count

    def wait_past(self, channel: str, seen: int, timeout: float) -> int:
        heard = self._channels[channel]
        if heard.count <= seen:
            self._schedule.wait([heard.signal], timeout)
        return heard.count


class Operator(OperatorSide):
    """What the operator asks of the store."""

    def __init__(self, database: VirtualDatabase) -> None:
        super().__init__(database, REGION)  # type: ignore[arg-type]


class VirtualStore(
    ApiSide,
    ChangeSide,
    InventorySide,
    InsightSide,
    KubeconfigSide,
    CredentialSide,
    CatalogueSide,
    OperatorSide,
    WorkerSide,
):
    """All sides of the store's contract, with the project's own code and queries."""

    def __init__(self, database: VirtualDatabase) -> None:
        ApiSide.__init__(self, database, REGION)  # type: ignore[arg-type]
        ChangeSide.__init__(self, database)  # type: ignore[arg-type]
        InventorySide.__init__(self, database)  # type: ignore[arg-type]
        InsightSide.__init__(self, database, REGION)  # type: ignore[arg-type]
        KubeconfigSide.__init__(self, database)  # type: ignore[arg-type]
        CredentialSide.__init__(self, database)  # type: ignore[arg-type]
        CatalogueSide.__init__(self, database)  # type: ignore[arg-type]
        OperatorSide.__init__(self, database, REGION)  # type: ignore[arg-type]
        WorkerSide.__init__(self, database, REGION)  # type: ignore[arg-type]
