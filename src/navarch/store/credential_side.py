"""What the API asks of the store about the credentials of clusters' controllers, kept with PostgreSQL. The promises are
`credential_contract.CredentialStore`'s."""

from navarch.domain.credentials import Credentials
from navarch.domain.status import Event
from navarch.store import rows
from navarch.store.api_side import add_events, stir
from navarch.store.contract import NotFound
from navarch.store.database import Database, Transaction


class CredentialSide:
    """`credential_contract.CredentialStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def credentials(self, cluster_id: str) -> Credentials:
        with self._database.look() as tx:
            return _credentials(tx, cluster_id)

    def request_credentials(self, cluster_id: str, event: Event, *, request_id: str | None = None) -> Credentials:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            if tx.row("request_credentials", id=cluster_id, at=event.at) is not None:
                add_events(tx, cluster_id, (event,))
            return _credentials(tx, cluster_id)


def _credentials(tx: Transaction, cluster_id: str) -> Credentials:
    row = tx.row("credentials", id=cluster_id)
    if row is None:
        raise NotFound(f"no cluster {cluster_id}")
    return rows.credentials(row)
