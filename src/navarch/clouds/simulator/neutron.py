"""Networks, routers, security groups, ports and floating addresses, with Neutron's rules about them."""

import ipaddress
from dataclasses import replace
from typing import Any

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.inventory import Inventory, Thing
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.openstack.resources import FloatingIP, Kind, Network, Port, Router, Rule, SecurityGroup, Subnet

_PUBLIC = ipaddress.ip_network("198.18.0.0/15")  # RFC 2544: for benchmarks, nobody's addresses
_WINDOW = 10  # free addresses from which Neutron draws one


class Neutron(Inventory):
    """The network service. It remembers who has which public address, and which were given back."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._by_address: dict[str, Thing] = {}
        self._next_public = 10
        self._free_public: list[str] = []

    def is_routed(self, port: Thing) -> bool:
        """Whether a router has a leg in the port's subnet."""
        return self._legs_in({port.subnet_id}, port.project_id)

    def floating_at(self, address: str) -> Thing | None:
        """Who has a public address."""
        return self._by_address.get(address)

    def external_id(self, name: str) -> str:
        """The id of an external network. Raises Permanent."""
        network = self.offer.external_network(name)
        if network is None:
            seen = tuple(n.name for n in self.offer.external_networks)
            raise faults.not_offered("external network", name, "ExternalNetworkNotFound", seen)
        return network.id

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
        floating: FloatingIP = self._add(request, made, mark)
        self._by_address[floating.address] = self._things[Kind.FLOATING_IP][floating.id]
        return floating

    def move_floating_ip(self, request: Request, floating_id: str, port_id: str) -> FloatingIP:
        """Put a floating address on another port."""
        floating = self._need(request, Kind.FLOATING_IP, floating_id)
        self._can_have_floating_ip(request, port_id, but_for=floating_id)
        floating.resource = replace(floating.resource, port_id=port_id)
        return floating.resource

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
            responsible=Responsible.CLOUD_OPERATOR,
            remedy="Add an allocation pool to the subnet, or release addresses that nothing uses.",
        )

    def _give_back(self, address: str) -> None:
        self._free_public.append(address)
        self._by_address.pop(address, None)

    def _public_address(self) -> str:
        # A released address comes back late, as in a real pool: who still holds it must not meet another at once.
        if len(self._free_public) > 64:
            return self._free_public.pop(0)
        self._next_public += 1
        return str(_PUBLIC[self._next_public])
