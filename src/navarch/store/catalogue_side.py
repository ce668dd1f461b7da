"""The catalogue and what clusters chose of it, kept with PostgreSQL. The promises are `contract.CatalogueStore`'s and
of those beside it."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from navarch.domain.catalogue import Card
from navarch.domain.chosen import Chosen, ChosenStatus
from navarch.domain.codec import Undecodable, read
from navarch.domain.neighbours import lacking, needed_by, unbearable
from navarch.domain.terms import Terms
from navarch.store import rows
from navarch.store.api_side import stir
from navarch.store.choices import values_name, write_choice
from navarch.store.contract import Clash, LeaseLost, NameTaken, NotFound, Stale, StoredEntry, TooMany, Unreadable
from navarch.store.database import Database, Transaction

CHOSEN_MOST = 50  # of a cluster


class CatalogueSide:
    """`contract.ChoosingStore` and `ChosenStore`, and what the operator does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- the catalogue

    def entries(self, name: str | None = None) -> tuple[StoredEntry, ...]:
        with self._database.look() as tx:
            return tuple(
                StoredEntry(read(Card, row["card"]), json.loads(row["schema"]), row["digest"])
                for row in tx.rows("catalogue_cards", name=name)
            )

    def chart(self, name: str, version: str) -> bytes:
        with self._database.look() as tx:
            row = tx.row("catalogue_chart", name=name, version=version)
        if row is None:
            raise NotFound(f"no entry {name} {version}")
        return bytes(row["chart"])

    def add_entry(self, entry: StoredEntry, chart: bytes) -> bool:
        """Put a version into the catalogue; False: it is there with the same chart. Raises NameTaken where it is there
        with another: clusters have what it was."""
        card = entry.card
        with self._database.transaction() as tx:
            added = tx.row(
                "add_entry",
                name=card.name,
                version=card.version,
                card=rows.json(card),
                schema=Json(entry.schema),
                digest=entry.digest,
                chart=chart,
            )
            there = next(r for r in tx.rows("catalogue_cards", name=card.name) if r["version"] == card.version)
            if there["digest"] != entry.digest:
                raise NameTaken(f"{card.name} {card.version} is in the catalogue with another chart")
            return added is not None

    def remove_entry(self, name: str, version: str) -> None:
        """Take a version out of the catalogue. Raises NotFound, and TooMany while clusters have it."""
        with self._database.transaction() as tx:
            row = tx.row("entry_users", name=name, version=version)
            if row is not None and row["clusters"]:
                raise TooMany(f"clusters that have {name} {version}: {row['clusters']}")
            if tx.row("remove_entry", name=name, version=version) is None:
                raise NotFound(f"no entry {name} {version}")

    # -- what clusters chose

    def chosen(self, cluster_id: str) -> tuple[Chosen, ...]:
        with self._database.look() as tx:
            return _chosen(tx, cluster_id)

    def values(self, cluster_id: str, name: str) -> bytes | None:
        with self._database.look() as tx:
            row = tx.row("sealed", cluster_id=cluster_id, name=values_name(name))
            return None if row is None else bytes(row["content"])

    def all_values(self, cluster_id: str) -> dict[str, bytes]:
        with self._database.look() as tx:
            found = tx.rows("chosen_values", cluster_id=cluster_id)
            return {row["name"].removeprefix(values_name("")): bytes(row["content"]) for row in found}

    def choose(self, cluster_id: str, wish: Chosen, values: bytes, *, request_id: str | None = None) -> Chosen:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)  # locks the cluster's row: those of it are counted one after the other
            there = _chosen(tx, cluster_id)
            if len(there) >= CHOSEN_MOST:
                raise TooMany(f"a cluster has {CHOSEN_MOST} add-ons at most")
            _refuse((*unbearable(wish, there), *(f"{name} is not there" for name in lacking(wish, there))))
            write_choice(tx, cluster_id, wish, values)
            return _one(tx, cluster_id, wish.name)

    def change_chosen(self, cluster_id: str, wish: Chosen, values: bytes, *, request_id: str | None = None) -> Chosen:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            beside = _chosen(tx, cluster_id)
            before = next((c for c in beside if c.name == wish.name), wish)
            changed = tx.row(
                "change_chosen",
                cluster_id=cluster_id,
                name=wish.name,
                version=wish.version,
                generation=wish.generation,
            )
            there = _one(tx, cluster_id, wish.name)
            if changed is None:
                raise Stale(there.generation)
            if there.version != before.version:
                missing = (f"{name} is not there" for name in lacking(there, beside))
                unmet = (f"{name} would lack what it requires" for name in needed_by(before, beside, as_=there))
                _refuse((*unbearable(there, beside), *missing, *unmet))
            tx.run("put_secret", cluster_id=cluster_id, name=values_name(wish.name), content=values)
            return there

    def request_chosen_removal(
        self,
        cluster_id: str,
        name: str,
        *,
        at: datetime,
        with_data: bool,
        no_hooks: bool = False,
        request_id: str | None = None,
    ) -> Chosen:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            beside = _chosen(tx, cluster_id)
            asked = next((c for c in beside if c.name == name), None)
            if asked is not None and not asked.leaving:
                _refuse(f"{other} requires it" for other in needed_by(asked, beside))
            tx.run(
                "request_chosen_removal",
                cluster_id=cluster_id,
                name=name,
                at=at,
                with_data=with_data,
                no_hooks=no_hooks,
            )
            return _one(tx, cluster_id, name)

    def request_chosen_test(self, cluster_id: str, name: str, *, at: datetime, request_id: str | None = None) -> Chosen:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            tx.run("request_chosen_test", cluster_id=cluster_id, name=name, at=at)
            return _one(tx, cluster_id, name)

    def note_chosen(self, cluster_id: str, token: int, name: str, status: ChosenStatus) -> None:
        with self._database.transaction() as tx:
            _held(tx, cluster_id, token)
            tx.run("note_chosen", cluster_id=cluster_id, name=name, status=rows.json(status))

    def forget_chosen(self, cluster_id: str, token: int, name: str) -> None:
        with self._database.transaction() as tx:
            _held(tx, cluster_id, token)
            if tx.run("forget_chosen", cluster_id=cluster_id, name=name):
                tx.run("drop_secret", cluster_id=cluster_id, name=values_name(name))


