"""Connections: the pool, one transaction at a time, and the one that listens."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from select import POLLIN, poll
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from navarch.store.errors import translated
from navarch.store.queries import query

WORK = "navarch_work"  # something may be due
QUOTA = "navarch_quota"  # payload: project whose quotas were read
INSIGHT = "navarch_insight"  # payload: cluster whose inside was looked at
CHANGE = "navarch_change"  # what people see of some cluster changed; from triggers
CHANNELS = (WORK, QUOTA, INSIGHT, CHANGE)

_log = logging.getLogger(__name__)
_Connection = psycopg.Connection[dict[str, Any]]
# Bounds on every wait: a call of the store ends within them whatever the database or the network does.
_CONNECT_SECONDS = 5
_SERVER_BOUNDS = (
    "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=15s -c timezone=UTC"
)
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15000}


class Transaction:
    """Named queries on one connection, inside one transaction."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def run(self, name: str, /, **values: Any) -> int:
        """Execute; gives the number of rows touched."""
        return self._execute(name, values).rowcount

    def row(self, name: str, /, **values: Any) -> dict[str, Any] | None:
        """The first row, or None."""
        return self._execute(name, values).fetchone()

    def rows(self, name: str, /, **values: Any) -> list[dict[str, Any]]:
        """All rows."""
        return self._execute(name, values).fetchall()

    def fetch(self, statement: bytes, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a statement that was put together from named ones."""
        return self._connection.execute(statement, values).fetchall()

    def notify(self, channel: str, payload: str = "") -> None:
        """Wake listeners when the transaction commits."""
        self._execute("notify", {"channel": channel, "payload": payload})

    def _execute(self, name: str, values: dict[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
        return self._connection.execute(query(name), values)


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """A pool now, and since it was opened. `open` connections of at most `most`, `idle` of them free; `waiting` callers
    now. Of `asked` times that one was wanted, `waited` had to wait, `wait_seconds` together, and `refused` waited in
    vain. `failed`: attempts to connect that did not succeed."""

    open: int
    most: int
    idle: int
    waiting: int
    asked: int
    waited: int
    wait_seconds: float
    refused: int
    failed: int


class Database:
    """A pool of connections to one database and a thread that listens for notifications. `pool_timeout` in seconds.
    `read_only`: the server refuses every write."""

    def __init__(
        self,
        dsn: str,
        *,
        max_connections: int = 8,
        pool_timeout: float = 3.0,
        name: str = "navarch",
        read_only: bool = False,
    ) -> None:
        options = _SERVER_BOUNDS + (" -c default_transaction_read_only=on" if read_only else "")
        self._dsn = make_conninfo(
            dsn, connect_timeout=_CONNECT_SECONDS, options=options, application_name=name, **_KEEPALIVE
        )
        self._pool: ConnectionPool[_Connection] = ConnectionPool(
            self._dsn,
            connection_class=psycopg.Connection[dict[str, Any]],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=1,
            max_size=max_connections,
            timeout=pool_timeout,
            max_idle=60,
            reconnect_timeout=10,
            check=_check,  # a restarted database costs no caller an error
            name=name,
            open=False,
        )
        self._pool.open(wait=False)
        self._listener = Listener(self._dsn)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit at the end, roll back on an error. Raises the store's own errors."""
        with translated(), self._pool.connection() as connection, connection.transaction():
            yield Transaction(connection)

    @contextmanager
    def look(self) -> Iterator[Transaction]:
        """For single statements, each for itself: without begin and commit one way there and back, not three. Raises
        the store's own errors."""
        with translated(), self._pool.connection() as connection:
            yield Transaction(connection)

    def pool(self) -> PoolFigures:
        """How the pool fares."""
        stats = self._pool.get_stats()
        return PoolFigures(
            open=stats.get("pool_size", 0),
            most=stats.get("pool_max", 0),
            idle=stats.get("pool_available", 0),
            waiting=stats.get("requests_waiting", 0),
            asked=stats.get("requests_num", 0),
            waited=stats.get("requests_queued", 0),
            wait_seconds=stats.get("requests_wait_ms", 0) / 1000,
            refused=stats.get("requests_errors", 0),
            failed=stats.get("connections_errors", 0),
        )

    def listen(self) -> "Listener":
        """The listener, started at the first call."""
        self._listener.start()
        return self._listener

    def close(self) -> None:
        """Let every connection go."""
        self._listener.stop()
        self._pool.close()


def _check(connection: _Connection) -> None:
    """Raise where a connection of the pool is no good any more. A server that ended it has said so, or closed it: only
    one that has something to read is asked in earnest, the others cost no way there and back."""
    said = poll()
    said.register(connection.fileno(), POLLIN)
    if said.poll(0):
        ConnectionPool.check_connection(connection)


class Listener:
    """Counts notifications on a connection of its own. It reconnects for ever, and counts a reconnect as a notification
    on every channel: something may have been missed."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._counts = dict.fromkeys(CHANNELS, 0)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, once."""
        with self._changed:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._listen_for_ever, name="navarch-listen", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Wake every waiting thread; this one ends within a second."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()

    def count(self, channel: str) -> int:
        """How many notifications there have been on the channel."""
        with self._changed:
            return self._counts[channel]

    def wait_past(self, channel: str, seen: int, timeout: float) -> int:
        """Sleep until there were more than `seen`, at most `timeout` seconds; gives the count then."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[channel] > seen or self._stopping.is_set(), max(0.0, timeout))
            return self._counts[channel]

    def _note(self, *channels: str) -> None:
        with self._changed:
            for channel in channels:
                self._counts[channel] = self._counts.get(channel, 0) + 1
            self._changed.notify_all()

    def _listen_for_ever(self) -> None:
        pause = 0.2
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True) as connection:
                    for channel in CHANNELS:
                        connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                    self._note(*CHANNELS)
                    pause = 0.2
                    while not self._stopping.is_set():
                        for notification in connection.notifies(timeout=1.0):
                            self._note(notification.channel)
                            if self._stopping.is_set():
                                return
            except psycopg.Error as error:
                if not self._stopping.is_set():
                    _log.warning("listening for notifications failed, again in %.1f s: %s", pause, error)
                    self._stopping.wait(pause)
                    pause = min(pause * 2, 5.0)
