"""Load balancers, with Octavia's rules about them."""

from dataclasses import replace

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.inventory import Thing
from navarch.clouds.simulator.neutron import Neutron
from navarch.domain.openstack.resources import Kind, LoadBalancer, Port


class Octavia(Neutron):
    """The load balancer service, which puts its balancers on ports."""

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

    def _settle_balancer(self, balancer_id: str, since: str, status: str) -> None:
        thing = self._things[Kind.LOAD_BALANCER].get(balancer_id)
        if thing is not None and thing.resource.provisioning_status == since:
            operating = "ONLINE" if status == "ACTIVE" else "OFFLINE"
            thing.resource = replace(thing.resource, provisioning_status=status, operating_status=operating)

    def _settled(self, request: Request, balancer: Thing) -> None:
        status = balancer.resource.provisioning_status
        if status.startswith("PENDING_"):
            raise faults.in_use(request, f"load balancer {balancer.id} is immutable and cannot be updated: {status}")
