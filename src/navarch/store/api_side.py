"""What the API asks of the store, kept with PostgreSQL. The promises are `contract.ApiStore`'s."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from navarch.domain.chosen import Chosen
from navarch.domain.codec import decode
from navarch.domain.machines import BootReport, Departure, Machine
from navarch.domain.offer import Offer, Quota
from navarch.domain.selection import EVERYTHING, Order, Selection
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.status import Event, Status
from navarch.store import lists, rows
from navarch.store.choices import write_choice
from navarch.store.contract import (
    IdempotencyMismatch,
    Joined,
    NameTaken,
    NotFound,
    Page,
    Stale,
    Stored,
    StoredEvent,
    TicketRefused,
    TooMany,
)
from navarch.store.database import QUOTA, WORK, Database, Transaction

EVENTS_KEPT = 5000  # a cluster's newest
PHASES_KEPT = 64  # of a machine; a boot has some twenty
_TICKET_IN_USE = timedelta(days=1)  # of a machine that has shown its ticket and does not join


def add_events(tx: Transaction, cluster_id: str, events: tuple[Event, ...]) -> None:
    """Append to the timeline and drop what is older than the newest EVENTS_KEPT. Raises NotFound."""
    if events:
        if not tx.rows("add_events", cluster_id=cluster_id, events=rows.events(events)):
            raise NotFound(f"no cluster {cluster_id}")
        tx.run("trim_events", cluster_id=cluster_id, keep=EVENTS_KEPT)


def write_wish(tx: Transaction, cluster: Cluster, generation: int) -> None:
    """Spec and labels of a cluster that is still of `generation`; it is of the next one then, and its row is locked.
    Raises Stale, NotFound."""
    changed = tx.row(
        "change_cluster",
        id=cluster.id,
        spec=rows.json(cluster.spec),
        labels=rows.pairs(cluster.labels),
        request_id=cluster.request_id,
        generation=generation,
    )
    if changed is None:
        raise _stale_or_gone(tx.row("generation", id=cluster.id), cluster.id)


class ApiSide:
    """`contract.ApiStore`."""

    def __init__(self, database: Database, region: str) -> None:
        self._database, self._region = database, region

    def ping(self) -> None:
        with self._database.look() as tx:
            tx.row("offer", region=self._region)

    def create_cluster(
        self,
        cluster: Cluster,
        *,
        addons: Sequence[tuple[Chosen, bytes]] = (),
        idempotency_key: str | None = None,
        body_digest: str = "",
        most: int | None = None,
    ) -> Stored:
        with self._database.transaction() as tx:
            if idempotency_key is not None:
                earlier = self._remember(tx, cluster, idempotency_key, body_digest)
                if earlier is not None:
                    return _stored(tx, earlier, cluster.project_id)
            if most is not None:
                tx.row("begin_create", project_id=cluster.project_id)
                _check_room(tx, cluster.project_id, cluster.name, most)
            tx.run(
                "create_cluster",
                id=cluster.id,
                project_id=cluster.project_id,
                region=cluster.region or self._region,
                name=cluster.name,
                labels=rows.pairs(cluster.labels),
                spec=rows.json(cluster.spec),
                created_at=cluster.created_at,
                created_by=cluster.created_by,
                request_id=cluster.request_id,
                status=rows.json(Status()),
            )
            for group in cluster.node_groups:
                tx.run("add_node_group", cluster_id=cluster.id, name=group.name, spec=rows.json(group.spec))
            for wish, values in addons:
                write_choice(tx, cluster.id, wish, values)
            tx.notify(WORK, cluster.id)
            return _stored(tx, cluster.id, cluster.project_id)

    def _remember(self, tx: Transaction, cluster: Cluster, key: str, body_digest: str) -> str | None:
        """Bind the key to this cluster, or give the id of the one it is bound to."""
        tx.run("forget_old_keys")
        made = tx.row(
            "remember_key", project_id=cluster.project_id, key=key, body_digest=body_digest, cluster_id=cluster.id
        )
        return None if made is not None else _remembered(tx, cluster.project_id, key, body_digest)

    def check_room(self, project_id: str, name: str, *, most: int) -> None:
        with self._database.look() as tx:
            _check_room(tx, project_id, name, most)

    def made_with_key(self, project_id: str, idempotency_key: str, body_digest: str) -> Stored | None:
        with self._database.look() as tx:
            cluster_id = _remembered(tx, project_id, idempotency_key, body_digest)
            return None if cluster_id is None else _stored(tx, cluster_id, project_id)

    def cluster(self, id_or_name: str, *, project_id: str | None) -> Stored:
        with self._database.look() as tx:
            if project_id is None:
                row = tx.row("cluster_by_id", id=id_or_name, project_id=None)
            else:
                row = tx.row("cluster_by_reference", reference=id_or_name, project_id=project_id)
            if row is None:
                raise NotFound(f"no cluster {id_or_name}")
            return rows.stored(row)

    def clusters(
        self,
        *,
        project_id: str | None,
        selection: Selection = EVERYTHING,
        order: Order = Order.CREATED,
        descending: bool = False,
        marker: str | None = None,
        limit: int = 100,
        changed_after: int | None = None,
    ) -> Page:
        with self._database.look() as tx:
            after = None
            if marker is not None:
                after = tx.row("cluster_place", id=marker, project_id=project_id)
                if after is None:
                    raise NotFound(f"no cluster {marker} to continue after")
            statement = lists.page(
                project_id,
                selection,
                order,
                descending=descending,
                after=after,
                changed_after=changed_after,
                limit=limit + 1,
            )
            return _page(tx.fetch(statement.text, statement.values), limit)

    def count_clusters(self, *, project_id: str | None, selection: Selection = EVERYTHING) -> int:
        statement = lists.count(project_id, selection)
        with self._database.look() as tx:
            return int(tx.fetch(statement.text, statement.values)[0]["count"])

    def change_cluster(self, cluster: Cluster, *, generation: int, staying: frozenset[str] = frozenset()) -> Stored:
        with self._database.transaction() as tx:
            write_wish(tx, cluster, generation)
            # The row is locked now: no worker releases a machine until this ends.
            if staying and staying - {row["name"] for row in tx.rows("staying_machines", cluster_id=cluster.id)}:
                raise Stale(generation)
            tx.notify(WORK, cluster.id)
            return _stored(tx, cluster.id, None)

    def request_deletion(
        self,
        cluster_id: str,
        *,
        at: datetime,
        keep_volumes: bool,
        generation: int | None = None,
        request_id: str | None = None,
    ) -> Stored:
        with self._database.transaction() as tx:
            if tx.run(
                "request_deletion",
                id=cluster_id,
                at=at,
                keep_volumes=keep_volumes,
                generation=generation,
                request_id=request_id,
            ):
                tx.notify(WORK, cluster_id)
            stored = _stored(tx, cluster_id, None)
            if not stored.cluster.deleting:
                raise Stale(stored.cluster.generation)
            return stored

    def add_node_group(self, cluster_id: str, group: NodeGroup, *, request_id: str | None = None) -> NodeGroup:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            row = tx.row("add_node_group", cluster_id=cluster_id, name=group.name, spec=rows.json(group.spec))
            assert row is not None  # noqa: S101  # INSERT ... RETURNING
            return rows.node_group(row)

    def change_node_group(
        self, cluster_id: str, group: NodeGroup, *, generation: int, request_id: str | None = None
    ) -> NodeGroup:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            return change_node_group(tx, cluster_id, group, generation)

    def request_node_group_deletion(
        self, cluster_id: str, name: str, *, at: datetime, generation: int | None = None, request_id: str | None = None
    ) -> NodeGroup:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            tx.run("request_node_group_deletion", cluster_id=cluster_id, name=name, at=at, generation=generation)
            row = tx.row("node_group", cluster_id=cluster_id, name=name)
            if row is None:
                raise NotFound(f"no node group {name}")
            if row["deletion_requested_at"] is None:
                raise Stale(row["generation"])
            return rows.node_group(row)

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        with self._database.look() as tx:
            return tuple(
                rows.machine(row) for row in tx.rows("machines", cluster_id=cluster_id, removed=removed, name=None)
            )

    def replace_machine(self, cluster_id: str, name: str, *, request_id: str | None = None) -> Machine:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            tx.run("replace_machine", cluster_id=cluster_id, name=name, departure=Departure.PERSON.value)
            return _machine(tx, cluster_id, name)

    def remove_machine(
        self,
        cluster_id: str,
        name: str,
        *,
        at: datetime,
        smaller: NodeGroup | None = None,
        request_id: str | None = None,
    ) -> Machine:
        with self._database.transaction() as tx:
            stir(tx, cluster_id, request_id)
            person = Departure.PERSON.value
            if tx.run("release_machine", cluster_id=cluster_id, name=name, departure=person, at=at) and smaller:
                change_node_group(tx, cluster_id, smaller, smaller.generation)
            return _machine(tx, cluster_id, name)

    def events(self, cluster_id: str, *, marker: int | None = None, limit: int = 1000) -> tuple[StoredEvent, ...]:
        with self._database.look() as tx:
            found = tx.rows("events", cluster_id=cluster_id, marker=marker or 0, limit=limit)
            return tuple(rows.event(row) for row in found)

    def add_event(self, cluster_id: str, event: Event) -> None:
        with self._database.transaction() as tx:
            add_events(tx, cluster_id, (event,))

    def offer(self) -> Offer | None:
        with self._database.look() as tx:
            row = tx.row("offer", region=self._region)
            return None if row is None else decode(Offer, row["content"])

    def quota(self, project_id: str, *, newer_than: datetime, wait: float) -> Quota | None:
        listener, end = self._database.listen(), time.monotonic() + wait
        while True:
            seen = listener.count(QUOTA)
            with self._database.transaction() as tx:
                row = tx.row("quota", region=self._region, project_id=project_id, newer_than=newer_than)
                if row is not None:
                    return decode(Quota, row["content"])
                left = end - time.monotonic()
                if left <= 0:
                    return None
                tx.run("want_quota", region=self._region, project_id=project_id)
                tx.notify(WORK)
            # Notified or not, look again: the worker may have read before we asked.
            listener.wait_past(QUOTA, seen, min(left, 1.0))

    def sealed(self, cluster_id: str, name: str) -> bytes | None:
        with self._database.look() as tx:
            row = tx.row("sealed", cluster_id=cluster_id, name=name)
            return None if row is None else bytes(row["content"])

    def redeem_ticket(self, ticket_digest: bytes, machine: str, nonce_digest: bytes, *, now: datetime) -> Joined:
        with self._database.look() as tx:  # no transaction: a machine that waits asks twice a second, mostly to read
            ticket = tx.row("ticket", digest=ticket_digest)
            if ticket is None or ticket["machine"] != machine:
                raise TicketRefused("unknown ticket")
            if ticket["void"]:
                raise TicketRefused("the ticket is void: the machine has joined or is gone")
            bound, asks_since = ticket["nonce_digest"], ticket["used_at"] or now
            if bound is None:
                if ticket["expires_at"] <= now:
                    raise TicketRefused("the ticket has expired")
                took = tx.row("bind_ticket", digest=ticket_digest, nonce_digest=nonce_digest, now=now)
                bound = nonce_digest if took else b""
            elif now - asks_since > _TICKET_IN_USE:
                raise TicketRefused("the ticket has expired: its machine has not joined within a day")
            if bytes(bound) != nonce_digest:
                raise TicketRefused("the ticket was used by another machine")
            row = tx.row("machines", cluster_id=ticket["cluster_id"], removed=False, name=machine)
            if row is None:
                raise TicketRefused("the ticket is void: the machine has joined or is gone")
            return Joined(cluster_id=ticket["cluster_id"], machine=rows.machine(row), asks_since=asks_since)

    def add_report(self, cluster_id: str, machine: str, report: BootReport, *, joined: bool) -> None:
        urgent = joined or report.matters
        with self._database.transaction() if urgent else self._database.look() as tx:
            if urgent:
                stir(tx, cluster_id)
            said = tx.row(
                "add_report",
                cluster_id=cluster_id,
                machine=machine,
                phase=report.step,
                state=report.state,
                at=report.at,
                seconds=report.seconds,
                log=report.log,
                most=PHASES_KEPT,
            )
            if said is None or not said["there"]:
                raise NotFound(f"no machine {machine}")
            if said["others"] >= PHASES_KEPT:
                raise TooMany(f"a machine may report {PHASES_KEPT} phases")
            if joined:
                tx.run("machine_joined", cluster_id=cluster_id, name=machine)
                tx.run("void_tickets", cluster_id=cluster_id, name=machine)


def _check_room(tx: Transaction, project_id: str, name: str, most: int) -> None:
    there = tx.row("room_for", project_id=project_id, name=name)
    assert there is not None  # noqa: S101  # an aggregate
    if there["taken"]:
        raise NameTaken("the name is taken")
    if there["count"] >= most:
        raise TooMany(f"the project has {most} clusters, which is the most it may have")


def stir(tx: Transaction, cluster_id: str, request_id: str | None = None) -> None:
    """Have the cluster looked at now. First in every transaction that does: rows are locked in one order."""
    if tx.row("stir", id=cluster_id, request_id=request_id) is None:
        raise NotFound(f"no cluster {cluster_id}")
    tx.notify(WORK, cluster_id)


def change_node_group(tx: Transaction, cluster_id: str, group: NodeGroup, generation: int) -> NodeGroup:
    row = tx.row(
        "change_node_group", cluster_id=cluster_id, name=group.name, spec=rows.json(group.spec), generation=generation
    )
    if row is None:
        raise _stale_or_gone(tx.row("node_group", cluster_id=cluster_id, name=group.name), group.name)
    return rows.node_group(row)


def _machine(tx: Transaction, cluster_id: str, name: str) -> Machine:
    row = tx.row("machines", cluster_id=cluster_id, removed=False, name=name)
    if row is None:
        raise NotFound(f"no machine {name}")
    return rows.machine(row)


def _stored(tx: Transaction, cluster_id: str, project_id: str | None) -> Stored:
    row = tx.row("cluster_by_id", id=cluster_id, project_id=project_id)
    if row is None:
        raise NotFound(f"no cluster {cluster_id}")
    return rows.stored(row)


def _remembered(tx: Transaction, project_id: str, key: str, body_digest: str) -> str | None:
    row = tx.row("remembered_key", project_id=project_id, key=key)
    if row is None:
        return None
    if row["body_digest"] != body_digest:
        raise IdempotencyMismatch("the idempotency key was used with another body")
    return str(row["cluster_id"])


def _stale_or_gone(row: rows.Row | None, name: str) -> Exception:
    return NotFound(f"no {name}") if row is None else Stale(row["generation"])


def _page(found: list[rows.Row], limit: int) -> Page:
    """Of the first `limit` rows; one more says that something follows."""
    clusters, unreadable = rows.readable(found[:limit])
    return Page(clusters, unreadable, found[limit - 1]["id"] if len(found) > limit else None)
