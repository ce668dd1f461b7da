"""Address ranges: what a cluster's three ranges must satisfy, each alone and against each other."""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError, ip_address, ip_network

from navarch.domain.errors import FieldError
from navarch.domain.offer import ExternalNetwork

NODE_PREFIX = 24  # of each node's share of the pod range
# Network, broadcast and gateway addresses, and the ports of metadata, API balancer and its health monitor.
_TAKEN_IN_NODE_RANGE = 6
_LONGEST_NODE_PREFIX, _SHORTEST_NODE_PREFIX = 27, 16
_SHORTEST_POD_PREFIX = 8
_LONGEST_SERVICE_PREFIX, _SHORTEST_SERVICE_PREFIX = 24, 12  # kube-apiserver refuses more than 20 bits
_NOT_FOR_MACHINES = tuple(
    IPv4Network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
)


def parse_ipv4(text: str) -> IPv4Network | str:
    """The range, or what is wrong with its text."""
    try:
        network = ip_network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        return f"{text[:60]!r} is not a range such as 10.0.0.0/24"
    if isinstance(network, IPv6Network):
        return "IPv6 ranges are not offered yet"
    if "/" not in text:
        return f"{text[:60]!r} has no prefix length; one address is {network}"
    try:
        ip_network(text)
    except ValueError:
        return f"{text[:60]!r} has host bits set; the range is {network}"
    if text != str(network):  # Python reads netmasks and more; Neutron and Kubernetes do not, or write it otherwise
        return f"{text[:60]!r} must be written as {network}"
    return network


def wrong_address(text: str) -> str | None:
    """What is wrong with the text of an address, or None."""
    try:
        address = ip_address(text)
    except ValueError:
        return f"{text[:60]!r} is not an IP address"
    if address.version == 6:
        return "IPv6 addresses are not offered yet"
    nobodys = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved
    return f"{address} is no address at which machines find a resolver" if nobodys else None


def check_ranges(
    ranges: dict[str, IPv4Network], *, nodes: int, external: ExternalNetwork | None
) -> Iterator[FieldError]:
    """Everything wrong with the ranges that could be parsed. Keys are `node_cidr`, `pod_cidr` and `service_cidr`;
    `nodes` is how many machines there may be at once."""
    for name, network in ranges.items():
        field = f"spec.network.{name}"
        for detail in (_wrong_size(name, network, nodes), _reserved(network), _external(network, external)):
            if detail is not None:
                yield FieldError(field, detail)
    names = list(ranges)
    for index, name in enumerate(names):
        for earlier in names[:index]:
            if ranges[name].overlaps(ranges[earlier]):
                yield FieldError(f"spec.network.{name}", f"{ranges[name]} overlaps {earlier} ({ranges[earlier]})")


def _wrong_size(name: str, network: IPv4Network, nodes: int) -> str | None:
    match name:
        case "node_cidr":
            return wrong_node_size(network, nodes)
        case "pod_cidr":
            return wrong_pod_size(network, nodes)
        case _:
            if not _SHORTEST_SERVICE_PREFIX <= network.prefixlen <= _LONGEST_SERVICE_PREFIX:
                return f"must be between /{_SHORTEST_SERVICE_PREFIX} and /{_LONGEST_SERVICE_PREFIX}, got {network}"
            return None


def wrong_node_size(network: IPv4Network, nodes: int) -> str | None:
    """Whether the machines fit."""
    if not _SHORTEST_NODE_PREFIX <= network.prefixlen <= _LONGEST_NODE_PREFIX:
        return f"must be between /{_SHORTEST_NODE_PREFIX} and /{_LONGEST_NODE_PREFIX}, got {network}"
    room = network.num_addresses - _TAKEN_IN_NODE_RANGE
    return None if nodes <= room else f"{network} has room for {room} machines, {nodes} may be needed at once"


def wrong_pod_size(network: IPv4Network, nodes: int) -> str | None:
    """Whether each node gets its share."""
    if not _SHORTEST_POD_PREFIX <= network.prefixlen <= NODE_PREFIX:
        return f"must be between /{_SHORTEST_POD_PREFIX} and /{NODE_PREFIX}: each node takes a /{NODE_PREFIX} of it"
    room = 2 ** (NODE_PREFIX - network.prefixlen)
    if nodes <= room:
        return None
    return f"{network} has a /{NODE_PREFIX} for {room} nodes, {nodes} may be needed at once"


def _reserved(network: IPv4Network) -> str | None:
    taken = next((r for r in _NOT_FOR_MACHINES if network.overlaps(r)), None)
    return None if taken is None else f"{network} overlaps {taken}, which is reserved"


def _external(network: IPv4Network, external: ExternalNetwork | None) -> str | None:
    for cidr in external.cidrs if external is not None else ():
        other = ip_network(cidr, strict=False)
        if isinstance(other, IPv4Network) and network.overlaps(other):
            return f"{network} overlaps {other} of the external network {external.name if external else ''}"
    return None
