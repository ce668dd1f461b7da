"""What clusters have in their cloud, kept with PostgreSQL. The promises are `inventory_contract.Inventories`' and
`contract.WorkerStore.record`'s."""

import time

from psycopg.types.json import Jsonb

from navarch.domain.codec import decode, encode
from navarch.domain.inventory import CloudObject, Inventory
from navarch.store import rows
from navarch.store.api_side import stir
from navarch.store.contract import NotFound
from navarch.store.database import Database, Transaction

_ASK_EVERY = 0.1  # seconds


class InventorySide:
    """`inventory_contract.Inventories`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def inventory(self, cluster_id: str, *, max_age: float | None = None, wait: float = 0.0) -> Inventory | None:
        row = self._row(cluster_id, max_age)
        if max_age is None or wait <= 0 or (row is not None and row["fresh"]):
            return None if row is None else _inventory(row)
        end = time.monotonic() + wait
        try:
            with self._database.transaction() as tx:
                stir(tx, cluster_id)
        except NotFound:
            return None
        while time.monotonic() < end and (row is None or not row["fresh"]):
            time.sleep(_ASK_EVERY)  # a look that sees nothing new notifies nobody
            row = self._row(cluster_id, max_age)
        return None if row is None else _inventory(row)

    def _row(self, cluster_id: str, max_age: float | None) -> rows.Row | None:
        with self._database.look() as tx:
            return tx.row("inventory", id=cluster_id, max_age=max_age or 0.0)


def note_inventory(tx: Transaction, cluster_id: str, token: int, inventory: Inventory) -> None:
    """Write down what was seen, if the cluster is held by that token; else nothing."""
    tx.run(
        "note_inventory",
        id=cluster_id,
        token=token,
        seen_at=inventory.seen_at,
        objects=Jsonb({kind: [encode(one) for one in those] for kind, those in inventory.found}),
        unread=list(inventory.unread),
        left_out=inventory.left_out,
    )


def _inventory(row: rows.Row) -> Inventory:
    found = tuple((kind, tuple(decode(CloudObject, one) for one in those)) for kind, those in row["objects"].items())
    return Inventory(row["seen_at"], found, tuple(row["unread"]), row["left_out"])
