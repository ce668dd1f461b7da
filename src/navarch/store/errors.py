"""The one door where psycopg's errors become the store's own.

    OperationalError, InterfaceError, PoolTimeout  -> Unavailable     the database is away, starting or overloaded
    QueryCanceled, LockNotAvailable                -> Unavailable     it took longer than we are willing to wait
    DeadlockDetected, SerializationFailure         -> Conflict        the same call may be made again at once
    UniqueViolation of a name                      -> NameTaken
    ForeignKeyViolation                            -> NotFound        what the row belongs to is gone
    DataError                                      -> NotFound        what PostgreSQL cannot hold names nothing in it

Anything else is a mistake of ours and passes as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from navarch.domain.errors import Conflict
from navarch.store.contract import NameTaken, NotFound, Unavailable

_NAMES = ("clusters_name_key", "node_groups_pkey")


@contextmanager
def translated() -> Iterator[None]:
    """Raise the store's errors for psycopg's."""
    try:
        yield
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        raise Unavailable(f"no connection to the database: {_first_line(error)}") from error
    except (pg.DeadlockDetected, pg.SerializationFailure) as error:
        raise Conflict("another transaction was faster", after=0.1) from error
    except (pg.QueryCanceled, pg.LockNotAvailable, pg.IdleInTransactionSessionTimeout) as error:
        raise Unavailable(f"the database takes too long: {_first_line(error)}") from error
    except pg.UniqueViolation as error:
        if error.diag.constraint_name in _NAMES:
            raise NameTaken("the name is taken") from error
        raise
    except pg.ForeignKeyViolation as error:
        raise NotFound("what this belongs to is gone") from error
    except psycopg.DataError as error:
        raise NotFound(_first_line(error)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"the database does not answer: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
