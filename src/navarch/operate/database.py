"""The database that the settings name."""

from navarch.settings import Settings
from navarch.store.local_postgres import LocalPostgres
from navarch.store.postgres import PostgresStore


def local_database(settings: Settings) -> LocalPostgres | None:
    """The PostgreSQL that this Navarch runs itself, or None where the settings name another."""
    return None if settings.database.dsn else LocalPostgres(settings.database.private_folder)


def open_store(settings: Settings, *, name: str, read_only: bool = False) -> PostgresStore:
    """The store; connections are made when first needed. `read_only`: the database refuses every write."""
    private = local_database(settings)
    dsn = private.dsn if private is not None else settings.database.dsn
    return PostgresStore(
        dsn,
        region=settings.cloud.region,
        max_connections=settings.database.pool_size,
        name=name,
        read_only=read_only,
    )
