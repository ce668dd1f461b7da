"""What the API and the worker ask of the store. `navarch.store.postgres.PostgresStore` keeps it.

Every method is one transaction, safe to call from threads, and raises `Unavailable` while the database is away.
A change of a wish is notified to the workers in the same transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from navarch.domain.chosen import Chosen
from navarch.domain.credentials import FIRST, Credentials
from navarch.domain.errors import NavarchError, Temporary
from navarch.domain.inventory import Inventory
from navarch.domain.machines import BootReport, Departure, Machine, MachineFacts, MachineTemplate
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer, Quota
from navarch.domain.selection import EVERYTHING, Order, Selection
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.status import Event, Status
from navarch.store.catalogue_contract import CatalogueStore, ChoosingStore, ChosenStore, StoredEntry
from navarch.store.credential_contract import CredentialStore, RenewedCredentials
from navarch.store.insight_contract import Insights, WantedInsights
from navarch.store.inventory_contract import Inventories
from navarch.store.kubeconfig_contract import KubeconfigStore, RevokedKubeconfigs


class Unavailable(Temporary):
    """The database does not answer."""

    def __init__(self, message: str = "the database does not answer", after: float = 2.0) -> None:
        super().__init__(message, reason="DatabaseUnavailable", after=after)


class NotFound(NavarchError):
    """No such row, or not in this project."""


class EntryGone(NotFound):
    """That version of the entry is not in the catalogue any more."""


class Clash(NavarchError):
    """Add-ons of the cluster stand against it that came, or were asked to go, since it was considered."""


class NameTaken(NavarchError):
    """The project has another one of that name."""


class Stale(NavarchError):
    """The row's generation is not the one that the change was made for; `generation` is the current one."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"generation is {generation} now")
        self.generation = generation


class TooMany(NavarchError):
    """As many are there as may be. The message says of what, and how many those are."""


class IdempotencyMismatch(NavarchError):
    """The idempotency key was used with another body."""


class Unreadable(NavarchError):
    """What is written about a cluster cannot be understood: a newer version, or a hand, wrote it."""

    def __init__(self, cluster_id: str, why: str) -> None:
        super().__init__(f"cluster {cluster_id}: {why}")
        self.cluster_id = cluster_id


class LeaseLost(NavarchError):
    """Another worker holds the cluster: nothing may be written for it any more."""


class TicketRefused(NavarchError):
    """A join ticket that is unknown, expired or already used by another machine. The message says which."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A cluster with its status, as the API shows it. `paused`: by the operator (see `Pause`). `change`: the number of
    its last change, see `ChangeStore`."""

    cluster: Cluster
    status: Status
    paused: bool = False
    change: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A cluster held by one worker until the lease ends. `token` fences its writes. `objects`: the cloud's that are
    known to be the cluster's. `abandoned`: whoever held it before never let it go, and may have done what it did not
    tell. `revoked`: ids of kubeconfigs that were revoked and have not ended, in the order of their revocation;
    `revoking`: of those among them that the cluster was not seen to refuse. `credentials`: of the cluster's
    controllers. `chooses`: it may have add-ons of the catalogue; most clusters have none. `at`: when it was taken, by
    the database's clock. `stirred`: somebody asked for it to be looked at, or for something else of it, since it was
    let go."""

    cluster: Cluster
    status: Status
    token: int
    attempts: int
    at: datetime
    objects: tuple[KnownObject, ...] = ()
    abandoned: bool = False
    revoked: tuple[str, ...] = ()
    revoking: tuple[str, ...] = ()
    credentials: Credentials = FIRST
    chooses: bool = True
    stirred: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list. `unreadable`: ids of those that nobody can read (`Unreadable`), which hold up no other.
    `marker`: after whom the list goes on; None where nothing follows."""

    clusters: tuple[Stored, ...]
    unreadable: tuple[str, ...] = ()
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its row id, the marker of paging."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Pause:
    """Workers leave the clusters of a project alone (`project_id` None: all clusters), by the operator's wish."""

    project_id: str | None
    reason: str
    paused_by: str
    since: datetime
    clusters: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A redeemed ticket: whose it is, the machine, and since when it asks."""

    cluster_id: str
    machine: Machine
    asks_since: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """That something changed: a cluster, one that is gone now, a `machine` of a cluster, or its timeline, by the
    `event` of that id (0: by none)."""

    change: int
    cluster_id: str
    project_id: str = ""
    gone: bool = False
    machine: str = ""
    event: int = 0


@dataclass(frozen=True, slots=True)
class NumberedMachine:
    """A machine of a cluster with the number of its last change."""

    cluster_id: str
    machine: Machine
    change: int


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """A line of a cluster's timeline with the number of the change that it is."""

    cluster_id: str
    project_id: str
    event: StoredEvent
    change: int