def _held(tx: Transaction, cluster_id: str, token: int) -> None:
    if tx.row("hold", id=cluster_id, token=token) is None:
        raise LeaseLost(f"another worker holds cluster {cluster_id}, or it is gone")


def _refuse(said: Iterable[str]) -> None:
    """What became so since it was considered. The cluster's row is locked in the transaction."""
    if told := tuple(said):
        raise Clash("; ".join(told))


def _one(tx: Transaction, cluster_id: str, name: str) -> Chosen:
    there = next((c for c in _chosen(tx, cluster_id) if c.name == name), None)
    if there is None:
        raise NotFound(f"no add-on {name}")
    return there


def _chosen(tx: Transaction, cluster_id: str) -> tuple[Chosen, ...]:
    return tuple(_read(cluster_id, row) for row in tx.rows("chosen", cluster_id=cluster_id))


def _read(cluster_id: str, row: dict[str, Any]) -> Chosen:
    try:
        status, terms = read(ChosenStatus, row["status"]), read(Terms, row["terms"])
    except Undecodable as error:
        raise Unreadable(cluster_id, f"add-on {row['name']}: {error}") from error
    return Chosen(
        name=row["name"],
        entry=row["entry"],
        version=row["version"],
        namespace=row["namespace"],
        digest=row["digest"],
        generation=row["generation"],
        created_at=row["created_at"],
        deletion_requested_at=row["deletion_requested_at"],
        with_data=row["with_data"],
        no_hooks=row["no_hooks"],
        test_requested_at=row["test_requested_at"],
        status=status,
        terms=terms,
    )
