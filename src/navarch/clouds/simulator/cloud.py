"""`SimulatedCloud`: the contract of `clouds.contract` on a region, request by request as `clouds.openstack` asks them.

`strike` is asked before each request whether a fault hits it; `pause` is called before each with the request, so that
others may act between two requests of one step.
"""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from navarch.clouds.contract import Endpoint
from navarch.clouds.fence import before_a_change
from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request, Striker
from navarch.clouds.simulator.inventory import Thing
from navarch.clouds.simulator.region import Region
from navarch.domain.cloud import CloudState, Resource, Trouble
from navarch.domain.errors import Conflict, NavarchError, Permanent, Temporary
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.offer import Offer, Quota
from navarch.domain.openstack import steps
from navarch.domain.openstack.names import mac_address
from navarch.domain.openstack.resources import AnyResource, Identity, Kind
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step

T = TypeVar("T")
_PAGE = 50


def _nothing(request: Request) -> None:
    return None


class SimulatedCloud:
    """A cloud in memory. Safe to call from threads: each request is whole."""

    def __init__(
        self,
        region: Region,
        *,
        strike: Striker = _nothing,
        pause: Callable[[Request], None] = _nothing,
        page: int = _PAGE,
        console: Callable[[str], str] = lambda server_id: "",
    ) -> None:
        self._region, self._strike, self._pause, self._page, self._console = region, strike, pause, page, console

    @property
    def endpoint(self) -> Endpoint:
        """Where the cluster's controllers would reach it."""
        return Endpoint("https://simulator.invalid/v3", "RegionOne")

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        """Read the owner's objects once; see the contract."""
        seen: dict[StrEnum, tuple[AnyResource, ...]] = {}
        troubles, astray = [], []
        for kind in Kind:
            if kinds is not None and kind not in kinds:
                continue
            try:
                things = self._owned(kind, owner)
                missing = {k.id for k in known if k.kind == kind.value} - {t.id for t in things}
                for thing in (self._by_id(kind, owner, id_) for id_ in sorted(missing)):
                    if thing is not None:
                        things.append(thing)
                        if thing.mark != owner.cluster_id:
                            astray.append((thing.id, thing.resource.name))
                seen[kind] = tuple(t.resource for t in things)
            except NavarchError as error:
                troubles.append(_trouble(error, kind))
        return CloudState(seen, tuple(troubles), tuple(astray))

    def controller_files(self, cluster: Cluster, seen: Observed, password: str) -> Mapping[str, str] | None:
        """What the cluster's controllers read; see the contract."""
        return controller_files(cluster, seen, password)

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        """Do one step; see the contract."""
        doing: Callable[..., Resource | None] = _DO[type(step)]
        if isinstance(step, steps.EnsureIdentity | steps.CreateServer):
            return doing(self, owner, step, private)
        return doing(self, owner, step)

    def console(self, owner: Owner, server_id: str, lines: int = 50) -> str:
        """End of a machine's console output; see the contract."""
        request = Request("GET", Kind.SERVER, owner.project_id, server_id)
        output = self._ask(request, lambda: self._console(server_id))
        return "\n".join(output.splitlines()[-lines:])

    def offer(self) -> Offer:
        """What the cloud offers; see the contract."""
        return self._ask(Request("GET", None, ""), lambda: self._region.offer)

    def quota(self, project_id: str) -> Quota:
        """A project's quotas; see the contract."""
        return self._ask(Request("GET", None, project_id), lambda: self._region.quota(project_id))

    # -- requests

    def _ask(self, request: Request, effect: Callable[[], T]) -> T:
        """One request, and what may befall it."""
        if request.verb != "GET":
            before_a_change()
        self._pause(request)
        strike = self._strike(request)
        if strike is not None and strike.error is not None and not strike.done:
            raise strike.error
        if request.project_id and request.kind is not Kind.IDENTITY and request.project_id not in self._region.projects:
            raise faults.no_role(request.project_id)
        with self._region.lock:
            answer = effect()
        if strike is not None and strike.error is not None:
            raise strike.error
        return answer

    def _list(self, kind: Kind, project_id: str) -> list[Thing]:
        """All things of a kind in the project, page by page."""
        found: list[Thing] = []
        while True:
            request = Request("GET", kind, project_id)
            self._pause(request)
            strike = self._strike(request)
            if strike is not None and strike.error is not None:
                raise strike.error
            if project_id not in self._region.projects:
                raise faults.no_role(project_id)
            lag = strike.lag if strike is not None else 0.0
            with self._region.lock:
                everything = self._region.listed(kind, project_id, lag)
            last = found[-1].id if found else None
            # A marker that is gone meanwhile ends the list, as it does in OpenStack (which answers 400 or nothing).
            at = next((n + 1 for n, t in enumerate(everything) if t.id == last), 0 if last is None else len(everything))
            found += everything[at : at + self._page]
            if at + self._page >= len(everything):
                return found

    def _owned(self, kind: Kind, owner: Owner) -> list[Thing]:
        """The owner's things of a kind."""
        if kind is Kind.IDENTITY:
            request = Request("GET", kind, owner.project_id, owner.cluster_id)
            user = self._ask(request, lambda: self._region.user(owner.cluster_id))
            return [user] if user is not None else []
        things = self._list(kind, owner.project_id)
        if kind is Kind.SERVER_GROUP:  # Nova cannot mark them
            return [t for t in things if owner.stem and t.resource.name.startswith(f"{owner.stem}-")]
        return [t for t in things if t.mark == owner.cluster_id]

    def _named(self, kind: Kind, owner: Owner, name: str) -> list[Thing]:
        """Navarch's that answer to the name, the oldest first."""
        mine = [t for t in self._owned(kind, owner) if t.resource.name == name]
        ours = [t for t in mine if getattr(t.resource, "made_by", "navarch") == "navarch"]
        return sorted(ours, key=lambda t: (t.born, t.id))

    def _found(self, kind: Kind, owner: Owner, name: str) -> Thing | None:
        """The oldest of them."""
        return next(iter(self._named(kind, owner, name)), None)

    def _by_id(self, kind: Kind, owner: Owner, id_: str) -> Thing | None:
        """A thing of the owner's project by its id, whatever lists show; None: it is gone."""
        found = self._ask(Request("GET", kind, owner.project_id, id_), lambda: self._region.find(kind, id_))
        return found if found is not None and found.project_id == owner.project_id else None

    # -- steps

    def _network(self, owner: Owner, step: steps.EnsureNetwork) -> Resource:
        found = self._found(Kind.NETWORK, owner, step.name)
        if found is not None:
            return found.resource
        request = Request("POST", Kind.NETWORK, owner.project_id, step.name)
        return self._ask(request, lambda: self._region.create_network(request, owner.cluster_id))

    def _subnet(self, owner: Owner, step: steps.EnsureSubnet) -> Resource:
        found = self._found(Kind.SUBNET, owner, step.name)
        if found is not None and found.resource.network_id == step.network_id:
            return found.resource
        request = Request("POST", Kind.SUBNET, owner.project_id, step.name)
        return self._ask(
            request, lambda: self._region.create_subnet(request, owner.cluster_id, step.network_id, step.cidr)
        )

    def _router(self, owner: Owner, step: steps.EnsureRouter) -> Resource:
        found = self._found(Kind.ROUTER, owner, step.name)
        if found is None:
            request = Request("POST", Kind.ROUTER, owner.project_id, step.name)
            router = self._ask(
                request, lambda: self._region.create_router(request, owner.cluster_id, step.external_network)
            )
        else:
            router = found.resource
        if step.subnet_id is None or step.subnet_id in router.subnet_ids:
            return router
        leg, subnet_id = Request("PUT", Kind.ROUTER, owner.project_id, step.name), step.subnet_id
        return self._ask(leg, lambda: self._region.add_leg(leg, router.id, subnet_id))

    def _security_group(self, owner: Owner, step: steps.EnsureSecurityGroup) -> Resource:
        ours = [t for t in self._owned(Kind.SECURITY_GROUP, owner) if t.resource.made_by == "navarch"]
        missing = {r.group for r in step.rules if r.group} - {t.resource.name for t in ours} - {step.name}
        request = Request("POST", Kind.SECURITY_GROUP, owner.project_id, step.name)
        if missing:
            raise Conflict(f"Cannot {request.words}: it names {', '.join(sorted(missing))}, not there yet")
        named = [t for t in ours if t.resource.name == step.name]
        found = min(named, key=lambda t: (t.born, t.id), default=None)
        if found is None:
            group = self._ask(request, lambda: self._region.create_security_group(request, owner.cluster_id))
        else:
            group = found.resource
        change, group_id = Request("PUT", Kind.SECURITY_GROUP, owner.project_id, step.name), group.id
        added, gone = step.rules - group.rules, group.rules - step.rules
        if added:
            group = self._ask(change, lambda: self._region.add_rules(change, group_id, added))
        if gone:
            group = self._ask(change, lambda: self._region.remove_rules(change, group_id, gone))
        return group

    def _server_group(self, owner: Owner, step: steps.EnsureServerGroup) -> Resource:
        groups = self._list(Kind.SERVER_GROUP, owner.project_id)
        named = [t for t in groups if t.resource.name == step.name]
        if named:
            return min(named, key=lambda t: (t.born, t.id)).resource
        request = Request("POST", Kind.SERVER_GROUP, owner.project_id, step.name)
        return self._ask(request, lambda: self._region.create_server_group(request, owner.cluster_id))

    def _port(self, owner: Owner, step: steps.EnsurePort) -> Resource:
        found = self._found(Kind.PORT, owner, step.name)
        if found is None or found.network_id != step.network_id:
            request = Request("POST", Kind.PORT, owner.project_id, step.name)
            where = (owner.cluster_id, step.network_id, step.subnet_id, step.security_group_ids, step.address)
            mac = mac_address(owner, step.name)
            return self._ask(request, lambda: self._region.create_port(request, *where, mac=mac))
        wanted = {*step.security_group_ids, *found.resource.security_group_ids} - set(step.not_in)
        if wanted == set(found.resource.security_group_ids):
            return found.resource
        change, port_id = Request("PUT", Kind.PORT, owner.project_id, step.name), found.id
        return self._ask(change, lambda: self._region.change_port(change, port_id, tuple(wanted)))

    def _volume(self, owner: Owner, step: steps.EnsureVolume) -> Resource:
        found = self._found(Kind.VOLUME, owner, step.name)
        if found is not None:
            return found.resource
        request = Request("POST", Kind.VOLUME, owner.project_id, step.name)
        return self._ask(
            request,
            lambda: self._region.create_volume(request, owner.cluster_id, step.type, step.size_gib, step.zone),
        )

    def _identity(self, owner: Owner, step: steps.EnsureIdentity, password: str) -> Resource:
        request = Request("POST", Kind.IDENTITY, owner.project_id, owner.cluster_id)
        found = next(iter(self._owned(Kind.IDENTITY, owner)), None)
        if owner.project_id not in self._region.projects:
            raise faults.no_role(owner.project_id)
        user = (
            found.resource
            if found is not None
            else self._ask(request, lambda: self._region.create_user(request, password))
        )
        change = Request("PUT", Kind.IDENTITY, owner.project_id, owner.cluster_id)
        return self._ask(change, lambda: self._region.delegate(change, user.id, password))

    def _load_balancer(self, owner: Owner, step: steps.EnsureLoadBalancer) -> Resource:
        there = self._named(Kind.LOAD_BALANCER, owner, step.name)
        if step.address:
            addressed = [t for t in there if t.resource.vip_address == step.address]
            there = addressed or [t for t in there if not t.resource.vip_address]
        found = there[0] if there else None
        request = Request("POST", Kind.LOAD_BALANCER, owner.project_id, step.name)
        if found is None:
            return self._ask(
                request,
                lambda: self._region.create_balancer(
                    request, owner.cluster_id, step.subnet_id, step.members, address=step.address
                ),
            )
        if found.resource.provisioning_status == "PENDING_DELETE":
            raise Conflict(f"Cannot {request.words}: the last one of this name is still being removed")
        if set(found.resource.members) == set(step.members):
            return found.resource
        change, balancer_id = Request("PUT", Kind.LOAD_BALANCER, owner.project_id, step.name), found.id
        return self._ask(change, lambda: self._region.set_members(change, balancer_id, step.members))

    def _floating_ip(self, owner: Owner, step: steps.EnsureFloatingIP) -> Resource:
        there = self._named(Kind.FLOATING_IP, owner, step.name)
        on_it = [t for t in there if t.resource.port_id == step.port_id]
        found = next(iter(on_it or [t for t in there if t.resource.address == step.address] or there), None)
        if found is None:
            request = Request("POST", Kind.FLOATING_IP, owner.project_id, step.name)

            def create(address: str) -> Resource:
                return self._region.create_floating_ip(
                    request, owner.cluster_id, step.external_network, step.port_id, address=address
                )

            if step.address:
                try:
                    return self._ask(request, lambda: create(step.address))
                except Conflict:
                    pass  # somebody else has it: any other
            return self._ask(request, lambda: create(""))
        if found.resource.port_id == step.port_id:
            return found.resource
        change, floating_id = Request("PUT", Kind.FLOATING_IP, owner.project_id, step.name), found.id
        return self._ask(change, lambda: self._region.move_floating_ip(change, floating_id, step.port_id))

    def _server(self, owner: Owner, step: steps.CreateServer, user_data: str) -> Resource:
        found = self._found(Kind.SERVER, owner, step.name)
        request = Request("POST", Kind.SERVER, owner.project_id, step.name)
        if found is not None:
            if found.resource.task_state == "deleting":
                raise Conflict(f"Cannot {request.words}: the last one of this name is still being removed")
            return found.resource
        return self._ask(
            request,
            lambda: self._region.create_server(
                request,
                owner.cluster_id,
                flavor=step.flavor,
                image_id=step.image_id,
                zone=step.zone,
                port_id=step.port_id,
                volume_ids=step.volume_ids,
                user_data=user_data,
            ),
        )

    def _attach_port(self, owner: Owner, step: steps.AttachPort) -> Resource:
        found = self._one(Kind.PORT, owner, step.port_id, step.name)
        if found.resource.server_id is not None:
            return found.resource
        request = Request("PUT", Kind.PORT, owner.project_id, step.name)
        return self._ask(request, lambda: self._region.attach_port(request, step.port_id, step.server_id))

    def _attach_volume(self, owner: Owner, step: steps.AttachVolume) -> Resource:
        volume = self._one(Kind.VOLUME, owner, step.volume_id, step.name)
        if volume.resource.status != "available":
            return volume.resource
        server = self._one(Kind.SERVER, owner, step.server_id, step.name).resource
        stop = Request("PUT", Kind.SERVER, owner.project_id, server.name)
        if server.status == "ACTIVE" and server.task_state is None:
            self._ask(stop, lambda: self._region.switch(stop, step.server_id, on=False))
        if server.status != "SHUTOFF":
            words = f"Cannot attach {step.name} yet: its machine is stopped for it, and is {server.status}"
            raise Conflict(words, reason="StoppingMachine")
        request = Request("PUT", Kind.VOLUME, owner.project_id, step.name)
        return self._ask(request, lambda: self._region.attach_volume(request, step.volume_id, step.server_id))

    def _start(self, owner: Owner, step: steps.StartServer) -> Resource:
        server = self._one(Kind.SERVER, owner, step.server_id, step.name)
        if server.resource.status != "SHUTOFF" or server.resource.task_state is not None:
            return server.resource
        request = Request("PUT", Kind.SERVER, owner.project_id, step.name)
        return self._ask(request, lambda: self._region.switch(request, step.server_id, on=True))

    def _one(self, kind: Kind, owner: Owner, resource_id: str, name: str) -> Thing:
        """One thing by its id. Raises Conflict where it is gone."""
        request = Request("GET", kind, owner.project_id, name)
        found = self._ask(request, lambda: self._region.find(kind, resource_id))
        if found is None:
            raise faults.vanished(request)
        return found

    def _restore_name(self, owner: Owner, step: steps.RestoreName) -> None:
        request = Request("PUT", step.kind, owner.project_id, step.name)
        self._ask(request, lambda: self._region.rename(request, step.id, owner.cluster_id, step.name))

    def _remove(self, owner: Owner, step: steps.Remove) -> None:
        request = Request("DELETE", step.kind, owner.project_id, step.name)
        if step.kind is Kind.ROUTER:
            router = self._region.find(Kind.ROUTER, step.id)
            for subnet_id in router.resource.subnet_ids if router is not None else ():
                leg = Request("PUT", Kind.ROUTER, owner.project_id, step.name)
                self._ask(leg, partial(self._region.remove_leg, leg, step.id, subnet_id))
        self._ask(request, lambda: self._region.remove(request, step.id))


