"""The API's address: a balancer on the control plane's ports, and a floating address on it."""

from collections.abc import Iterator

from navarch.domain.openstack.names import api_load_balancer
from navarch.domain.openstack.resources import FloatingIP, Kind, LoadBalancer, Port, Subnet, is_going
from navarch.domain.openstack.steps import EnsureFloatingIP, EnsureLoadBalancer, Remove
from navarch.domain.openstack.view import View
from navarch.domain.spec import API_PORT
from navarch.domain.steps import Step


def open_endpoint(view: View, serving: frozenset[str]) -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.open_endpoint`."""
    subnet, balancer = view.subnet, view.balancer
    if not view.cloud.knows(LoadBalancer, Port) or subnet is None:
        return
    ports = [view.cloud.named(Port, name) for name in sorted(serving)]
    members = tuple(port.address for port in ports if port is not None)
    known = view.observed.record.api_internal_address
    name = api_load_balancer(view.owner)
    if balancer is None:
        if (members and len(members) == len(ports)) or known:
            # One that was lost is made anew with whom there is: other ports wait for its address.
            yield EnsureLoadBalancer(name, subnet.id, members, API_PORT, known)
        return
    if balancer.vip_subnet_id not in ("", subnet.id):
        if not is_going(balancer):
            why = "it is in another network than the machines"
            yield Remove(Kind.LOAD_BALANCER, balancer.id, balancer.name, why)
        return
    if balancer.provisioning_status == "ERROR":
        yield Remove(Kind.LOAD_BALANCER, balancer.id, balancer.name, "it could not be built")
        return
    # A port that was lost takes its member away until it is made anew, and the member with it: OVN would go on watching
    # the port that the member had at first.
    if balancer.provisioning_status == "ACTIVE" and serving and set(balancer.members) != set(members):
        yield EnsureLoadBalancer(name, subnet.id, members, API_PORT, balancer.vip_address)
    yield from _floating_ip(view, subnet, balancer)


def _floating_ip(view: View, subnet: Subnet, balancer: LoadBalancer) -> Iterator[Step]:
    routed = view.router is not None and subnet.id in view.router.subnet_ids  # else nobody outside reaches the balancer
    address = view.floating_ip
    if not routed or not view.cloud.knows(FloatingIP) or not balancer.vip_port_id:
        return
    if address is None or address.port_id != balancer.vip_port_id:
        external, known = view.cluster.spec.network.external_network_id, view.observed.record.api_public_address
        yield EnsureFloatingIP(api_load_balancer(view.owner), external, balancer.vip_port_id, known)
