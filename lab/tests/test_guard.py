"""The lab refuses a range that the machine already uses."""

import pytest

from navarch_lab.guard import conflicts, resolvers_of

LAB = "198.51.100.0/24"
OWN = "navarch0"


def route(destination: str, device: str = "eth0") -> dict[str, str]:
    return {"dst": destination, "dev": device}


def test_a_machine_with_ordinary_routes_is_fine() -> None:
    routes = [route("default"), route("192.0.2.0/24"), route("172.17.0.0/16", "docker0"), route("ff00::/8")]
    assert conflicts(LAB, routes, ["192.0.2.53", "fe80::1%eth0"], OWN) == []


@pytest.mark.parametrize("destination", ["198.51.100.0/24", "198.51.100.7", "198.51.0.0/16", "198.51.100.128/25"])
def test_a_route_that_overlaps_is_named_with_its_device(destination: str) -> None:
    assert conflicts(LAB, [route(destination, "tun0")], [], OWN) == [f"{destination} is already routed by tun0"]


def test_the_labs_own_veth_is_no_conflict() -> None:
    assert conflicts(LAB, [route("198.51.100.0/24", OWN), route("198.51.100.1", OWN)], [], OWN) == []


def test_a_route_without_prefix_says_nothing_about_a_range() -> None:
    assert conflicts(LAB, [route("0.0.0.0/0", "ppp0")], [], OWN) == []


def test_a_resolver_inside_the_range_is_a_conflict() -> None:
    assert conflicts(LAB, [], ["192.0.2.53", "198.51.100.53"], OWN) == ["the resolver 198.51.100.53 lies in it"]


def test_resolvers_are_read_from_nameserver_lines_only() -> None:
    text = "# nameserver 198.51.100.9\nsearch example.org\nnameserver 192.0.2.53\nnameserver\noptions ndots:1\n"
    assert resolvers_of(text) == ["192.0.2.53"]
