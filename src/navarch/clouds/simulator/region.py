"""A region's services: their objects and the rules that each service has about them.

Each public method is what one request does, at once and whole. Names are not unique, nothing is idempotent, and who
asks for something that others use is refused. `things` shows everything, for tests that look behind the curtain.
"""

from dataclasses import replace

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.inventory import Thing
from navarch.clouds.simulator.nova import Nova
from navarch.clouds.simulator.octavia import Octavia
from navarch.domain.openstack.resources import FloatingIP, Identity, Kind


class Region(Nova, Octavia):
    """The services of one region; users in the clusters' domain; and what happens to one service's objects when
    another's go."""

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

    def rename(self, request: Request, resource_id: str, mark: str, name: str) -> None:
        """Give a thing another name and mark."""
        assert request.kind is not None  # noqa: S101 - the offer has no name
        thing = self._need(request, request.kind, resource_id)
        thing.resource, thing.mark = replace(thing.resource, name=name), mark

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
        if not self._drop(thing):
            return
        if isinstance(thing.resource, FloatingIP):
            self._give_back(thing.resource.address)
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

    def _balancer_gone(self, thing: Thing) -> None:
        vip = self._things[Kind.PORT].get(thing.resource.vip_port_id)
        if vip is not None:
            self.vanish(vip)
        self.vanish(thing)
