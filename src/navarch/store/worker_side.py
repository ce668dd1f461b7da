"""What the worker asks of the store, kept with PostgreSQL. The promises are `contract.WorkerStore`'s."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from navarch.domain.errors import Temporary
from navarch.domain.inventory import Inventory
from navarch.domain.machines import Departure, Machine, MachineFacts, MachineTemplate
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.status import Event, Status
from navarch.store import rows
from navarch.store.api_side import add_events, change_node_group, stir, write_wish
from navarch.store.contract import Claim, LeaseLost, NotFound
from navarch.store.database import QUOTA, WORK, Database, Transaction
from navarch.store.inventory_side import note_inventory

REMOVED_KEPT = 200  # of a cluster's machines; twice what it may have at once


class WorkerSide:
    """`contract.WorkerStore`, but for what both sides share."""

    def __init__(self, database: Database, region: str) -> None:
        self._database, self._region = database, region
        self._seen = threading.local()

    def claim(self, worker: str, *, lease: float) -> Claim | None:
        with self._database.transaction() as tx:
            taken = _taken(tx, tx.row("claim", region=self._region, worker=worker, lease=lease))
        return _claim(taken)

    def claim_cluster(self, cluster_id: str, worker: str, *, lease: float) -> Claim | None:
        with self._database.transaction() as tx:
            taken = _taken(tx, tx.row("claim_one", id=cluster_id, worker=worker, lease=lease))
        return _claim(taken)

    def renew(self, cluster_id: str, token: int, *, lease: float) -> None:
        with self._database.transaction() as tx:
            if tx.row("renew", id=cluster_id, token=token, lease=lease) is None:
                raise _lost(cluster_id)

    def record(
        self,
        cluster_id: str,
        token: int,
        status: Status,
        *,
        events: tuple[Event, ...] = (),
        objects: tuple[KnownObject, ...] | None = None,
        inventory: Inventory | None = None,
        look_again_after: float,
        attempts: int = 0,
    ) -> None:
        with self._database.transaction() as tx:
            if inventory is not None:
                note_inventory(tx, cluster_id, token, inventory)
            written = tx.row(
                "record",
                id=cluster_id,
                token=token,
                status=rows.json(status),
                objects=None if objects is None else rows.json_list(objects),
                attempts=attempts,
                after=look_again_after,
            )
            if written is None:
                raise _lost(cluster_id)
            add_events(tx, cluster_id, events)
            if written["stirred"]:
                tx.notify(WORK, cluster_id)

    def change_wish(self, cluster: Cluster, token: int, *, generation: int, event: Event) -> None:
        with self._held(cluster.id, token, "hold_alone") as tx:
            write_wish(tx, cluster, generation)
            add_events(tx, cluster.id, (event,))
            tx.notify(WORK, cluster.id)

    def add_events(
        self, cluster_id: str, token: int, events: tuple[Event, ...], *, objects: tuple[KnownObject, ...] | None = None
    ) -> None:
        with self._held(cluster_id, token, "hold" if objects is None else "hold_alone") as tx:
            add_events(tx, cluster_id, events)
            if objects is not None:
                tx.run("note_objects", id=cluster_id, objects=rows.json_list(objects))

    def events_for(self, cluster_id: str, reasons: Collection[str]) -> tuple[Event, ...]:
        with self._database.look() as tx:
            found = tx.rows("events_for", cluster_id=cluster_id, reasons=list(reasons))
            return tuple(rows.event(row).event for row in found)

    def forget(self, cluster_id: str, token: int) -> None:
        with self._database.transaction() as tx:
            if tx.row("forget", id=cluster_id, token=token) is None:
                raise _lost(cluster_id)
            tx.run("drop_old_gone")

    def forget_node_group(self, cluster_id: str, token: int, name: str) -> None:
        with self._held(cluster_id, token, "hold_alone") as tx:
            tx.run("forget_node_group", cluster_id=cluster_id, name=name)

    def wait(self, timeout: float) -> bool:
        # Counted for each thread from its last return on: what came between its claim and this call is not missed.
        listener = self._database.listen()
        seen: int = getattr(self._seen, "count", 0)
        self._seen.count = listener.wait_past(WORK, seen, timeout)
        return bool(self._seen.count > seen)

    def look_now(self, cluster_id: str) -> None:
        with suppress(NotFound), self._database.transaction() as tx:
            stir(tx, cluster_id)

    def next_due(self) -> float | None:
        with self._database.look() as tx:
            row = tx.row("next_due", region=self._region)
            return None if row is None or row["seconds"] is None else max(0.0, row["seconds"])

    def record_machine(self, cluster_id: str, token: int, machine: Machine) -> None:
        with self._held(cluster_id, token) as tx:
            _record(tx, cluster_id, machine)

    def release_machine(
        self, cluster_id: str, token: int, name: str, departure: Departure, at: datetime, *, generation: int
    ) -> None:
        with self._held(cluster_id, token) as tx:
            row = tx.row("generation", id=cluster_id)
            if row is None or row["generation"] != generation:
                raise Temporary("the cluster's wish was changed meanwhile", reason="WishChanged")
            tx.run("release_machine", cluster_id=cluster_id, name=name, departure=departure.value, at=at)

    def scale_node_group(
        self,
        cluster_id: str,
        token: int,
        group: NodeGroup,
        *,
        going: Collection[str],
        event: Event,
        coming: Collection[Machine] = (),
    ) -> NodeGroup:
        with self._held(cluster_id, token, "hold_alone") as tx:
            changed = change_node_group(tx, cluster_id, group, group.generation)
            for name in going:
                departure = Departure.SCALE_DOWN.value
                tx.run("release_machine", cluster_id=cluster_id, name=name, departure=departure, at=event.at)
            for machine in coming:
                _record(tx, cluster_id, machine)
            add_events(tx, cluster_id, (event,))
            return changed

    def keep_machine(self, cluster_id: str, token: int, name: str, at: datetime) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("keep_machine", cluster_id=cluster_id, name=name, at=at)

    def note_template(self, cluster_id: str, token: int, name: str, template: MachineTemplate) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("note_template", cluster_id=cluster_id, name=name, template=rows.json(template))

    def note_facts(self, cluster_id: str, token: int, name: str, facts: MachineFacts) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("note_facts", cluster_id=cluster_id, name=name, facts=rows.facts(facts))

    def note_refused(self, cluster_id: str, token: int, ids: Collection[str], at: datetime) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("note_refused_kubeconfigs", cluster_id=cluster_id, ids=list(ids), at=at)

    def reseal(self, cluster_id: str, token: int, name: str, content: bytes) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("replace_secret", cluster_id=cluster_id, name=name, content=content)

    def note_renewed_credentials(self, cluster_id: str, token: int, at: datetime) -> None:
        with self._held(cluster_id, token, "hold_alone") as tx:
            tx.run("note_renewed_credentials", id=cluster_id, at=at)

    def forget_machine(self, cluster_id: str, token: int, name: str) -> None:
        with self._held(cluster_id, token) as tx:
            tx.run("void_tickets", cluster_id=cluster_id, name=name)
            tx.run("forget_machine", cluster_id=cluster_id, name=name)
            tx.run("drop_old_tickets", cluster_id=cluster_id)
            tx.run("drop_old_machines", cluster_id=cluster_id, keep=REMOVED_KEPT)

    def add_ticket(
        self,
        cluster_id: str,
        token: int,
        machine: str,
        ticket_digest: bytes,
        *,
        expires_at: datetime,
        facts: MachineFacts,
    ) -> None:
        with self._held(cluster_id, token) as tx:
            if tx.row("note_facts", cluster_id=cluster_id, name=machine, facts=rows.facts(facts)) is None:
                raise NotFound(f"no machine {machine}")
            tx.run(
                "drop_old_tickets", cluster_id=cluster_id
            )  # a server that cannot be built is asked for again and again
            tx.run("add_ticket", cluster_id=cluster_id, machine=machine, digest=ticket_digest, expires_at=expires_at)

    def seal(self, cluster_id: str, token: int, name: str, content: bytes) -> bytes:
        with self._held(cluster_id, token) as tx:
            tx.run("seal", cluster_id=cluster_id, name=name, content=content)
            row = tx.row("sealed", cluster_id=cluster_id, name=name)
            return content if row is None else bytes(row["content"])

    def write_offer(self, offer: Offer) -> None:
        with self._database.transaction() as tx:
            tx.run("write_offer", region=self._region, content=rows.json(offer))

    def adopt_clusters(self) -> None:
        with self._database.transaction() as tx:
            tx.run("adopt_clusters", region=self._region)

    def take_wanted_quotas(self) -> tuple[str, ...]:
        with self._database.look() as tx:  # at each notification, and mostly there are none
            return tuple(row["project_id"] for row in tx.rows("take_wanted_quotas", region=self._region))

    def write_quota(self, project_id: str, quota: Quota) -> None:
        with self._database.transaction() as tx:
            read_at = quota.read_at or datetime.now(UTC)
            tx.run("write_quota", region=self._region, project_id=project_id, content=rows.json(quota), read_at=read_at)
            tx.run("drop_old_quotas")
            tx.notify(QUOTA, project_id)

    @contextmanager
    def _held(self, cluster_id: str, token: int, how: str = "hold") -> Iterator[Transaction]:
        """A transaction in which no other worker can have the cluster."""
        with self._database.transaction() as tx:
            if tx.row(how, id=cluster_id, token=token) is None:
                raise _lost(cluster_id)
            yield tx


def _taken(tx: Transaction, taken: rows.Row | None) -> rows.Row | None:
    """The row of a cluster that a claim took."""
    if taken is None:
        return None
    # A statement of its own: it sees node groups that were committed after the claim's snapshot was taken, whose
    # stirring of the row the claim has just cleared.
    row = tx.row("cluster_by_id", id=taken["id"], project_id=None)
    return None if row is None else {**row, **{name: taken[name] for name in ("abandoned", "stirred", "at")}}


def _claim(taken: rows.Row | None) -> Claim | None:
    """After the claim's commit: a row that nobody can read must not be the first in the queue again at once."""
    return None if taken is None else rows.claim(taken)


def _lost(cluster_id: str) -> LeaseLost:
    return LeaseLost(f"another worker holds cluster {cluster_id}, or it is gone")


def _record(tx: Transaction, cluster_id: str, machine: Machine) -> None:
    tx.run("forget_reports_of_removed", cluster_id=cluster_id, name=machine.name)
    tx.run(
        "record_machine",
        cluster_id=cluster_id,
        name=machine.name,
        role=machine.role.value,
        node_group=machine.group,
        serial=machine.serial,
        zone=machine.zone,
        created_at=machine.created_at,
        template=rows.json(machine.template),
        facts=rows.facts(machine.facts),
    )
