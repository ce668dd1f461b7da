"""What followers of changes ask of the store, kept with PostgreSQL. The promises are `contract.ChangeStore`'s."""

from collections.abc import Collection

from navarch.store import rows
from navarch.store.contract import Mark, NumberedEvent, NumberedMachine, Page
from navarch.store.database import CHANGE, Database


class ChangeSide:
    """`contract.ChangeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_change(self) -> int:
        with self._database.look() as tx:
            row = tx.row("last_change")
            assert row is not None  # noqa: S101  # a sequence has one row
            return int(row["change"])

    def changes(
        self, after: int, *, with_machines: Collection[str] = (), with_events: Collection[str] | None = ()
    ) -> tuple[Mark, ...]:
        with self._database.look() as tx:
            events_of = None if with_events is None else list(with_events)
            found = tx.rows("changes", after=after, with_machines=list(with_machines), with_events=events_of)
            return tuple(
                Mark(
                    change=row["change"],
                    cluster_id=row["cluster_id"],
                    project_id=row["project_id"],
                    gone=row["kind"] == "gone",
                    machine=row["machine"],
                    event=row["event"],
                )
                for row in found
            )

    def clusters_by_id(self, ids: Collection[str]) -> Page:
        with self._database.look() as tx:
            return Page(*rows.readable(tx.rows("clusters_by_id", ids=list(ids))))

    def numbered_machines(
        self, cluster_ids: Collection[str], *, names: Collection[str] | None = None, removed: bool = False
    ) -> tuple[NumberedMachine, ...]:
        with self._database.look() as tx:
            found = tx.rows(
                "machines_by_change",
                cluster_ids=list(cluster_ids),
                names=None if names is None else list(names),
                removed=removed,
            )
            return tuple(NumberedMachine(row["cluster_id"], rows.machine(row), row["change"]) for row in found)

    def events_by_id(self, ids: Collection[int]) -> tuple[NumberedEvent, ...]:
        with self._database.look() as tx:
            return tuple(_event(row) for row in tx.rows("events_by_id", ids=list(ids)))

    def events_changed(
        self, after: int, *, project_id: str | None, cluster_id: str | None, limit: int
    ) -> tuple[NumberedEvent, ...]:
        with self._database.look() as tx:
            found = tx.rows("events_changed", after=after, project_id=project_id, cluster_id=cluster_id, limit=limit)
            return tuple(_event(row) for row in found)

    def gone(self, after: int, *, project_id: str | None) -> tuple[Mark, ...] | None:
        with self._database.transaction() as tx:
            first = tx.row("first_gone")
            # What is older than the first that is remembered may have been forgotten.
            if first is not None and first["change"] is not None and after < first["change"]:
                return None
            found = tx.rows("clusters_gone", after=after, project_id=project_id)
            return tuple(Mark(row["change"], row["cluster_id"], row["project_id"], gone=True) for row in found)

    def wait_for_change(self, seen: int, timeout: float) -> int:
        return self._database.listen().wait_past(CHANGE, seen, timeout)


def _event(row: rows.Row) -> NumberedEvent:
    return NumberedEvent(row["cluster_id"], row["project_id"], rows.event(row), row["change"])
