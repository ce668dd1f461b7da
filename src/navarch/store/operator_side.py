"""What the operator asks of the store: pauses, the state of the whole fleet, when one cluster is due, the server."""

from dataclasses import dataclass
from datetime import datetime

from navarch.domain.observed import KnownObject
from navarch.domain.status import Event
from navarch.store import rows
from navarch.store.contract import NotFound, Pause
from navarch.store.database import WORK, Database, PoolFigures
from navarch.store.migrate import migrations


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a cluster is to be looked at: `due_at` is `next_look_at` or, if later, the end of the lease. `attempts`:
    cycles in a row that failed. `now` is the database's clock."""

    next_look_at: datetime
    due_at: datetime
    lease_holder: str | None
    lease_until: datetime | None
    attempts: int
    now: datetime

    @property
    def held(self) -> bool:
        """Whether a worker has it now."""
        return self.lease_until is not None and self.lease_until > self.now


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret of a cluster, as it is kept."""

    cluster_id: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SpareFigures:
    """Room that node groups keep free: how many `groups` do, how many of these are `lacking` some of it; for how many
    pods it is `wanted`, there (`ready`) and on its way (`coming`)."""

    groups: int = 0
    lacking: int = 0
    wanted: int = 0
    ready: int = 0
    coming: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """All clusters, counted. `due`: those that wait for a worker, the first of them for `oldest` seconds; `claimed`:
    those that one has. `phases`: (phase, clusters); `conditions`: (type, reason, responsible, clusters) of all that are
    not True. `offer_read_at`: when a worker last read what the cloud offers."""

    due: int
    oldest: float
    claimed: int
    phases: tuple[tuple[str, int], ...]
    conditions: tuple[tuple[str, str, str, int], ...]
    pauses: tuple[Pause, ...]
    offer_read_at: datetime | None
    spare: SpareFigures = SpareFigures()


@dataclass(frozen=True, slots=True)
class Server:
    """The database server. `version` as PostgreSQL counts it (150004 is 15.4); `connections` it lets us have at most,
    `used` by everybody now; `missing` and `unknown`: migrations that it lacks, and those only a newer Navarch knows;
    `changed`: those that were applied with another text."""

    version: int
    connections: int
    used: int
    standby: bool
    now: datetime
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class OperatorSide:
    """Reads for people and for Prometheus; the one thing written are pauses. Every method is one transaction and raises
    `Unavailable` while the database is away."""

    def __init__(self, database: Database, region: str) -> None:
        self._database, self._region = database, region

    def pause(self, project_id: str | None, *, reason: str, by: str) -> None:
        """No cluster of the project (None: none at all) is claimed any more; what is under way ends its cycle. Again
        for the same project changes reason and author."""
        with self._database.transaction() as tx:
            tx.run("pause", project_id=project_id or "", reason=reason, paused_by=by)

    def resume(self, project_id: str | None) -> bool:
        """End that pause, and only that one; False where there is none."""
        with self._database.transaction() as tx:
            ended = tx.run("resume", project_id=project_id or "") > 0
            tx.notify(WORK)
            return ended

    def pauses(self) -> tuple[Pause, ...]:
        """See `contract.ApiStore`."""
        with self._database.transaction() as tx:
            return tuple(rows.pause(row) for row in tx.rows("pauses"))

    def schedule(self, cluster_id: str) -> Schedule:
        """Raises NotFound."""
        with self._database.transaction() as tx:
            row = tx.row("schedule", id=cluster_id)
            if row is None:
                raise NotFound(f"no cluster {cluster_id}")
            return Schedule(**row)

    def objects(self, cluster_id: str) -> tuple[KnownObject, ...]:
        """The cloud's objects that are known to be the cluster's. Raises NotFound."""
        with self._database.transaction() as tx:
            row = tx.row("cluster_by_id", id=cluster_id, project_id=None)
            if row is None:
                raise NotFound(f"no cluster {cluster_id}")
            return rows.objects(row)

    def latest_events(self, cluster_id: str, *, limit: int) -> tuple[Event, ...]:
        """The end of a cluster's timeline, oldest first."""
        with self._database.transaction() as tx:
            found = tx.rows("latest_events", cluster_id=cluster_id, limit=limit)
            return tuple(rows.event(row).event for row in reversed(found))

    def fleet(self) -> Fleet:
        """Reads every cluster's row: some milliseconds for a thousand of them."""
        with self._database.transaction() as tx:
            queue, spare, offer = tx.row("queue"), tx.row("spare"), tx.row("offer_read_at", region=self._region)
            assert queue is not None  # noqa: S101  # an aggregate
            assert spare is not None  # noqa: S101  # another
            return Fleet(
                **queue,
                phases=tuple((row["phase"], row["clusters"]) for row in tx.rows("phases")),
                conditions=tuple(
                    (row["type"], row["reason"], row["responsible"], row["clusters"]) for row in tx.rows("conditions")
                ),
                pauses=tuple(rows.pause(row) for row in tx.rows("pauses")),
                offer_read_at=None if offer is None else offer["at"],
                spare=SpareFigures(**spare),
            )

    def server(self) -> Server:
        """Also where the schema is missing or old."""
        with self._database.transaction() as tx:
            row = tx.row("server")
            assert row is not None  # noqa: S101  # no table is asked
            applied = {r["name"]: r["digest"] for r in tx.rows("applied")} if row.pop("migrated") else {}
        known = {m.name: m.digest for m in migrations()}
        return Server(
            **row,
            missing=tuple(name for name in known if name not in applied),
            unknown=tuple(name for name in applied if name not in known),
            changed=tuple(name for name in known if name in applied and applied[name] != known[name]),
        )

    def pool(self) -> PoolFigures:
        """This process's connections. Asks nothing of the database."""
        return self._database.pool()

    def sealed_secrets(self, after: tuple[str, str], *, limit: int) -> tuple[SealedSecret, ...]:
        """Secrets of all clusters in the order of cluster and name, those that come after this one."""
        cluster_id, name = after
        with self._database.look() as tx:
            found = tx.rows("sealed_secrets", cluster_id=cluster_id, name=name, limit=limit)
        return tuple(SealedSecret(row["cluster_id"], row["name"], bytes(row["content"])) for row in found)

    def exchange_secret(self, secret: SealedSecret, content: bytes) -> bool:
        """Keep it in this form instead; False where it is no longer what it was."""
        with self._database.transaction() as tx:
            row = tx.row(
                "exchange_secret",
                cluster_id=secret.cluster_id,
                name=secret.name,
                before=secret.content,
                content=content,
            )
            return row is not None

    def add_secret(self, secret: SealedSecret) -> None:
        """Keep it, unless there is one of its name, or no such cluster any more."""
        with self._database.transaction() as tx:
            tx.run("add_secret", cluster_id=secret.cluster_id, name=secret.name, content=secret.content)
