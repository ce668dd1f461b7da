"""The real PostgreSQL with its real queries, under a clock of our own and with faults of its own.

`now()` in the queries is found in the schema `virtual` before the system's. Notifications go through the simulation,
because they would come at a real moment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from tests.chaos.schedule import Schedule, Signal

from navarch.clouds.simulator import Timeline
from navarch.store.api_side import ApiSide
from navarch.store.database import CHANNELS, Transaction
from navarch.store.errors import translated
from navarch.store.migrate import migrate
from navarch.store.worker_side import WorkerSide

_TABLES = "clusters, idempotency_keys, catalogue, quotas"
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
    def __init__(self, connection: Connection, notify: Callable[[str], None]) -> None:
        super().__init__(connection)
        self._notify = notify

    def notify(self, channel: str, payload: str = "") -> None:
        self._notify(channel)


class Clock:
    """The virtual time that the connection's queries see."""

    def __init__(self, connection: Connection, timeline: Timeline) -> None:
        self._connection, self._timeline = connection, timeline
        self._told = -1.0

    def tell(self) -> None:
        """Have it right for a statement of its own."""
        if self._told != self._timeline.now:
            self._connection.execute(self._words())
            self._told = self._timeline.now

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction at this moment: the clock is told on the way there."""
        self._connection.execute("BEGIN; " + self._words())
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._told = -1.0  # rolled back as well
            raise
        self._connection.execute("COMMIT")
        self._told = self._timeline.now

    def _words(self) -> str:
        return f"SET navarch.now = '{self._timeline.date().isoformat()}'"


class VirtualDatabase:
    """Stands where `navarch.store.database.Database` does. `before` and `after` a commit, faults may be raised."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        schedule: Schedule,
        channels: dict[str, "Channel"],
        *,
        before: Callable[[], None],
        after: Callable[[], bool],
    ) -> None:
        self._connection, self._clock, self._schedule, self._channels = connection, clock, schedule, channels
        self._before, self._after = before, after

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        told: list[str] = []
        with translated():
            self._before()
            with self._clock.transaction():
                yield _Transaction(self._connection, told.append)
            heard = self._after()
        if heard:
            for channel in told:
                self._channels[channel].tell(self._schedule)

    @contextmanager
    def look(self) -> Iterator[Transaction]:
        with translated():
            self._before()
            self._clock.tell()
            yield _Transaction(self._connection, lambda channel: None)
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


class VirtualStore(ApiSide, WorkerSide):
    """Both sides of the store's contract, with the project's own code and queries."""

    def __init__(self, database: VirtualDatabase) -> None:
        ApiSide.__init__(self, database)  # type: ignore[arg-type]
        WorkerSide.__init__(self, database)  # type: ignore[arg-type]
