"""What every use case works with: the parts of the service, and who asks."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from navarch.bootstrap.sealing import Sealer
from navarch.charts.rendering import Renderer
from navarch.domain.errors import FieldError, Temporary
from navarch.domain.offer import Offer, Quota
from navarch.domain.prices import Prices
from navarch.domain.spec import Cluster
from navarch.domain.status import Event
from navarch.domain.steps import Step
from navarch.service.refusals import InTheWay, Missing, NotYet
from navarch.store.contract import ApiStore, NotFound, Stale, Stored, StoredEntry

Planner = Callable[[Cluster], Sequence[Step]]
_log = structlog.get_logger("navarch.service")
_OWN_OFFER_KEPT = timedelta(minutes=10)
_REFERENCE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`region`: the cloud's, where clusters are made. `clusters_per_project`: at most. A quota counts as known for
    `quota_age` seconds, what was seen inside a cluster for `insight_age`; a request waits `quota_wait` seconds for a
    worker to read it, or to look at a cluster. A kubeconfig holds for `kubeconfig_seconds` where nobody says, and at
    most `kubeconfig_seconds_most`. `prices`: by which plans say what things cost; None: they do not."""

    region: str = "RegionOne"
    clusters_per_project: int = 100
    quota_age: float = 20.0
    quota_wait: float = 3.0
    insight_age: float = 30.0
    kubeconfig_seconds: int = 8 * 3600
    kubeconfig_seconds_most: int = 86400
    prices: Prices | None = None


class Waits:
    """Who may wait for something within a request. Each wait holds a thread that all requests share, so a project has
    `each` of them at a time, and all together `most`. Safe to use from threads."""

    def __init__(self, each: int = 3, most: int = 12) -> None:
        self._each, self._most = each, most
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, project_id: str) -> Iterator[bool]:
        """Within: whether the project may wait."""
        with self._lock:
            free = self._waiting[project_id] < self._each and self._waiting.total() < self._most
            self._waiting[project_id] += free
        try:
            yield free
        finally:
            with self._lock:
                self._waiting[project_id] -= free
                self._waiting += Counter()  # forgets who has none


@dataclass(frozen=True, slots=True)
class Shipped(StoredEntry):
    """An entry that ships with Navarch. Its `chart` is in no row."""

    chart: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a service. `planner` gives every step from nothing to a ready cluster. `renderer`: of charts; None:
    clusters can choose no add-ons. `required`: entries of the catalogue that every cluster has."""

    store: ApiStore
    sealer: Sealer
    settings: ServiceSettings
    planner: Planner
    waits: Waits = field(default_factory=Waits, kw_only=True)
    renderer: Renderer | None = field(default=None, kw_only=True)
    required: tuple[Shipped, ...] = field(default=(), kw_only=True)

    def is_required(self, name: str) -> bool:
        """Whether an add-on of that name is one that every cluster has."""
        return any(entry.card.name == name for entry in self.required)

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    def offer(self) -> Offer:
        """The cloud's offer. Raises NotYet while no worker has read it."""
        offer = self.store.offer()
        if offer is None:
            raise NotYet("the cloud's offer has not been read yet: no worker has run", 5)
        return offer

    def wrong_region(self, region: str) -> tuple[FieldError, ...]:
        """Why no cluster can be made there; empty: one can."""
        if region == self.settings.region:
            return ()
        return (FieldError("region", f"{region[:60]!r} is not a region; there is {self.settings.region}"),)


@dataclass(frozen=True, slots=True)
class Access:
    """A caller who may do what is asked, until `until`. `project_id`: whose clusters are meant; None: every project's.
    `found` is told the id of the cluster that it is about."""

    service: Service
    user_id: str
    user_name: str
    project_id: str | None
    request_id: str
    until: datetime
    found: Callable[[str], None]

    def cluster(self, reference: str) -> Stored:
        """The cluster of that id or name. Raises Missing, Unreadable."""
        if not _REFERENCE.fullmatch(reference):
            raise Missing("cluster")
        try:
            stored = self.service.store.cluster(reference, project_id=self.project_id)
        except NotFound:
            raise Missing("cluster") from None
        self.found(stored.cluster.id)
        return stored

    def changeable(self, reference: str) -> Stored:
        """The same, if it is not to go. Raises Missing, Unreadable, InTheWay."""
        stored = self.cluster(reference)
        if stored.cluster.deleting:
            raise being_deleted(stored.cluster.name)
        return stored

    def note(self, cluster_id: str, reason: str, message: str, *, subject: str = "") -> None:
        """Write who asked for what into the timeline. What was asked is done already: a note that is lost is logged."""
        text = f"{self.user_name} {message} ({self.request_id})"
        try:
            self.service.store.add_event(cluster_id, Event(self.service.now(), reason, text, subject=subject))
        except (Temporary, NotFound) as error:
            _log.warning("not in the timeline", cluster_id=cluster_id, reason=reason, note=text, error=str(error))

    def offer(self, project_id: str | None) -> Offer:
        """What the cloud offers to all, and to this project alone, as known for ten minutes at most; None: to all.
        Raises NotYet while no worker has read it."""
        shared = self.service.offer()
        if project_id is None:
            return shared
        since = self.service.now() - _OWN_OFFER_KEPT
        own = self.service.store.quota(project_id, newer_than=since, wait=0.0) or self.quota(project_id)
        return shared.beside(own)

    def quota(self, project_id: str) -> Quota | None:
        """The project's quotas; None where no worker could read them in time."""
        settings = self.service.settings
        since = self.service.now() - timedelta(seconds=settings.quota_age)
        with self.service.waits.place(project_id) as wait:
            return self.service.store.quota(project_id, newer_than=since, wait=settings.quota_wait if wait else 0.0)


@dataclass(frozen=True, slots=True)
class Generations:
    """The generations that a change is meant for. Empty: any."""

    wanted: frozenset[int] | None = None

    def check(self, generation: int) -> int | None:
        """Gives the generation that a write has to find still; None: any. Raises Stale."""
        if self.wanted is None:
            return None
        if generation not in self.wanted:
            raise Stale(generation)
        return generation


ANY = Generations()


def being_deleted(what: str) -> InTheWay:
    """What is to go is not changed any more."""
    return InTheWay("deleting", f"{what} is being deleted")
