"""The state of a region: the objects of every service, time, chance, quotas. What may be done with it, services say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import RLock
from uuid import UUID

from navarch.simulator.openstack.fates import Fates
from navarch.simulator.openstack.inventory import Collection, Object
from navarch.simulator.openstack.kinds import KINDS
from navarch.simulator.openstack.messages import Json, Scope
from navarch.simulator.openstack.site import Site
from navarch.simulator.openstack.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Token:
    """What a token is for, when it ends, and the document that Keystone shows of it."""

    scope: Scope
    ends: datetime
    body: Json = field(repr=False)


class Region:
    """A region. Who uses it from threads holds `lock`. Nothing here reads a clock: `timeline` is the time."""

    def __init__(self, timeline: Timeline, site: Site, *, fates: Fates | None = None, seed: int = 0) -> None:
        self.timeline, self.site, self.fates = timeline, site, fates or Fates()
        self.clock_ahead = timedelta()  # of its services' clocks
        self.lock = RLock()
        self.random = Random(seed)
        self.objects = {kind: Collection(kind, timeline) for kind in KINDS}
        self.quotas: dict[tuple[str, str], int] = {}  # by project and resource, where it is not the site's
        self.watchers: list[Callable[[str, Object], None]] = []  # told of "runs", "off", "on" and "gone" of servers
        self.grants: set[tuple[str, str, str, bool]] = set()  # user id, project or domain id, role name, inherited
        self.tokens: dict[str, Token] = {}
        self.more_services: dict[str, tuple[str, str]] = {}  # in the catalogue: name and URL by type
        self.consoles: dict[str, list[str]] = {}  # lines by server, of who runs the servers
        self.public_addresses: dict[str, Object] = {}  # floating IPs by address

    def __getitem__(self, kind: str) -> Collection:
        """All objects of a kind."""
        return self.objects[kind]

    # -- what all services need

    def new_id(self) -> str:
        """An id as most services give them."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def new_hex_id(self) -> str:
        """An id as Keystone gives them."""
        return UUID(int=self.random.getrandbits(128), version=4).hex

    def now(self) -> datetime:
        """The time of day, by the clock that its services have."""
        return self.timeline.date() + self.clock_ahead

    def stamp(self) -> str:
        """The time of day as Nova and Neutron write it: in whole seconds."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def limit(self, project_id: str, resource: str) -> int:
        """A project's quota; -1: unlimited."""
        return self.quotas.get((project_id, resource), self.site.quotas.get(resource, -1))

    def is_for(self, found: Object, project_id: str) -> bool:
        """Whether a project may use what an operator made, which may be private to some."""
        only_for = found.hidden.get("only_for") or ()
        project = self["project"].get(project_id)
        return not only_for or (project is not None and project.name in only_for)

    def keep_history(self) -> None:
        """Keep what lists need that show the past."""
        for collection in self.objects.values():
            collection.lags = True

    def tell(self, what: str, server: Object) -> None:
        """Tell whoever watches servers."""
        for watcher in self.watchers:
            watcher(what, server)