class ChangeStore(Protocol):
    """What has changed since. Each change of what people see of a cluster or of a machine has a number, higher than
    those before; of several changes of one thing only the last is known. A number is given before its transaction ends:
    one that is higher may be seen first. So a follower asks each time for the last while again."""

    def last_change(self) -> int:
        """The highest number that was given out, whether its change can be seen yet or not; 0: none."""
        ...

    def changes(
        self, after: int, *, with_machines: Collection[str] = (), with_events: Collection[str] | None = ()
    ) -> tuple[Mark, ...]:
        """All marks with higher numbers, in order; those of machines only of the clusters named, those of timelines
        only of the projects named (None: of all)."""
        ...

    def events_by_id(self, ids: Collection[int]) -> tuple[NumberedEvent, ...]:
        """Those of these that are there, oldest first."""
        ...

    def events_changed(
        self, after: int, *, project_id: str | None, cluster_id: str | None, limit: int
    ) -> tuple[NumberedEvent, ...]:
        """Events with higher numbers, in order: of a project (None: of all), of a cluster (None: of all)."""
        ...

    def clusters_by_id(self, ids: Collection[str]) -> Page:
        """Those of these that are there, whatever their project."""
        ...

    def numbered_machines(
        self, cluster_ids: Collection[str], *, names: Collection[str] | None = None, removed: bool = False
    ) -> tuple[NumberedMachine, ...]:
        """Machines of these clusters (`names`: only these) in order of their making; `removed`: also those gone."""
        ...

    def gone(self, after: int, *, project_id: str | None) -> tuple[Mark, ...] | None:
        """Clusters that went after that change, in a project (None: in any). They are remembered for a day; None where
        it is longer ago."""
        ...

    def wait_for_change(self, seen: int, timeout: float) -> int:
        """Sleep until there were more than `seen` notifications of changes, at most `timeout` seconds; gives how many
        there were. A notification may be lost, and machines cause none."""
        ...


