"""Two objects of one name: which one stays, and when nobody can tell."""

from dataclasses import replace

import pytest
from tests.unit.domain.clusters import NOW, TEMPLATE, WANTED, cluster, look, shown
from tests.unit.domain.clusters import unread as with_unread
from tests.unit.domain.test_plan import grown

from navarch.domain import names
from navarch.domain.machines import Machine
from navarch.domain.openstack.names import etcd_volume
from navarch.domain.openstack.resources import (
    FloatingIP,
    Kind,
    LoadBalancer,
    Network,
    Port,
    Router,
    SecurityGroup,
    Server,
    Subnet,
    Volume,
)
from navarch.domain.openstack.steps import (
    EnsureFloatingIP,
    EnsureLoadBalancer,
    EnsureNetwork,
    EnsurePort,
    EnsureSubnet,
    Remove,
)
from navarch.domain.plan import plan
from navarch.domain.spec import Role


def test_of_two_networks_the_one_with_the_subnet_stays_though_the_other_is_older() -> None:
    seen = grown(cluster())
    (network,) = seen.cloud.of(Network)
    empty = replace(network, id="empty")
    seen = replace(seen, cloud=shown(seen.cloud, networks=(empty, network)))
    steps = plan(cluster(), seen, WANTED, now=NOW)
    assert [(s.kind, s.id) for s in steps if isinstance(s, Remove)] == [(Kind.NETWORK, "empty")]


def test_of_two_networks_with_subnets_the_one_behind_the_router_stays_and_what_is_in_the_other_goes() -> None:
    seen = grown(cluster())
    (network,), (subnet,) = seen.cloud.of(Network), seen.cloud.of(Subnet)
    (balancer,) = seen.cloud.of(LoadBalancer)
    name = "shop-3f2a91bc-web-3"
    other = replace(network, id="other")
    cloud = shown(
        seen.cloud,
        networks=(other, network),
        subnets=(replace(subnet, id="other subnet", network_id="other"), subnet),
        ports=(*(seen.cloud.of(Port)), Port("stray", name, "10.0.0.99", network_id="other")),
        load_balancers=(replace(balancer, vip_subnet_id="other subnet"),),
    )
    machines = (*seen.record.machines, Machine(name, Role.WORKER, "web", 3, "z1", NOW, TEMPLATE))
    steps = plan(cluster(workers=3), look(seen, cloud=cloud, machines=machines), WANTED, now=NOW)
    removed = [(s.kind, s.id) for s in steps if isinstance(s, Remove)]
    assert removed == [(Kind.PORT, "stray"), (Kind.LOAD_BALANCER, balancer.id)]
    assert not any(isinstance(s, EnsurePort | EnsureLoadBalancer) for s in steps)  # when those are gone
    free = shown(cloud, ports=seen.cloud.of(Port), load_balancers=(replace(balancer, vip_subnet_id=subnet.id),))
    steps = plan(cluster(workers=3), look(seen, cloud=free, machines=machines), WANTED, now=NOW)
    assert [(s.kind, s.id) for s in steps if isinstance(s, Remove)] == [(Kind.NETWORK, "other")]


@pytest.mark.parametrize("unread", [Kind.NETWORK, Kind.SUBNET, Kind.PORT])
def test_no_second_one_goes_while_nobody_can_tell_who_uses_it(unread: Kind) -> None:
    seen = grown(cluster())
    (network,), (router,) = seen.cloud.of(Network), seen.cloud.of(Router)
    groups = seen.cloud.of(SecurityGroup)
    cloud = shown(
        seen.cloud,
        networks=(network, replace(network, id="n2")),
        routers=(router, replace(router, id="r2")),
        security_groups=(*groups, *(replace(g, id=f"{g.id} 2") for g in groups)),
    )
    going = {s.kind for s in plan(cluster(), replace(seen, cloud=cloud), WANTED, now=NOW) if isinstance(s, Remove)}
    assert going == {Kind.NETWORK, Kind.SECURITY_GROUP}
    blind = with_unread(replace(seen, cloud=cloud), unread)
    going = {s.kind for s in plan(cluster(), blind, WANTED, now=NOW) if isinstance(s, Remove)}
    assert going <= ({Kind.NETWORK, Kind.SECURITY_GROUP} if unread is not Kind.PORT else set())


