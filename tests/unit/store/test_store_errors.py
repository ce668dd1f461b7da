"""The door where psycopg's errors become the store's own."""

import inspect

import psycopg
import pytest
from psycopg import errors as pg
from psycopg_pool import PoolClosed, PoolTimeout

from navarch.domain.errors import Conflict, Temporary
from navarch.store.contract import NotFound, Unavailable
from navarch.store.errors import translated

ALL = [c for _, c in inspect.getmembers(pg, inspect.isclass) if issubclass(c, psycopg.Error)]
AWAY = [c for c in ALL if issubclass(c, psycopg.OperationalError)]


@pytest.mark.parametrize("error", [*AWAY, psycopg.InterfaceError, PoolTimeout, PoolClosed])
def test_a_database_that_is_away_or_busy_is_temporary(error: type[Exception]) -> None:
    with pytest.raises(Temporary) as raised, translated():
        raise error("server closed the connection unexpectedly\n\tmore")
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("error", [pg.DeadlockDetected, pg.SerializationFailure])
def test_who_came_second_may_try_again_at_once(error: type[Exception]) -> None:
    with pytest.raises(Conflict), translated():
        raise error


@pytest.mark.parametrize("error", [pg.QueryCanceled, pg.LockNotAvailable, pg.AdminShutdown, pg.TooManyConnections])
def test_a_bounded_wait_that_ends_is_unavailable(error: type[Exception]) -> None:
    with pytest.raises(Unavailable), translated():
        raise error


@pytest.mark.parametrize("error", [pg.ForeignKeyViolation, pg.CharacterNotInRepertoire, psycopg.DataError])
def test_what_cannot_be_there_is_not_found(error: type[Exception]) -> None:
    with pytest.raises(NotFound), translated():
        raise error("invalid")


@pytest.mark.parametrize("error", [pg.SyntaxError, pg.UndefinedTable, pg.CheckViolation, pg.NotNullViolation])
def test_our_own_mistakes_pass_as_they_are(error: type[Exception]) -> None:
    with pytest.raises(error), translated():
        raise error
