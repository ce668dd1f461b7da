"""How an add-on that a cluster chose is written: with the cluster, or into one that is there."""

from psycopg import errors as pg

from navarch.domain.chosen import Chosen
from navarch.store.contract import EntryGone, NameTaken
from navarch.store.database import Transaction


def write_choice(tx: Transaction, cluster_id: str, wish: Chosen, values: bytes) -> None:
    """A new one, with its sealed values. The cluster's row is of this transaction, or locked in it. Raises NameTaken,
    EntryGone."""
    said = {"entry": wish.entry, "version": wish.version, "namespace": wish.namespace}
    try:
        made = tx.row("choose", cluster_id=cluster_id, name=wish.name, **said)
    except pg.ForeignKeyViolation as error:
        raise EntryGone(f"no entry {wish.entry} {wish.version}") from error
    if made is None:
        raise NameTaken("the cluster has an add-on of that name")
    tx.run("put_secret", cluster_id=cluster_id, name=values_name(wish.name), content=values)


def values_name(addon: str) -> str:
    """Under which name the sealed values of a chosen add-on are among a cluster's secrets."""
    return f"addon/{addon}"
