"""What the API asks of the store about kubeconfigs, kept with PostgreSQL. The promises are
`kubeconfig_contract.KubeconfigStore`'s."""

from datetime import datetime

from navarch.domain.kubeconfigs import Kubeconfig
from navarch.domain.status import Event
from navarch.store import rows
from navarch.store.api_side import add_events, stir
from navarch.store.contract import NotFound, TooMany
from navarch.store.database import Database, Transaction


class KubeconfigSide:
    """`kubeconfig_contract.KubeconfigStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_kubeconfig(self, cluster_id: str, kubeconfig: Kubeconfig, event: Event, *, most: int) -> None:
        with self._database.transaction() as tx:
            tx.run("drop_ended_kubeconfigs", cluster_id=cluster_id, now=kubeconfig.issued_at)
            there = tx.row("count_kubeconfigs", cluster_id=cluster_id)
            if there is not None and there["count"] >= most:
                raise TooMany(f"the cluster has {most} kubeconfigs that have not ended, which is the most it may have")
            written = tx.row(
                "add_kubeconfig",
                cluster_id=cluster_id,
                id=kubeconfig.id,
                user_id=kubeconfig.user_id,
                user_name=kubeconfig.user_name,
                groups=list(kubeconfig.groups),
                issued_at=kubeconfig.issued_at,
                expires_at=kubeconfig.expires_at,
            )
            if written is None:
                raise NotFound(f"no cluster {cluster_id}")
            add_events(tx, cluster_id, (event,))

    def kubeconfigs(self, cluster_id: str, *, now: datetime) -> tuple[Kubeconfig, ...]:
        with self._database.look() as tx:
            return tuple(rows.kubeconfig(row) for row in tx.rows("kubeconfigs", cluster_id=cluster_id, now=now))

    def kubeconfig(self, cluster_id: str, kubeconfig_id: str, *, now: datetime) -> Kubeconfig:
        with self._database.look() as tx:
            return _kubeconfig(tx, cluster_id, kubeconfig_id, now)

    def revoke_kubeconfig(
        self, cluster_id: str, kubeconfig_id: str, event: Event, *, by: str, request_id: str | None = None
    ) -> Kubeconfig:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            row = tx.row("revoke_kubeconfig", cluster_id=cluster_id, id=kubeconfig_id, by=by, now=event.at)
            if row is None:
                return _kubeconfig(tx, cluster_id, kubeconfig_id, event.at)
            add_events(tx, cluster_id, (event,))
            return rows.kubeconfig(row)


def _kubeconfig(tx: Transaction, cluster_id: str, kubeconfig_id: str, now: datetime) -> Kubeconfig:
    row = tx.row("kubeconfig", cluster_id=cluster_id, id=kubeconfig_id, now=now)
    if row is None:
        raise NotFound(f"no kubeconfig {kubeconfig_id}")
    return rows.kubeconfig(row)
