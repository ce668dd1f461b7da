"""The store on PostgreSQL: the contract's sides, the operator's and the console's over one pool."""

from navarch.store.api_side import ApiSide
from navarch.store.catalogue_side import CatalogueSide
from navarch.store.change_side import ChangeSide
from navarch.store.console_side import ConsoleSide
from navarch.store.contract import ApiStore, ChangeStore, WorkerStore
from navarch.store.credential_side import CredentialSide
from navarch.store.database import Database
from navarch.store.insight_side import InsightSide
from navarch.store.inventory_side import InventorySide
from navarch.store.kubeconfig_side import KubeconfigSide
from navarch.store.migrate import migrate
from navarch.store.operator_side import OperatorSide
from navarch.store.worker_side import WorkerSide


class PostgresStore(
    ApiSide,
    InventorySide,
    InsightSide,
    KubeconfigSide,
    CredentialSide,
    WorkerSide,
    ChangeSide,
    CatalogueSide,
    ConsoleSide,
    OperatorSide,
):
    """Keeps `ApiStore`, `WorkerStore` and `ChangeStore`. `dsn` is libpq's; connections are made when first needed, so
    that a process starts while the database is away. `region`: the cloud's, whose offer, quotas and due clusters are
    meant. `max_connections` bounds the pool, beside which one connection listens. `read_only`: the database itself
    refuses every write."""

    def __init__(
        self,
        dsn: str,
        *,
        region: str = "RegionOne",
        max_connections: int = 8,
        name: str = "navarch",
        read_only: bool = False,
    ) -> None:
        self._dsn = dsn
        database = Database(dsn, max_connections=max_connections, name=name, read_only=read_only)
        ApiSide.__init__(self, database, region)
        InventorySide.__init__(self, database)
        InsightSide.__init__(self, database, region)
        KubeconfigSide.__init__(self, database)
        CredentialSide.__init__(self, database)
        WorkerSide.__init__(self, database, region)
        ChangeSide.__init__(self, database)
        CatalogueSide.__init__(self, database)
        ConsoleSide.__init__(self, database)
        OperatorSide.__init__(self, database, region)

    def migrate(self) -> tuple[str, ...]:
        """Bring the schema to this version; gives what was applied. Raises Unavailable."""
        return migrate(self._dsn)

    def close(self) -> None:
        """Let every connection go."""
        self._database.close()


def _keeps_the_contract(store: PostgresStore) -> tuple[ApiStore, WorkerStore, ChangeStore]:
    return store, store, store  # mypy's proof that no method is missing or differs
