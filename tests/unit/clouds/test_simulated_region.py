"""What the simulated region refuses it refuses whole."""

import pytest

from navarch.clouds.simulator import Region, Request, Timeline
from navarch.domain.errors import Permanent
from navarch.domain.offer import Offer
from navarch.domain.openstack.resources import Kind


def asks(kind: Kind, name: str) -> Request:
    return Request("POST", kind, "project", name)


def test_a_balancer_without_room_for_its_port_is_not_made() -> None:
    region = Region(Timeline(), Offer())
    region.projects.add("project")
    network = region.create_network(asks(Kind.NETWORK, "net"), "owner")
    subnet = region.create_subnet(asks(Kind.SUBNET, "net"), "owner", network.id, "10.0.0.0/24")
    region.limits["project", "ports"] = region.used("project", "ports")
    with pytest.raises(Permanent, match="ports"):
        region.create_balancer(asks(Kind.LOAD_BALANCER, "api"), "owner", subnet.id, ())
    assert not list(region.things(Kind.LOAD_BALANCER))
    assert not [t for t in region.things(Kind.PORT) if "octavia" in t.resource.name]
