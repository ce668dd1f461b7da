"""What charts look up in a cluster while they render: a password that was made before, say."""

from collections.abc import Collection

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.kinds import Discovery, Served
from navarch.charts.rendering import Found, Lookup, Object

_MOST = 100  # objects of one list


def answer(connection: Connection, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
    """Each lookup with what is there. A kind that is not served has no objects, as in Helm."""
    return tuple(
        Found(lookup, _found(connection, served.of(lookup.api_version, lookup.kind), lookup)) for lookup in lookups
    )


def _found(connection: Connection, kind: Served | None, lookup: Lookup) -> tuple[Object, ...]:
    if kind is None:
        return ()
    path = kind.collection(lookup.namespace)
    try:
        if lookup.name:
            return (dict(connection.get(f"{path}/{lookup.name}")),)
        return tuple(dict(item) for item in connection.list(path, page=_MOST, pages=1))
    except errors.Absent:
        return ()
