"""What the plan relies on where a list lagged: which of two objects is meant, and what the cloud takes only once."""

import pytest
from tests.contract.built import Built, new_owner, until
from tests.contract.stage import Stage, clear

from navarch.domain import names
from navarch.domain.errors import Conflict, Permanent
from navarch.domain.openstack import names as objects
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import FloatingIP, LoadBalancer, Network, Port, Router, Subnet

pytestmark = pytest.mark.timeout(600)


def test_a_balancer_is_the_one_of_its_address_and_a_port_has_one_floating_ip(stage: Stage) -> None:
    made, other = Built(stage, stage.cloud(), new_owner(stage.project_id)), new_owner(stage.project_id)
    cloud, owner = made.cloud, made.owner
    name, api, external = objects.network(owner), objects.api_load_balancer(owner), stage.props.external_network
    try:
        network = made.do(steps.EnsureNetwork(name), Network)
        subnet = made.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24"), Subnet)
        made.do(steps.EnsureRouter(name, external, subnet.id), Router)
        first = made.do(steps.EnsureLoadBalancer(api, subnet.id, ("10.0.0.50",)), LoadBalancer)
        second = made.do(steps.EnsureLoadBalancer(api, subnet.id, ("10.0.0.50",), address="10.0.0.240"), LoadBalancer)
        assert (second.id != first.id, second.vip_address) == (True, "10.0.0.240")
        for balancer in (first, second):
            asked = steps.EnsureLoadBalancer(api, subnet.id, ("10.0.0.50",), address=balancer.vip_address)
            assert made.do(asked, LoadBalancer).id == balancer.id
        floating = made.do(steps.EnsureFloatingIP(api, external, first.vip_port_id), FloatingIP)
        with pytest.raises(Conflict):
            cloud.carry_out(other, steps.EnsureFloatingIP("other", external, first.vip_port_id))
        moved = made.do(steps.EnsureFloatingIP(api, external, second.vip_port_id), FloatingIP)
        assert (moved.id, moved.port_id) == (floating.id, second.vip_port_id)
        until(made, lambda state: {b.provisioning_status for b in state.of(LoadBalancer)} == {"ACTIVE"})
    finally:
        clear(stage, cloud, owner)
        clear(stage, cloud, other)


def test_what_cannot_be_there_twice_is_refused(stage: Stage) -> None:
    """Lists may lag, what Neutron refuses does not: so a machine has no second port, and thus no second server. A port
    with the machine's MAC address is the machine's, whatever it says of itself."""
    first, second = new_owner(stage.project_id), new_owner(stage.project_id)
    cloud, machine, external = stage.cloud(), names.control_plane_machine(first, 0), stage.props.external_network
    made = {owner: Built(stage, cloud, owner) for owner in (first, second)}
    try:
        networks, subnets = {}, {}
        for owner, its in made.items():
            network = its.do(steps.EnsureNetwork(objects.network(owner)), Network)
            subnet = its.do(steps.EnsureSubnet(objects.network(owner), network.id, "10.0.0.0/24"), Subnet)
            networks[owner], subnets[owner] = network.id, subnet.id
        stage.foreign_port(networks[first], subnets[first], objects.mac_address(first, machine))
        assert cloud.observe(first).of(Port) == (), "it says nothing of a cluster"
        port = made[first].do(steps.EnsurePort(machine, networks[first], subnets[first], ()), Port)
        assert [(p.id, p.name) for p in cloud.observe(first).of(Port)] == [(port.id, machine)], "no second one"
        with pytest.raises(Permanent):  # a subnet of another network
            cloud.carry_out(second, steps.EnsurePort(machine, networks[second], subnets[first], ()))
        made[first].do(steps.EnsureRouter(objects.network(first), external, subnets[first]), Router)
        with pytest.raises(Permanent):  # the same addresses twice behind a router
            cloud.carry_out(first, steps.EnsureRouter(objects.network(first), external, subnets[second]))
    finally:
        stage.remove_foreign()
        clear(stage, cloud, first)
        clear(stage, cloud, second)