_DO: dict[type, Any] = {
    steps.EnsureNetwork: SimulatedCloud._network,
    steps.EnsureSubnet: SimulatedCloud._subnet,
    steps.EnsureRouter: SimulatedCloud._router,
    steps.EnsureSecurityGroup: SimulatedCloud._security_group,
    steps.EnsureServerGroup: SimulatedCloud._server_group,
    steps.EnsurePort: SimulatedCloud._port,
    steps.AttachPort: SimulatedCloud._attach_port,
    steps.EnsureVolume: SimulatedCloud._volume,
    steps.AttachVolume: SimulatedCloud._attach_volume,
    steps.StartServer: SimulatedCloud._start,
    steps.EnsureIdentity: SimulatedCloud._identity,
    steps.EnsureLoadBalancer: SimulatedCloud._load_balancer,
    steps.EnsureFloatingIP: SimulatedCloud._floating_ip,
    steps.CreateServer: SimulatedCloud._server,
    steps.RestoreName: SimulatedCloud._restore_name,
    steps.Remove: SimulatedCloud._remove,
}


def _trouble(error: NavarchError, kind: Kind) -> Trouble:
    if isinstance(error, Permanent):
        return Trouble(error.reason, error.message, kind, str(error.responsible), error.remedy)
    reason = error.reason if isinstance(error, Temporary) else "CloudNotAnswering"
    return Trouble(reason, str(error), kind)


def controller_files(cluster: Cluster, seen: Observed, password: str) -> Mapping[str, str] | None:
    """What simulated controllers read: nothing but who they are."""
    user = next((i for i in seen.cloud.of(Identity) if i.trust_id), None)
    return None if user is None else {"cloud.conf": f'user-id = "{user.id}"\npassword = "{password}"\n'}
