"""Client of the native API, for the CLI and for other programs: HTTP alone, nothing of the service's inside.

Belongs here: how a request is authenticated, sent, tried again and answered. Does not: what people see of it (`cli`).

    from navarch.client import connect
    with connect(cloud="alpha") as navarch:
        navarch.create_cluster({"name": "shop"})

Nothing heavy is imported until `connect` is called.
"""

from navarch.client.connect import connect
from navarch.client.errors import (
    ClientError,
    FieldProblem,
    NotAuthorised,
    NotConfigured,
    Problem,
    Unavailable,
)

__all__ = ["ClientError", "FieldProblem", "NotAuthorised", "NotConfigured", "Problem", "Unavailable", "connect"]