def test_a_network_that_only_its_subnet_tells_of_is_not_made_again() -> None:
    seen = grown(cluster())
    steps = plan(cluster(), replace(seen, cloud=shown(seen.cloud, networks=())), WANTED, now=NOW)
    assert not any(isinstance(s, EnsureNetwork | EnsureSubnet) for s in steps)
    (network,) = seen.cloud.of(Network)
    other = shown(seen.cloud, networks=(replace(network, id="other"),))
    assert not any(isinstance(s, EnsureSubnet) for s in plan(cluster(), replace(seen, cloud=other), WANTED, now=NOW))
    gone = shown(seen.cloud, networks=(), subnets=())
    assert any(isinstance(s, EnsureNetwork) for s in plan(cluster(), replace(seen, cloud=gone), WANTED, now=NOW))


def test_of_two_balancers_of_the_api_the_one_machines_were_told_of_stays_though_the_other_is_older() -> None:
    seen = look(grown(cluster()), api_internal_address="<internal address>")
    (balancer,) = seen.cloud.of(LoadBalancer)
    older = replace(balancer, id="older", vip_address="10.0.0.8", vip_port_id="older port")
    both = replace(seen, cloud=shown(seen.cloud, load_balancers=(older, balancer)))
    assert plan(cluster(), both, WANTED, now=NOW) == (
        Remove(Kind.LOAD_BALANCER, "older", balancer.name, "there are two of it"),
    )
    going = replace(older, provisioning_status="PENDING_DELETE")
    both = replace(seen, cloud=shown(seen.cloud, load_balancers=(going, balancer)))
    assert plan(cluster(), both, WANTED, now=NOW) == ()


def test_a_balancer_with_another_address_than_machines_were_told_of_is_not_taken_for_the_lost_one() -> None:
    seen = look(grown(cluster()), api_internal_address="<internal address>")
    (balancer,) = seen.cloud.of(LoadBalancer)
    other = replace(balancer, id="other", vip_address="10.0.0.8", vip_port_id="other port")
    steps = plan(cluster(), replace(seen, cloud=shown(seen.cloud, load_balancers=(other,))), WANTED, now=NOW)
    assert [s.address for s in steps if isinstance(s, EnsureLoadBalancer)] == ["<internal address>"]
    assert not any(isinstance(s, Remove) for s in steps)


def test_of_two_balancers_none_of_whose_addresses_is_known_the_first_stays() -> None:
    seen = grown(cluster())
    (balancer,) = seen.cloud.of(LoadBalancer)
    second = replace(balancer, id="second", vip_address="10.0.0.8", vip_port_id="second port")
    both = replace(seen, cloud=shown(seen.cloud, load_balancers=(balancer, second)))
    assert [s.id for s in plan(cluster(), both, WANTED, now=NOW) if isinstance(s, Remove)] == ["second"]


def test_of_two_floating_addresses_of_the_api_the_one_on_its_balancer_stays() -> None:
    seen = look(grown(cluster()), api_public_address="198.51.100.7")
    (address,) = seen.cloud.of(FloatingIP)
    known = replace(address, id="known", address="198.51.100.7", port_id=None)
    both = replace(seen, cloud=shown(seen.cloud, floating_ips=(known, address)))
    assert plan(cluster(), both, WANTED, now=NOW) == (
        Remove(Kind.FLOATING_IP, "known", address.name, "there are two of it"),
    )
    loose = replace(address, port_id=None)  # neither is on it: the one that kubeconfigs name is put there
    both = replace(seen, cloud=shown(seen.cloud, floating_ips=(loose, known)))
    steps = plan(cluster(), both, WANTED, now=NOW)
    assert [s.address for s in steps if isinstance(s, EnsureFloatingIP)] == ["198.51.100.7"]
    assert [s.id for s in steps if isinstance(s, Remove)] == [address.id]


def test_of_two_servers_of_one_name_the_one_in_error_goes() -> None:
    seen = grown(cluster())
    name = "shop-3f2a91bc-web-1"
    broken = Server("broken", name, "ERROR", "z1", created_at=NOW)
    seen = replace(seen, cloud=shown(seen.cloud, servers=(*(seen.cloud.of(Server)), broken)))
    steps = plan(cluster(), seen, WANTED, now=NOW)
    assert [s.id for s in steps if isinstance(s, Remove)] == ["broken"]


def test_the_second_of_two_objects_of_one_name_goes() -> None:
    seen = grown(cluster())
    name = etcd_volume(names.owner(cluster()), 0)
    seen = replace(seen, cloud=seen.cloud.having(Volume("second", name, "available", "z1")))
    (step,) = plan(cluster(), seen, WANTED, now=NOW)
    assert isinstance(step, Remove) and step.id == "second"
