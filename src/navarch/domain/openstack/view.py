"""A cluster's objects in OpenStack, held against what is wanted of them: what every chapter of the plan asks.

Two objects of one name: a create whose answer was lost, or a list that lagged, may have left a second one. The one that
others use is ours, the other goes. Of the API's balancers that is the one with the address that machines were told; of
its floating addresses, the one on that balancer.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from navarch.domain import names
from navarch.domain.cloud import CloudState
from navarch.domain.infrastructure import Endpoint, Existence, MachineView
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed, Wanted
from navarch.domain.openstack.names import (
    api_load_balancer,
    control_plane_security_group,
    etcd_volume,
    network,
    worker_security_group,
)
from navarch.domain.openstack.resources import (
    KEPT_AFTER_DELETION,
    RESOURCES,
    AnyResource,
    FloatingIP,
    LoadBalancer,
    Network,
    Port,
    Router,
    SecurityGroup,
    Server,
    Subnet,
    Volume,
    is_going,
)
from navarch.domain.spec import Cluster, Owner, Role

_EXISTENCE = {
    "BUILD": Existence.BUILDING,
    "ACTIVE": Existence.RUNNING,
    "SHUTOFF": Existence.STOPPED,
    "ERROR": Existence.FAILED,
    "SUSPENDED": Existence.ASIDE,
    "PAUSED": Existence.ASIDE,
    "SHELVED": Existence.ASIDE,
    "SHELVED_OFFLOADED": Existence.ASIDE,
    "RESCUE": Existence.ASIDE,
    KEPT_AFTER_DELETION: Existence.LEAVING,
}  # Nova's words; with all others the server is on its way
_RESUMES = {
    "SUSPENDED": "resume",
    "PAUSED": "unpause",
    "SHELVED": "unshelve",
    "SHELVED_OFFLOADED": "unshelve",
    "RESCUE": "unrescue",
}
_AT_REST = (Existence.RUNNING, Existence.STOPPED, Existence.ASIDE)


@dataclass(frozen=True)
class View:
    """`cloud` shows of two objects of a name the one that is used first."""

    cluster: Cluster
    observed: Observed
    wanted: Wanted
    now: datetime
    owner: Owner
    cloud: CloudState

    @staticmethod
    def of(cluster: Cluster, observed: Observed, wanted: Wanted, now: datetime) -> "View":
        """The view of a look."""
        known = frozenset(k.id for k in observed.record.objects)
        return View(cluster, observed, wanted, now, names.owner(cluster), used_first(observed.cloud, known))

    @cached_property
    def network(self) -> Network | None:
        """The cluster's network, if seen."""
        return self.cloud.named(Network, network(self.owner))

    @cached_property
    def subnet(self) -> Subnet | None:
        """The subnet on it, if seen."""
        named = (s for s in self.cloud.of(Subnet) if s.name == network(self.owner))
        return next((s for s in named if self.network is not None and s.network_id == self.network.id), None)

    @cached_property
    def router(self) -> Router | None:
        """The cluster's router, if seen."""
        return self.cloud.named(Router, network(self.owner))

    @cached_property
    def balancer(self) -> LoadBalancer | None:
        """The balancer of the Kubernetes API, if seen. Once its address is known, one with another is not it; one that
        is going may have none any more."""
        known, name = self.observed.record.api_internal_address, api_load_balancer(self.owner)
        ours = [b for b in self.cloud.of(LoadBalancer) if b.name == name]
        if known:
            ours = [b for b in ours if b.vip_address in (known, "")]
        return min(ours, key=lambda b: b.vip_address != known, default=None)

    @cached_property
    def floating_ip(self) -> FloatingIP | None:
        """The floating address of the Kubernetes API, if seen."""
        name, known = api_load_balancer(self.owner), self.observed.record.api_public_address
        vip = self.balancer.vip_port_id if self.balancer is not None else None
        ours = [f for f in self.cloud.of(FloatingIP) if f.name == name]
        return min(ours, key=lambda f: (vip is None or f.port_id != vip, f.address != known), default=None)

    @property
    def endpoint(self) -> Endpoint:
        """Where the API is."""
        balancer, address = self.balancer, self.floating_ip
        return Endpoint(
            balancer.vip_address if balancer is not None else "",
            address.address if address is not None else "",
            passes=balancer.provisioning_status == "ACTIVE" if balancer is not None else None,
        )

    @property
    def complete(self) -> bool:
        """Whether every kind could be read."""
        return self.cloud.knows(*RESOURCES)

    def security_group(self, role: Role) -> SecurityGroup | None:
        """The security group of a role's ports, if seen."""
        name = control_plane_security_group if role is Role.CONTROL_PLANE else worker_security_group
        return self.cloud.named(SecurityGroup, name(self.owner))

    def etcd_volume(self, machine: Machine) -> Volume | None:
        """The volume of a control-plane machine's place, if seen."""
        return self.cloud.named(Volume, etcd_volume(self.owner, machine.serial))

    def machine(self, machine: Machine) -> MachineView:
        """A machine in the cloud."""
        if not self.cloud.knows(Server, Port):
            return MachineView(Existence.UNKNOWN)
        server, port = self.cloud.named(Server, machine.name), self.cloud.named(Port, machine.name)
        attached = port is not None and port.server_id is not None
        if server is None:  # Nova and Neutron must agree about it
            existence = Existence.UNKNOWN if attached else Existence.ABSENT
            return MachineView(existence, data_lost=self._has_lost_data(machine))
        existence = _EXISTENCE.get(server.status, Existence.CHANGING)
        if is_going(server):
            existence = Existence.LEAVING
        elif server.task_state is not None and existence in _AT_REST:
            existence = Existence.CHANGING
        return MachineView(
            existence,
            server.id,
            server.status,
            server.zone,
            server.fault or "",
            server.created_at,
            reachable=attached or bool(server.addresses) or server.status != "ACTIVE",
            serves=port is not None and self._sends_to(port.address),
            data_lost=self._has_lost_data(machine),
            resumes=f"openstack server {_RESUMES[server.status]} {server.id}" if existence is Existence.ASIDE else "",
            addresses=server.addresses,
        )

    def _sends_to(self, address: str) -> bool:
        """Whether the API's balancer does, or may: what it is told is done only once it is not busy any more. One that
        could not be read may send to any."""
        balancer = self.balancer
        if balancer is None:
            return not self.cloud.knows(LoadBalancer)
        return address in balancer.members or balancer.provisioning_status == "PENDING_UPDATE"

    def lost_data(self) -> tuple[str, ...]:
        """Names of the etcd volumes that held a member's data and are gone. A blank one in such a place would be an
        empty cluster, or a member that the others know better than itself."""
        lost = (m for m in self.observed.record.machines if self._has_lost_data(m))
        return tuple(etcd_volume(self.owner, m.serial) for m in lost)

    def _has_lost_data(self, machine: Machine) -> bool:
        has_data = machine.role is Role.CONTROL_PLANE and machine.member_volume
        return bool(has_data) and self.cloud.knows(Volume) and self.etcd_volume(machine) is None


