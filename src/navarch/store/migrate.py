"""Brings a database to the schema of this version: numbered files, each applied once and in its own transaction."""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import psycopg

from navarch.store.errors import translated

_LOCK = 0x6E617661  # "nava": one migrating process at a time, whatever its database user
_WAIT_FOR_OTHERS = "120s"
_WAIT_FOR_TABLES = "5s"  # never queue behind a long reader: everything else would queue behind us


class SchemaChanged(RuntimeError):
    """A migration was edited after it had been applied to this database."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file; `digest` is the SHA-256 of its text."""

    version: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """Tells whether the file is still what was applied."""
        return sha256(self.text.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """All files, in order. A number may be left out: what is developed side by side is numbered beforehand. Raises
    ValueError where one is used twice."""
    found = tuple(
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in sorted(files("navarch.store.migrations").iterdir(), key=lambda f: f.name)
        if file.name.endswith(".sql")
    )
    if len({m.version for m in found}) < len(found):
        raise ValueError("two migrations have the same number")
    return found


def migrate(dsn: str) -> tuple[str, ...]:
    """Apply what is missing; gives the names of what was applied. A database ahead of this version is left alone.
    Raises Unavailable, SchemaChanged."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (_WAIT_FOR_OTHERS,))
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))  # let go when the connection closes
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (_WAIT_FOR_TABLES,))
        return tuple(m.name for m in migrations() if _apply(connection, m))


def _apply(connection: psycopg.Connection, migration: Migration) -> bool:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
        " digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    row = connection.execute("SELECT digest FROM schema_migrations WHERE version = %s", (migration.version,)).fetchone()
    if row is not None:
        if row[0] != migration.digest:
            raise SchemaChanged(f"migration {migration.name} was changed after it had been applied here")
        return False
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO schema_migrations (version, name, digest) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.digest),
        )
    return True