class ApiStore(ChangeStore, ChoosingStore, Inventories, Insights, KubeconfigStore, CredentialStore, Protocol):
    """The API's side."""

    def ping(self) -> None:
        """Raise Unavailable if the database does not answer."""
        ...

    def pauses(self) -> tuple[Pause, ...]:
        """What the operator paused, everything first; each with the number of clusters that stand still by it."""
        ...

    def create_cluster(
        self,
        cluster: Cluster,
        *,
        addons: Sequence[tuple[Chosen, bytes]] = (),
        idempotency_key: str | None = None,
        body_digest: str = "",
        most: int | None = None,
    ) -> Stored:
        """Write a new cluster with its node groups and its add-ons, each with its sealed values, unless its project has
        `most` already. The same key and body gives the cluster that it made before, whatever has changed since. Raises
        NameTaken, TooMany, IdempotencyMismatch, EntryGone, and NotFound where the cluster made with this key is
        gone."""
        ...

    def check_room(self, project_id: str, name: str, *, most: int) -> None:
        """Raises NameTaken, TooMany where `create_cluster` would."""
        ...

    def made_with_key(self, project_id: str, idempotency_key: str, body_digest: str) -> Stored | None:
        """The cluster that was made with this key in the last 24 hours, or None. Raises IdempotencyMismatch, and
        NotFound where that cluster is gone."""
        ...

    def cluster(self, id_or_name: str, *, project_id: str | None) -> Stored:
        """One cluster, by id or by its unique name in the project (`project_id` None: any project, id only).
        Raises NotFound, Unreadable."""
        ...

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
        """A page of those selected, in that order, after the cluster with id `marker`. Raises NotFound for an unknown
        marker. `changed_after`: only those that changed after the change of that number."""
        ...

    def count_clusters(self, *, project_id: str | None, selection: Selection = EVERYTHING) -> int:
        """How many are selected, whatever page they are on."""
        ...

    def change_cluster(self, cluster: Cluster, *, generation: int, staying: frozenset[str] = frozenset()) -> Stored:
        """Write name-independent parts of the wish (spec, labels) if the row is still of `generation`, and the machines
        that `staying` names are still there and not to go; it becomes generation + 1. Raises NotFound, Stale."""
        ...

    def request_deletion(
        self,
        cluster_id: str,
        *,
        at: datetime,
        keep_volumes: bool,
        generation: int | None = None,
        request_id: str | None = None,
    ) -> Stored:
        """Ask for it to go, if the row is still of `generation` (None: whatever it is); asking again changes nothing.
        `request_id`: of the customer's request, which workers and the cloud then name. Raises NotFound, Stale."""
        ...

    def add_node_group(self, cluster_id: str, group: NodeGroup, *, request_id: str | None = None) -> NodeGroup:
        """`request_id`: as in `request_deletion`, here and in the two that follow. Raises NotFound, NameTaken."""
        ...

    def change_node_group(
        self, cluster_id: str, group: NodeGroup, *, generation: int, request_id: str | None = None
    ) -> NodeGroup:
        """Raises NotFound, Stale."""
        ...

    def request_node_group_deletion(
        self, cluster_id: str, name: str, *, at: datetime, generation: int | None = None, request_id: str | None = None
    ) -> NodeGroup:
        """As `request_deletion`. Raises NotFound, Stale."""
        ...

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        """Machines in order of their making, with what they reported; `removed`: also those that are gone."""
        ...

    def replace_machine(self, cluster_id: str, name: str, *, request_id: str | None = None) -> Machine:
        """Write down that somebody asked for another machine in the place of this one; asking again, or for one that
        is to go already, changes nothing. `request_id`: as in `request_deletion`. Raises NotFound."""
        ...

    def remove_machine(
        self,
        cluster_id: str,
        name: str,
        *,
        at: datetime,
        smaller: NodeGroup | None = None,
        request_id: str | None = None,
    ) -> Machine:
        """Mark a machine as to go by a person's wish; of one that is to go already nothing changes. `smaller`: its node
        group as it is to be without it, written in the same transaction if its row is still of that generation. Raises
        NotFound, Stale."""
        ...

    def events(self, cluster_id: str, *, marker: int | None = None, limit: int = 1000) -> tuple[StoredEvent, ...]:
        """Oldest first, after `marker`."""
        ...

    def add_event(self, cluster_id: str, event: Event) -> None:
        """For what is asked through the API and is no change of a wish. Raises NotFound."""
        ...

    def offer(self) -> Offer | None:
        """The cloud's offer as a worker last wrote it; None: never yet."""
        ...

    def quota(self, project_id: str, *, newer_than: datetime, wait: float) -> Quota | None:
        """The project's quotas if read after `newer_than`; else asks the workers and waits up to `wait` seconds for
        one to write them; None if none did."""
        ...

    def sealed(self, cluster_id: str, name: str) -> bytes | None:
        """A sealed secret of a cluster, or None."""
        ...

    def redeem_ticket(self, ticket_digest: bytes, machine: str, nonce_digest: bytes, *, now: datetime) -> Joined:
        """Use a join ticket. The first nonce binds it: the same machine may ask again with the same nonce, also after
        the ticket expired, until it has joined or is gone. Raises TicketRefused."""
        ...

    def add_report(self, cluster_id: str, machine: str, report: BootReport, *, joined: bool) -> None:
        """Keep a machine's phase report (one row a phase: the newest state) and, if it matters to what is done next,
        have its cluster looked at now. Raises NotFound, and TooMany for one more phase than a boot can have: a machine
        is its owner's, and may say anything."""
        ...