def used_first(cloud: CloudState, known: frozenset[str] = frozenset()) -> CloudState:
    """The same, with what others use before what nobody does, and what was known before what was not: whoever looks for
    a name finds the one that is ours. Of the networks that is the one with the router."""
    networks = sorted(cloud.of(Network), key=lambda n: (_use_of_network(cloud, n), n.id not in known))
    if cloud.knows(Network):
        cloud = replace(cloud, seen={**cloud.seen, Network.kind: tuple(networks)})
    ordered: dict[StrEnum, tuple[Any, ...]] = {
        type_.kind: tuple(sorted(cloud.of_kind(type_.kind), key=lambda r: (not is_used(cloud, r), r.id not in known)))
        for type_ in RESOURCES
        if type_.exclusive and type_ is not Network and cloud.knows(type_)
    }
    return replace(cloud, seen={**cloud.seen, **ordered})


def is_used(cloud: CloudState, resource: AnyResource) -> bool:
    """Whether others use it, as far as is known: where that could not be read, they may. The first network is ours."""
    match resource:
        case Port(server_id=server) | Volume(server_id=server):
            return server is not None
        case Server(status=status):
            return status != "ERROR"
        case Network(id=network_id):
            return not cloud.knows(Port) or any(p.network_id == network_id for p in cloud.of(Port))
        case Router(subnet_ids=subnets):
            networks = cloud.of(Network)
            if not networks or not cloud.knows(Subnet):
                return bool(subnets)
            return any(s.id in subnets for s in cloud.of(Subnet) if s.network_id == networks[0].id)
        case SecurityGroup(id=group_id):
            return not cloud.knows(Port) or any(group_id in p.security_group_ids for p in cloud.of(Port))
        case _:
            return False


def _use_of_network(cloud: CloudState, network: Network) -> tuple[bool, bool, bool]:
    """A key that sorts networks: the one that is used most comes first. One without a router is of no use."""
    subnets = {s.id for s in cloud.of(Subnet) if s.network_id == network.id}
    routed = any(subnets & set(router.subnet_ids) for router in cloud.of(Router))
    return not routed, all(p.network_id != network.id for p in cloud.of(Port)), not subnets
