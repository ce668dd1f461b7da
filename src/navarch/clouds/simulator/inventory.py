"""What the region's services have in common: their objects, quotas and time. Who uses it from threads holds `lock`."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from threading import RLock
from typing import Any, TypeVar
from uuid import UUID

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.timeline import Timeline
from navarch.domain.cloud import Resource
from navarch.domain.offer import Allowance, Offer, Quota
from navarch.domain.openstack.resources import Kind

_QUOTA_OF = {
    Kind.NETWORK: "networks",
    Kind.SUBNET: "subnets",
    Kind.ROUTER: "routers",
    Kind.SECURITY_GROUP: "security_groups",
    Kind.SERVER_GROUP: "server_groups",
    Kind.PORT: "ports",
    Kind.VOLUME: "volumes",
    Kind.SERVER: "instances",
    Kind.LOAD_BALANCER: "load_balancers",
    Kind.FLOATING_IP: "floating_ips",
}
_COUNTED = (*_QUOTA_OF.values(), "cores", "ram", "gigabytes", "security_group_rules")
R = TypeVar("R", bound=Resource)
_REMEMBERED = 60.0  # seconds for which a lagging list may still show what is gone


@dataclass(slots=True)
class Thing:
    """An object as its service keeps it. `resource` is what a look shows of it; `mark` the id of the cluster that it
    says it belongs to, or empty; `holds` what it counts in quotas beside itself."""

    kind: Kind
    resource: Any
    project_id: str
    mark: str
    born: float
    network_id: str = ""
    subnet_id: str = ""
    mac: str = ""
    holds: tuple[tuple[str, int], ...] = ()
    user_data: str = field(default="", repr=False)
    gone: float | None = None

    @property
    def id(self) -> str:
        """The resource's."""
        return str(self.resource.id)


class Fates:
    """What becomes of what is asked for, and how long it takes (seconds). Tests override what they want to go wrong."""

    server_seconds = 4.0
    volume_seconds = 1.0
    balancer_seconds = 2.0
    removal_seconds = 1.5

    def server_fault(self, name: str) -> str | None:
        """Nova's fault text of a server that ends in ERROR; None: it runs."""
        return None

    def balancer_status(self, name: str) -> str | None:
        """What a balancer's creation ends in: ACTIVE, ERROR, or None: it stays pending."""
        return "ACTIVE"


class Inventory:
    """Every object of a region. Each service adds what its requests do."""

    def __init__(self, timeline: Timeline, offer: Offer, *, fates: Fates | None = None, seed: int = 0) -> None:
        self.timeline, self.offer, self.fates = timeline, offer, fates or Fates()
        self.lock = RLock()
        self.lists_lag = False  # whether to keep what a lagging list needs
        self.projects: set[str] = set()  # those in which the service user has its role
        self.limits: dict[tuple[str, str], int] = {}
        self.taken: dict[tuple[str, str], int] = defaultdict(int)  # by others of the project
        self.watchers: list[Callable[[str, Thing], None]] = []  # told of "runs", "off", "on" and "gone" of servers
        self.passwords: dict[str, str] = {}
        self._random = Random(seed)
        self._things: dict[Kind, dict[str, Thing]] = {kind: {} for kind in Kind}
        self._by_project: dict[tuple[Kind, str], dict[str, Thing]] = defaultdict(dict)
        self._gone: list[Thing] = []

    # -- looking

    def things(self, kind: Kind, project_id: str | None = None) -> Iterator[Thing]:
        """Everything there is of a kind, whoever it belongs to."""
        found = self._things[kind] if project_id is None else self._by_project[kind, project_id]
        return iter(list(found.values()))

    def find(self, kind: Kind, resource_id: str) -> Thing | None:
        """One thing by its id."""
        return self._things[kind].get(resource_id)

    def listed(self, kind: Kind, project_id: str, lag: float = 0.0) -> list[Thing]:
        """A project's things in order of creation, as they were known `lag` seconds ago."""
        found = list(self._by_project[kind, project_id].values())
        if lag:
            then = self.timeline.now - lag
            found = [t for t in found if t.born <= then]
            found += [
                t
                for t in self._gone
                if (t.kind, t.project_id) == (kind, project_id) and t.born <= then and (t.gone or 0.0) > then
            ]
        return found

    def used(self, project_id: str, resource: str) -> int:
        """How much of a quota the project uses."""
        mine = self.taken[project_id, resource]
        for kind, name in _QUOTA_OF.items():
            if name == resource:
                return mine + len(self._by_project[kind, project_id])
        holders = [t for kind in Kind for t in self._by_project[kind, project_id].values() if t.holds]
        return mine + sum(amount for t in holders for name, amount in t.holds if name == resource)

    def quota(self, project_id: str) -> Quota:
        """All quotas of a project."""
        allowances = tuple(
            Allowance(name, self.limits.get((project_id, name), -1), self.used(project_id, name)) for name in _COUNTED
        )
        return Quota(allowances, read_at=self.timeline.date())

    def new_id(self) -> str:
        """An id as OpenStack's are."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    # -- for the services

    def _add(self, request: Request, resource: R, mark: str, **more: Any) -> R:
        assert request.kind is not None  # noqa: S101 - nobody makes the offer
        quota = _QUOTA_OF.get(request.kind)
        if quota is not None:
            self._within(request, quota, 1)
        thing = Thing(request.kind, resource, request.project_id, mark, self.timeline.now, **more)
        self._things[request.kind][resource.id] = thing
        self._by_project[request.kind, request.project_id][resource.id] = thing
        return resource

    def _drop(self, thing: Thing) -> bool:
        """Let a thing be gone; False: it was already."""
        if self._things[thing.kind].pop(thing.id, None) is None:
            return False
        del self._by_project[thing.kind, thing.project_id][thing.id]
        thing.gone = self.timeline.now
        if self.lists_lag:
            self._gone = [t for t in self._gone if (t.gone or 0.0) > self.timeline.now - _REMEMBERED]
            self._gone.append(thing)
        return True

    def _within(self, request: Request, resource: str, needed: int) -> None:
        limit = self.limits.get((request.project_id, resource), -1)
        if limit < 0:
            return
        free = max(0, limit - self.used(request.project_id, resource))
        if needed > free:
            counted = f"{resource}: free {free} of {limit}"
            numbers = counted if needed == 1 else f"{resource}: needed {needed}, free {free} of {limit}"
            raise faults.quota_exceeded(request, resource, numbers)

    def _need(self, request: Request, kind: Kind, resource_id: str) -> Thing:
        thing = self._things[kind].get(resource_id)
        if thing is None:
            raise faults.vanished(request)
        return thing

    def _tell(self, what: str, thing: Thing) -> None:
        for watcher in self.watchers:
            watcher(what, thing)
