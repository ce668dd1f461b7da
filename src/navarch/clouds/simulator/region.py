"""A region's services: their objects and the rules that each service has about them.

Each public method is what one request does, at once and whole. Names are not unique, nothing is idempotent, and who
asks for something that others use is refused. `things` shows everything, for tests that look behind the curtain.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from threading import RLock
from typing import Any, TypeVar
from uuid import UUID

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.timeline import Timeline
from navarch.domain.catalogue import Allowance, Catalogue, Flavor, Quota
from navarch.domain.errors import Blame, Permanent
from navarch.domain.observed import (
    FloatingIP,
    Identity,
    Kind,
    LoadBalancer,
    Network,
    Port,
    Resource,
    Router,
    Rule,
    SecurityGroup,
    Server,
    ServerGroup,
    Snapshot,
    Subnet,
    Volume,
)

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
_PUBLIC = ipaddress.ip_network("198.18.0.0/15")  # RFC 2544: for benchmarks, nobody's addresses
R = TypeVar("R", bound=Resource)
_WINDOW = 10  # free addresses from which Neutron draws one
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


class Region:
    """The services of one region. Who uses it from threads holds `lock`."""

    def __init__(self, timeline: Timeline, catalogue: Catalogue, *, fates: Fates | None = None, seed: int = 0) -> None:
        self.timeline, self.catalogue, self.fates = timeline, catalogue, fates or Fates()
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
        self._by_address: dict[str, Thing] = {}
        self._next_public = 10
        self._free_public: list[str] = []

    # -- looking

    def things(self, kind: Kind, project_id: str | None = None) -> Iterator[Thing]:
        """Everything there is of a kind, whoever it belongs to."""
        found = self._things[kind] if project_id is None else self._by_project[kind, project_id]
        return iter(list(found.values()))

    def find(self, kind: Kind, resource_id: str) -> Thing | None:
        """One thing by its id."""
        return self._things[kind].get(resource_id)

    def floating_at(self, address: str) -> Thing | None:
        """Who has a public address."""
        return self._by_address.get(address)

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

    def is_routed(self, port: Thing) -> bool:
        """Whether a router has a leg in the port's subnet."""
        return self._legs_in({port.subnet_id}, port.project_id)

    # -- Neutron

    def create_network(self, request: Request, mark: str) -> Network:
        """A network."""
        made = Network(self.new_id(), request.name, mtu=1442)
        return self._add(request, made, mark)

    def create_subnet(self, request: Request, mark: str, network_id: str, cidr: str) -> Subnet:
        """A subnet; its network must be there."""
        self._need(request, Kind.NETWORK, network_id)
        taken = (t.resource.cidr for t in self.things(Kind.SUBNET) if t.resource.network_id == network_id)
        if any(ipaddress.ip_network(cidr).overlaps(ipaddress.ip_network(other)) for other in taken):
            raise faults.in_use(request, f"{cidr} overlaps with another subnet of the network")
        return self._add(request, Subnet(self.new_id(), request.name, network_id, cidr), mark)

    def create_router(self, request: Request, mark: str, external: str) -> Router:
        """A router with its gateway."""
        return self._add(request, Router(self.new_id(), request.name, self.external_id(external)), mark)

    def add_leg(self, request: Request, router_id: str, subnet_id: str) -> Router:
        """Give a router a leg in a subnet."""
        router = self._need(request, Kind.ROUTER, router_id)
        subnet = self._need(request, Kind.SUBNET, subnet_id).resource
        if subnet_id in router.resource.subnet_ids:
            raise faults.in_use(request, "the router has a port on the subnet already")
        if self._legs_in({subnet_id}, router.project_id):
            raise faults.in_use(request, "the gateway's address is already in use by another router")
        others = (self._need(request, Kind.SUBNET, other).resource for other in router.resource.subnet_ids)
        if any(ipaddress.ip_network(subnet.cidr).overlaps(ipaddress.ip_network(o.cidr)) for o in others):
            raise faults.refused(
                request, f"Cidr {subnet.cidr} of subnet {subnet_id} overlaps with another of the router's"
            )
        router.resource = replace(router.resource, subnet_ids=tuple(sorted({*router.resource.subnet_ids, subnet_id})))
        return router.resource

    def remove_leg(self, request: Request, router_id: str, subnet_id: str) -> None:
        """Take a leg away, unless a floating IP needs it."""
        router = self._need(request, Kind.ROUTER, router_id)
        ports = {t.id for t in self._things[Kind.PORT].values() if t.subnet_id == subnet_id}
        if any(t.resource.port_id in ports for t in self._things[Kind.FLOATING_IP].values()):
            raise faults.in_use(request, "the interface is needed by a floating IP")
        router.resource = replace(
            router.resource, subnet_ids=tuple(s for s in router.resource.subnet_ids if s != subnet_id)
        )

    def create_security_group(self, request: Request, mark: str, made_by: str = "navarch") -> SecurityGroup:
        """A security group without ingress rules."""
        return self._add(request, SecurityGroup(self.new_id(), request.name, frozenset(), made_by), mark)

    def add_rules(self, request: Request, group_id: str, rules: frozenset[Rule]) -> SecurityGroup:
        """Add ingress rules."""
        group = self._need(request, Kind.SECURITY_GROUP, group_id)
        group.resource = replace(group.resource, rules=group.resource.rules | rules)
        return group.resource

    def remove_rules(self, request: Request, group_id: str, rules: frozenset[Rule]) -> SecurityGroup:
        """Take ingress rules away; those that are not there count as taken."""
        group = self._need(request, Kind.SECURITY_GROUP, group_id)
        group.resource = replace(group.resource, rules=group.resource.rules - rules)
        return group.resource

    def create_port(
        self,
        request: Request,
        mark: str,
        network_id: str,
        subnet_id: str,
        group_ids: tuple[str, ...],
        address: str = "",
        mac: str = "",
    ) -> Port:
        """A port with an address of the subnet, this one where one is given. A network has a MAC address once."""
        self._need(request, Kind.NETWORK, network_id)
        subnet = self._need(request, Kind.SUBNET, subnet_id)
        for group_id in group_ids:
            self._need(request, Kind.SECURITY_GROUP, group_id)
        if subnet.resource.network_id != network_id:
            raise faults.refused(request, f"subnet {subnet_id} is not on network {network_id}")
        address = self._address(request, subnet, address)
        others = self._by_project[Kind.PORT, subnet.project_id].values()
        if mac and any((t.network_id, t.mac) == (network_id, mac) for t in others):
            raise faults.in_use(request, f"the mac address {mac} is in use on network {network_id}")
        made = Port(self.new_id(), request.name, address, None, tuple(sorted(group_ids)), network_id)
        return self._add(request, made, mark, network_id=network_id, subnet_id=subnet_id, mac=mac)

    def change_port(self, request: Request, port_id: str, group_ids: tuple[str, ...]) -> Port:
        """Set a port's security groups."""
        port = self._need(request, Kind.PORT, port_id)
        port.resource = replace(port.resource, security_group_ids=tuple(sorted(group_ids)))
        return port.resource

    def create_floating_ip(
        self, request: Request, mark: str, external: str, port_id: str, made_by: str = "navarch", address: str = ""
    ) -> FloatingIP:
        """A floating address on a port. The port's subnet must have a way to the external network."""
        self.external_id(external)
        self._can_have_floating_ip(request, port_id)
        if address and address in self._by_address:
            raise faults.in_use(request, f"the address {address} is taken")
        if address in self._free_public:
            self._free_public.remove(address)
        made = FloatingIP(self.new_id(), request.name, address or self._public_address(), port_id, made_by)
        return self._add(request, made, mark)

    def move_floating_ip(self, request: Request, floating_id: str, port_id: str) -> FloatingIP:
        """Put a floating address on another port."""
        floating = self._need(request, Kind.FLOATING_IP, floating_id)
        self._can_have_floating_ip(request, port_id, but_for=floating_id)
        floating.resource = replace(floating.resource, port_id=port_id)
        return floating.resource

    # -- Cinder

    def create_volume(
        self, request: Request, mark: str, type_: str, gib: int, zone: str, made_by: str = "navarch"
    ) -> Volume:
        """A volume: creating, then available."""
        if all(t.name != type_ for t in self.catalogue.volume_types):
            seen = tuple(t.name for t in self.catalogue.volume_types)
            raise faults.not_offered("volume type", type_, "VolumeTypeNotFound", seen)
        self._within(request, "gigabytes", gib)
        made = Volume(self.new_id(), request.name, "creating", zone, None, made_by)
        volume: Volume = self._add(request, made, mark, holds=(("gigabytes", gib),))
        self.timeline.after(self.fates.volume_seconds, lambda: self._settle_volume(volume.id, "creating", "available"))
        return volume

    def create_snapshot(self, request: Request, mark: str, volume_id: str) -> Snapshot:
        """A snapshot of a volume."""
        self._need(request, Kind.VOLUME, volume_id)
        return self._add(request, Snapshot(self.new_id(), request.name, volume_id), mark)

    # -- Nova

    def create_server_group(self, request: Request, mark: str) -> ServerGroup:
        """A server group. Nova cannot mark it: the mark is for whoever looks behind the curtain."""
        return self._add(request, ServerGroup(self.new_id(), request.name), mark)

    def create_server(
        self,
        request: Request,
        mark: str,
        *,
        flavor: str,
        image_id: str,
        zone: str,
        port_id: str,
        volume_ids: tuple[str, ...],
        user_data: str = "",
    ) -> Server:
        """A server: BUILD, then ACTIVE or ERROR. Its port and volumes must be free."""
        size = self._flavor(flavor)
        if all(r.image_id != image_id for r in self.catalogue.releases):
            words = f"Cannot {request.words}: Nova answered 400: Can not find requested image {image_id}"
            remedy = "Upload the node image again and make it visible to every project."
            raise Permanent(words, reason="ImageNotFound", blame=Blame.NAVARCH_OPERATOR, remedy=remedy)
        if zone not in self.catalogue.zones:
            raise faults.not_offered("zone", zone, "ZoneNotFound", self.catalogue.zones)
        port = self._need(request, Kind.PORT, port_id)
        if port.resource.server_id is not None:
            raise faults.in_use(request, f"port {port_id} is in use by {port.resource.server_id}")
        volumes = [self._need(request, Kind.VOLUME, volume_id) for volume_id in volume_ids]
        for volume in volumes:
            if volume.resource.status != "available":
                raise faults.in_use(request, f"volume {volume.id} must be available, it is {volume.resource.status}")
        holds = (("cores", size.vcpus), ("ram", size.ram_mib))
        for resource, amount in holds:
            self._within(request, resource, amount)
        made = Server(
            self.new_id(), request.name, "BUILD", zone, "", flavor, image_id, "scheduling",
            created_at=self.timeline.date(), addresses=(port.resource.address,),
        )  # fmt: skip
        server: Server = self._add(request, made, mark, holds=holds, user_data=user_data)
        port.resource = replace(port.resource, server_id=server.id)
        for volume in volumes:
            volume.resource = replace(volume.resource, status="attaching", server_id=server.id)
        self.timeline.after(self.fates.server_seconds, lambda: self._built(server.id))
        return server

    def attach_port(self, request: Request, port_id: str, server_id: str) -> Port:
        """Put a port on a server that runs."""
        port, server = self._need(request, Kind.PORT, port_id), self._need(request, Kind.SERVER, server_id)
        if port.resource.server_id is not None or server.resource.task_state is not None:
            raise faults.in_use(request, f"the port is in use, or the server is {server.resource.task_state}")
        port.resource = replace(port.resource, server_id=server_id)
        server.resource = replace(server.resource, addresses=(port.resource.address,))
        return port.resource

    def attach_volume(self, request: Request, volume_id: str, server_id: str) -> Volume:
        """Put a volume on a server: attaching, then in-use."""
        volume, server = self._need(request, Kind.VOLUME, volume_id), self._need(request, Kind.SERVER, server_id)
        if volume.resource.status != "available" or server.resource.task_state is not None:
            raise faults.in_use(request, f"volume must be available, it is {volume.resource.status}")
        volume.resource = replace(volume.resource, status="attaching", server_id=server_id)
        self.timeline.after(self.fates.volume_seconds, lambda: self._settle_volume(volume_id, "attaching", "in-use"))
        return volume.resource

    def switch(self, request: Request, server_id: str, on: bool) -> Server:
        """Start or stop a server: it takes its time."""
        server = self._need(request, Kind.SERVER, server_id)
        if server.resource.status != ("SHUTOFF" if on else "ACTIVE") or server.resource.task_state is not None:
            state = server.resource.task_state or server.resource.status
            raise faults.in_use(request, f"cannot start or stop the server while it is {state}")
        server.resource = replace(server.resource, task_state="powering-on" if on else "powering-off")
        self.timeline.after(self.fates.server_seconds / 2, lambda: self._switched(server, on))
        return server.resource

    # -- Octavia

    def create_balancer(
        self,
        request: Request,
        mark: str,
        subnet_id: str,
        members: tuple[str, ...],
        made_by: str = "navarch",
        address: str = "",
    ) -> LoadBalancer:
        """A balancer, whole: PENDING_CREATE, then ACTIVE or ERROR. Its address is on a port of Octavia's."""
        subnet = self._need(request, Kind.SUBNET, subnet_id)
        address = self._address(request, subnet, address)
        vip = Port(self.new_id(), f"octavia-lb-vip-{request.name}", address)
        asked = Request("POST", Kind.PORT, request.project_id, vip.name)
        self._within(asked, "ports", 1)  # Octavia makes the port first: where that fails there is no balancer
        made = LoadBalancer(
            self.new_id(),
            request.name,
            "PENDING_CREATE",
            "OFFLINE",
            address,
            vip.id,
            tuple(sorted(members)),
            made_by,
            subnet_id,
        )
        balancer: LoadBalancer = self._add(request, made, mark)
        self._add(asked, vip, "", network_id=subnet.resource.network_id, subnet_id=subnet_id)
        status = self.fates.balancer_status(request.name)
        if status is not None:
            self.timeline.after(
                self.fates.balancer_seconds, lambda: self._settle_balancer(balancer.id, "PENDING_CREATE", status)
            )
        return balancer

    def set_members(self, request: Request, balancer_id: str, members: tuple[str, ...]) -> LoadBalancer:
        """Replace a balancer's members: PENDING_UPDATE, then ACTIVE."""
        balancer = self._need(request, Kind.LOAD_BALANCER, balancer_id)
        self._settled(request, balancer)
        balancer.resource = replace(
            balancer.resource, members=tuple(sorted(members)), provisioning_status="PENDING_UPDATE"
        )
        self.timeline.after(
            self.fates.balancer_seconds / 2, lambda: self._settle_balancer(balancer_id, "PENDING_UPDATE", "ACTIVE")
        )
        return balancer.resource

    # -- Keystone

    def user(self, name: str) -> Thing | None:
        """The user of that name in the clusters' domain, where names are unique."""
        return next((t for t in self._things[Kind.IDENTITY].values() if t.resource.name == name), None)

    def create_user(self, request: Request, password: str) -> Identity:
        """A user in the clusters' domain."""
        if self.user(request.name) is not None:
            raise faults.in_use(request, "a user of this name exists")
        self.passwords[request.name] = password
        return self._add(request, Identity(self.new_id(), request.name), request.name)

    def delegate(self, request: Request, user_id: str, password: str) -> Identity:
        """Give the user a trust for its project."""
        user = self._need(request, Kind.IDENTITY, user_id)
        self.passwords[user.resource.name] = password
        if user.resource.trust_id is None:
            user.resource = replace(user.resource, trust_id=self.new_id())
        return user.resource

    def lets_in(self, name: str, password: str) -> bool:
        """Whether a cluster's controllers can log in by the trust."""
        user = self.user(name)
        return user is not None and user.resource.trust_id is not None and self.passwords.get(name) == password

    # -- removing

    def remove(self, request: Request, resource_id: str) -> None:
        """Ask a thing to go. What is not there counts as gone; what is in use raises Conflict."""
        assert request.kind is not None  # noqa: S101 - nobody removes the offer
        thing = self._things[request.kind].get(resource_id)
        if thing is None or (thing.project_id != request.project_id and request.kind is not Kind.IDENTITY):
            return
        self._refuse_if_used(request, thing)
        match request.kind:
            case Kind.SERVER:
                thing.resource = replace(thing.resource, task_state="deleting")
                self.timeline.after(self.fates.removal_seconds, lambda: self.vanish(thing))
            case Kind.VOLUME:
                thing.resource = replace(thing.resource, status="deleting")
                self.timeline.after(self.fates.removal_seconds, lambda: self.vanish(thing))
            case Kind.LOAD_BALANCER:
                thing.resource = replace(thing.resource, provisioning_status="PENDING_DELETE")
                self.timeline.after(self.fates.removal_seconds, lambda: self._balancer_gone(thing))
            case Kind.NETWORK:
                for subnet in self._subnets_of(resource_id):
                    self.vanish(subnet)
                self.vanish(thing)
            case _:
                self.vanish(thing)

    def vanish(self, thing: Thing) -> None:
        """Let a thing be gone at once, whatever uses it: also what a person does who means harm."""
        if self._things[thing.kind].pop(thing.id, None) is None:
            return
        del self._by_project[thing.kind, thing.project_id][thing.id]
        thing.gone = self.timeline.now
        if self.lists_lag:
            self._gone = [t for t in self._gone if (t.gone or 0.0) > self.timeline.now - _REMEMBERED]
            self._gone.append(thing)
        if isinstance(thing.resource, FloatingIP):
            self._free_public.append(thing.resource.address)
            self._by_address.pop(thing.resource.address, None)
        if thing.kind is Kind.PORT:
            server = self._things[Kind.SERVER].get(thing.resource.server_id or "")
            if server is not None:
                server.resource = replace(server.resource, addresses=())
            for floating in self._by_project[Kind.FLOATING_IP, thing.project_id].values():
                if floating.resource.port_id == thing.id:
                    floating.resource = replace(floating.resource, port_id=None)
        if thing.kind is Kind.SERVER:
            self._let_go(thing.id, thing.project_id)
            self._tell("gone", thing)

    def _refuse_if_used(self, request: Request, thing: Thing) -> None:
        resource = thing.resource
        match request.kind:
            case Kind.NETWORK:
                subnets = {t.id for t in self._subnets_of(thing.id)}
                if self._ports_on(subnets, thing.project_id) or self._legs_in(subnets, thing.project_id):
                    raise faults.in_use(request, "one or more ports are in use on the network")
            case Kind.SUBNET:
                if self._ports_on({thing.id}, thing.project_id) or self._legs_in({thing.id}, thing.project_id):
                    raise faults.in_use(request, "one or more ports have an address from this subnet")
            case Kind.ROUTER if resource.subnet_ids:
                raise faults.in_use(request, "the router still has ports")
            case Kind.SECURITY_GROUP:
                ports = self._by_project[Kind.PORT, thing.project_id].values()
                if any(thing.id in t.resource.security_group_ids for t in ports):
                    raise faults.in_use(request, "the security group is in use")
            case Kind.PORT if resource.server_id is not None:
                raise faults.in_use(request, f"port is in use by server {resource.server_id}")
            case Kind.VOLUME:
                if resource.status not in ("available", "error"):
                    raise faults.in_use(request, f"volume status must be available or error, it is {resource.status}")
                snapshots = self._by_project[Kind.SNAPSHOT, thing.project_id].values()
                if any(t.resource.volume_id == thing.id for t in snapshots):
                    raise faults.in_use(request, "volume has dependent snapshots")
            case Kind.LOAD_BALANCER:
                self._settled(request, thing)

    # -- what happens with time

    def _built(self, server_id: str) -> None:
        thing = self._things[Kind.SERVER].get(server_id)
        if thing is None or thing.resource.status != "BUILD" or thing.resource.task_state == "deleting":
            return
        fault = self.fates.server_fault(thing.resource.name)
        if fault is not None:
            thing.resource = replace(thing.resource, status="ERROR", task_state=None, fault=fault)
            self._let_go(server_id, thing.project_id)
            return
        thing.resource = replace(thing.resource, status="ACTIVE", task_state=None, host=f"host-{server_id[:2]}")
        for volume in self._by_project[Kind.VOLUME, thing.project_id].values():
            if volume.resource.server_id == server_id:
                volume.resource = replace(volume.resource, status="in-use")
        self._tell("runs", thing)

    def _switched(self, server: Thing, on: bool) -> None:
        if server.gone is None and server.resource.task_state in ("powering-on", "powering-off"):
            server.resource = replace(server.resource, status="ACTIVE" if on else "SHUTOFF", task_state=None)
            self._tell("on" if on else "off", server)

    def _let_go(self, server_id: str, project_id: str) -> None:
        for port in self._by_project[Kind.PORT, project_id].values():
            if port.resource.server_id == server_id:
                port.resource = replace(port.resource, server_id=None)
        for volume in self._by_project[Kind.VOLUME, project_id].values():
            if volume.resource.server_id == server_id:
                volume.resource = replace(volume.resource, server_id=None, status="available")

    def _balancer_gone(self, thing: Thing) -> None:
        vip = self._things[Kind.PORT].get(thing.resource.vip_port_id)
        if vip is not None:
            self.vanish(vip)
        self.vanish(thing)

    def _settle_volume(self, volume_id: str, since: str, status: str) -> None:
        thing = self._things[Kind.VOLUME].get(volume_id)
        if thing is not None and thing.resource.status == since:
            thing.resource = replace(thing.resource, status=status)

    def _settle_balancer(self, balancer_id: str, since: str, status: str) -> None:
        thing = self._things[Kind.LOAD_BALANCER].get(balancer_id)
        if thing is not None and thing.resource.provisioning_status == since:
            operating = "ONLINE" if status == "ACTIVE" else "OFFLINE"
            thing.resource = replace(thing.resource, provisioning_status=status, operating_status=operating)

    def _tell(self, what: str, thing: Thing) -> None:
        for watcher in self.watchers:
            watcher(what, thing)

    # -- details

    def new_id(self) -> str:
        """An id as OpenStack's are."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def external_id(self, name: str) -> str:
        """The id of an external network. Raises Permanent."""
        network = self.catalogue.external_network(name)
        if network is None:
            seen = tuple(n.name for n in self.catalogue.external_networks)
            raise faults.not_offered("external network", name, "ExternalNetworkNotFound", seen)
        return network.id

    def _flavor(self, name: str) -> Flavor:
        flavor = self.catalogue.flavor(name)
        if flavor is None:
            seen = tuple(f.name for f in self.catalogue.flavors)
            raise faults.not_offered("flavor", name, "FlavorNotFound", seen)
        return flavor

    def _add(self, request: Request, resource: R, mark: str, **more: Any) -> R:
        assert request.kind is not None  # noqa: S101
        quota = _QUOTA_OF.get(request.kind)
        if quota is not None:
            self._within(request, quota, 1)
        thing = Thing(request.kind, resource, request.project_id, mark, self.timeline.now, **more)
        self._things[request.kind][resource.id] = thing
        self._by_project[request.kind, request.project_id][resource.id] = thing
        if isinstance(resource, FloatingIP):
            self._by_address[resource.address] = thing
        return resource

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

    def _settled(self, request: Request, balancer: Thing) -> None:
        status = balancer.resource.provisioning_status
        if status.startswith("PENDING_"):
            raise faults.in_use(request, f"load balancer {balancer.id} is immutable and cannot be updated: {status}")

    def _can_have_floating_ip(self, request: Request, port_id: str, but_for: str = "") -> None:
        port = self._need(request, Kind.PORT, port_id)
        if not self.is_routed(port):
            raise faults.vanished(request)  # Neutron: ExternalGatewayForFloatingIPNotFound, a 404
        others = self._by_project[Kind.FLOATING_IP, port.project_id].values()
        if any(t.resource.port_id == port_id and t.id != but_for for t in others):
            raise faults.in_use(request, f"port {port_id} has a floating IP already")  # FloatingIPPortAlreadyAssociated

    def _subnets_of(self, network_id: str) -> list[Thing]:
        network = self._things[Kind.NETWORK].get(network_id)
        mine = self._by_project[Kind.SUBNET, network.project_id].values() if network is not None else ()
        return [t for t in mine if t.resource.network_id == network_id]

    def _ports_on(self, subnets: set[str], project_id: str) -> bool:
        return any(t.subnet_id in subnets for t in self._by_project[Kind.PORT, project_id].values())

    def _legs_in(self, subnets: set[str], project_id: str) -> bool:
        routers = self._by_project[Kind.ROUTER, project_id].values()
        return any(subnets & set(t.resource.subnet_ids) for t in routers)

    def _address(self, request: Request, subnet: Thing, wanted: str) -> str:
        """The one that is wanted if it is free, else one of the lowest that are, as Neutron draws them."""
        ports = self._by_project[Kind.PORT, subnet.project_id].values()
        taken = {t.resource.address for t in ports if t.subnet_id == subnet.id}
        if wanted in taken:
            raise faults.in_use(request, f"IP address {wanted} already allocated in subnet {subnet.id}")
        if wanted:
            return wanted
        network = ipaddress.ip_network(subnet.resource.cidr)
        window: list[str] = []
        for number in range(10, network.num_addresses - 1):
            address = str(network[number])
            if address not in taken:
                window.append(address)
            if len(window) == _WINDOW:
                break
        if window:
            return self._random.choice(window)
        raise Permanent(
            f"No address is free in {network}",
            reason="AddressesExhausted",
            blame=Blame.CLOUD_OPERATOR,
            remedy="Add an allocation pool to the subnet, or release addresses that nothing uses.",
        )

    def _public_address(self) -> str:
        # A released address comes back late, as in a real pool: who still holds it must not meet another at once.
        if len(self._free_public) > 64:
            return self._free_public.pop(0)
        self._next_public += 1
        return str(_PUBLIC[self._next_public])