class WorkerStore(ChosenStore, RevokedKubeconfigs, RenewedCredentials, WantedInsights, Protocol):
    """The worker's side."""

    def claim(self, worker: str, *, lease: float) -> Claim | None:
        """Take a cluster that is due and not paused by the operator, for `lease` seconds: of those whose project has
        the fewest that are worked on, the one that is due longest. None where there is none. Raises Unreadable, and
        the lease holds: others go first until it has ended."""
        ...

    def claim_cluster(self, cluster_id: str, worker: str, *, lease: float) -> Claim | None:
        """Take this one whether due or not, unless another worker holds it. Raises Unreadable, as `claim`."""
        ...

    def renew(self, cluster_id: str, token: int, *, lease: float) -> None:
        """Hold it for `lease` seconds from now. Raises LeaseLost."""
        ...

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
        """The one status write of a cycle; lets the cluster go. `objects`, `inventory` None: as they were. If
        the wish changed, or a machine reported, since the claim, it is due at once whatever `look_again_after`
        (seconds) says. Raises LeaseLost."""
        ...

    def change_wish(self, cluster: Cluster, token: int, *, generation: int, event: Event) -> None:
        """Write the spec of a cluster that is held, as Navarch itself wants it, with the event that says so, if its row
        is still of `generation`; it becomes generation + 1. Raises LeaseLost, Stale."""
        ...

    def add_events(
        self, cluster_id: str, token: int, events: tuple[Event, ...], *, objects: tuple[KnownObject, ...] | None = None
    ) -> None:
        """Timeline entries in the middle of a cycle, and in the same transaction what is known by then of the cluster's
        objects (None: as it was). Raises LeaseLost."""
        ...

    def events_for(self, cluster_id: str, reasons: Collection[str]) -> tuple[Event, ...]:
        """Those of the timeline that have one of these reasons, oldest first."""
        ...

    def forget(self, cluster_id: str, token: int) -> None:
        """Drop the row and all that belongs to it. Raises LeaseLost."""
        ...

    def wait(self, timeout: float) -> bool:
        """Sleep until something may be due, at most `timeout` seconds; True if notified."""
        ...

    def look_now(self, cluster_id: str) -> None:
        """Have it looked at now, whoever holds it; fine if it is gone."""
        ...

    def next_due(self) -> float | None:
        """Seconds until the next cluster that is not paused is due (0 if one is), None where there is none."""
        ...

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        """As for the API."""
        ...

    def record_machine(self, cluster_id: str, token: int, machine: Machine) -> None:
        """Write a machine down before the cloud is asked for it. One of that name that was removed is replaced, and its
        reports are dropped; one that is there stays as it is. Raises LeaseLost."""
        ...

    def release_machine(
        self, cluster_id: str, token: int, name: str, departure: Departure, at: datetime, *, generation: int
    ) -> None:
        """Mark it as to go, as the cluster's wish of `generation` has it; one that is to go already keeps its time and
        its departure. Raises LeaseLost, and Temporary where the wish is another one now."""
        ...

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
        """Write down a node group's number of machines as Navarch decided it, the machines that go or come with it, and
        its entry in the timeline, as one: of a worker that dies in between, nothing is there. Gives the group as it is
        then. Raises LeaseLost, NotFound, and Stale where its row is no longer of `group`'s generation."""
        ...

    def keep_machine(self, cluster_id: str, token: int, name: str, at: datetime) -> None:
        """Mark it as given up and kept for a look. Raises LeaseLost."""
        ...

    def note_template(self, cluster_id: str, token: int, name: str, template: MachineTemplate) -> None:
        """Write down what it is now. Raises LeaseLost."""
        ...

    def note_facts(self, cluster_id: str, token: int, name: str, facts: MachineFacts) -> None:
        """Write down what is known of it. Raises LeaseLost."""
        ...

    def forget_machine(self, cluster_id: str, token: int, name: str) -> None:
        """Mark it as gone and its tickets as void. Of those that are gone the newest are kept, and the highest number
        of each node group. Raises LeaseLost."""
        ...

    def forget_node_group(self, cluster_id: str, token: int, name: str) -> None:
        """Drop the row of a node group that was asked to go. Raises LeaseLost."""
        ...

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
        """Let a machine join by the ticket with this SHA-256, and note its facts. Several may be valid at once: an
        answer of the cloud may have been lost after the server was made with an earlier one. Raises LeaseLost."""
        ...

    def sealed(self, cluster_id: str, name: str) -> bytes | None:
        """A sealed secret of a cluster, or None."""
        ...

    def seal(self, cluster_id: str, token: int, name: str, content: bytes) -> bytes:
        """Keep a sealed secret unless there is one already; gives the one kept. Raises LeaseLost."""
        ...

    def offer(self) -> Offer | None:
        """As for the API."""
        ...

    def write_offer(self, offer: Offer) -> None:
        """Replace the cloud's offer."""
        ...

    def adopt_clusters(self) -> None:
        """Take the clusters that say no region for this one's: they are from when there was only one."""
        ...

    def take_wanted_quotas(self) -> tuple[str, ...]:
        """Projects whose quotas somebody waits for, each given to one worker; who goes on waiting asks again."""
        ...

    def write_quota(self, project_id: str, quota: Quota) -> None:
        """Replace a project's quotas and wake who waits for them."""
        ...


__all__ = [
    "ApiStore", "CatalogueStore", "ChangeStore", "ChoosingStore", "ChosenStore", "Claim", "IdempotencyMismatch",
    "Joined", "LeaseLost", "Mark", "NameTaken", "NotFound", "NumberedEvent", "NumberedMachine", "Page", "Pause",
    "Stale", "Stored", "StoredEntry", "StoredEvent", "TicketRefused", "TooMany", "Unavailable", "Unreadable",
    "WorkerStore",
]  # fmt: skip
