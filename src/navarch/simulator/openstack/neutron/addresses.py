"""Which address of a subnet is whose."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Json, Refused, bad_request, conflict
from navarch.simulator.openstack.region import Region

_WINDOW = 10  # free addresses from which one is drawn
_KEPT_BACK = 64  # addresses that were given back and are not given out again yet


def network_of(cidr: object) -> IPv4Network:
    """A range as a subnet has it. Raises Refused where it is none, or has bits beside the network's."""
    try:
        found = ip_network(str(cidr))
    except ValueError:
        raise bad_request(
            f"Invalid input for cidr. Reason: '{cidr}' is not a valid IP subnet.", "HTTPBadRequest"
        ) from None
    if not isinstance(found, IPv4Network):
        raise bad_request("Invalid input for operation: only IPv4 is simulated.", "InvalidInput")
    return found


def used(region: Region, subnet: Object) -> set[str]:
    """Every address of the subnet that a port has."""
    return {
        ip["ip_address"]
        for port in region["port"].of(subnet.project_id)
        for ip in port["fixed_ips"]
        if ip["subnet_id"] == subnet.id
    }


def take(region: Region, subnet: Object, wanted: str) -> str:
    """An address for a port: the wanted one if it is free, else one of the first that are. Raises Refused."""
    taken = used(region, subnet)
    network = network_of(subnet["cidr"])
    if wanted:
        try:
            inside = ip_address(wanted) in network
        except ValueError:
            inside = False
        if not inside or wanted == str(network.network_address):
            raise bad_request(f"IP address {wanted} is not a valid IP for the specified subnet.", "InvalidIpForSubnet")
        if wanted in taken:
            message = f"IP address {wanted} already allocated in subnet {subnet.id}"
            raise conflict(message, "IpAddressAlreadyAllocated")
        return wanted
    window: list[str] = []
    for pool in subnet["allocation_pools"]:
        for number in range(int(IPv4Address(pool["start"])), int(IPv4Address(pool["end"])) + 1):
            address = str(IPv4Address(number))
            if address not in taken:
                window.append(address)
            if len(window) == _WINDOW:
                break
    if not window:
        message = f"No more IP addresses available on network {subnet['network_id']}."
        raise conflict(message, "IpAddressGenerationFailure")
    return region.random.choice(window)


def public(region: Region, network: Object, wanted: str = "") -> Json:
    """An address of an external network's first subnet, as a fixed IP. Raises Refused."""
    subnet = region["subnet"].get(network["subnets"][0]) if network["subnets"] else None
    if subnet is None:
        raise _exhausted(network)
    given = subnet.hidden
    if wanted:
        if ip_address(wanted) not in network_of(subnet["cidr"]):
            raise bad_request(f"IP address {wanted} is not a valid IP for the specified subnet.", "InvalidIpForSubnet")
        if wanted in given["taken"]:
            message = f"IP address {wanted} already allocated in subnet {subnet.id}"
            raise conflict(message, "IpAddressAlreadyAllocated")
        address = wanted
    else:
        address = _next_public(network, subnet)
    given["taken"].add(address)
    return {"subnet_id": subnet.id, "ip_address": address}


def give_back(region: Region, subnet_id: str, address: str) -> None:
    """A public address is free again: given out late, so that who still holds it does not meet another at once."""
    subnet = region["subnet"].get(subnet_id)
    if subnet is not None and address in subnet.hidden["taken"]:
        subnet.hidden["taken"].discard(address)
        subnet.hidden["free"].append(address)


def _next_public(network: Object, subnet: Object) -> str:
    given, last = subnet.hidden, int(network_of(subnet["cidr"]).broadcast_address)
    while len(given["free"]) > _KEPT_BACK or (given["free"] and given["next"] >= last):
        address: str = given["free"].pop(0)
        if address not in given["taken"]:
            return address
    while given["next"] < last:
        address = str(IPv4Address(given["next"]))
        given["next"] += 1
        if address not in given["taken"]:
            return address
    raise _exhausted(network)


def _exhausted(network: Object) -> Refused:
    return bad_request(f"Unable to find any IP address on external network {network.id}.", "ExternalIpAddressExhausted")
