"""Subnets. Those of external networks are seen by everybody."""

from ipaddress import ip_address

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict
from navarch.simulator.openstack.neutron import addresses, resources
from navarch.simulator.openstack.neutron.networks import NETWORK
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.region import Region

_NAME_SERVERS = 5
_IN_USE = "One or more ports have an IP allocation from this subnet"


def _visible(region: Region, subnet: Object, project_id: str) -> bool:
    network = region["network"].get(subnet["network_id"])
    return network is not None and bool(network["shared"] or network["router:external"])


SUBNET = Resource(
    "subnet",
    "subnet",
    ("Subnet {} could not be found.", "SubnetNotFound"),
    ("name", "description", "dns_nameservers", "enable_dhcp", "gateway_ip", "host_routes"),
    frozenset({"network_id", "cidr", "ip_version", "gateway_ip", "enable_dhcp"}),
    _visible,
)


def list_subnets(region: Region, request: Request) -> Answer:
    """GET /v2.0/subnets."""
    return resources.list_them(region, request, SUBNET)


def create_subnet(region: Region, request: Request) -> Answer:
    """POST /v2.0/subnets."""
    wanted = request.part("subnet")
    network = resources.own(region, request, NETWORK, str(wanted.get("network_id")), "update")
    cidr = addresses.network_of(wanted.get("cidr"))
    for other_id in network["subnets"]:
        other = region["subnet"].get(other_id)
        if other is not None and cidr.overlaps(addresses.network_of(other["cidr"])):
            said = f"Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network.id} overlaps"
            raise bad_request(f"{said} with another subnet.", "InvalidInput")
    body = {
        **resources.standard(region, request, wanted),
        "network_id": network.id,
        "ip_version": 4,
        "cidr": str(cidr),
        "gateway_ip": str(cidr[1]),
        "allocation_pools": [{"start": str(cidr[2]), "end": str(cidr[-2])}],
        "enable_dhcp": wanted.get("enable_dhcp", True),
        "dns_nameservers": _name_servers(wanted),
        "host_routes": [],
        "service_types": [],
        "subnetpool_id": None,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
    }
    resources.within_quota(region, body["project_id"], "subnet", region["subnet"].count(body["project_id"]))
    region["subnet"].add(body, body["project_id"])
    network["subnets"].append(body["id"])
    return Answer(201, {"subnet": body})


def show_subnet(region: Region, request: Request, subnet_id: str) -> Answer:
    """GET /v2.0/subnets/{id}."""
    return resources.show(region, request, SUBNET, subnet_id)


def update_subnet(region: Region, request: Request, subnet_id: str) -> Answer:
    """PUT /v2.0/subnets/{id}."""
    subnet, wanted = resources.own(region, request, SUBNET, subnet_id, "update"), request.part("subnet")
    if "dns_nameservers" in wanted:
        _name_servers(wanted)
    resources.change(region, subnet, SUBNET, wanted)
    return Answer(200, {"subnet": subnet.body})


def delete_subnet(region: Region, request: Request, subnet_id: str) -> Answer:
    """DELETE /v2.0/subnets/{id}, unless a port has an address of it."""
    subnet = resources.own(region, request, SUBNET, subnet_id, "delete")
    if addresses.used(region, subnet):
        raise conflict(f"Unable to complete operation on subnet {subnet_id}: {_IN_USE}.", "SubnetInUse")
    network = region["network"].get(subnet["network_id"])
    if network is not None:
        network["subnets"].remove(subnet_id)
    region["subnet"].drop(subnet)
    return Answer(204)


def _name_servers(wanted: Json) -> list[str]:
    servers = wanted.get("dns_nameservers") or []
    said = "Invalid input for dns_nameservers. Reason:"
    for server in servers:
        try:
            ip_address(server)
        except ValueError:
            raise bad_request(f"{said} '{server}' is not a valid nameserver.", "HTTPBadRequest") from None
        if servers.count(server) > 1:
            raise bad_request(f"{said} Duplicate nameserver '{server}'.", "HTTPBadRequest")
    if len(servers) > _NAME_SERVERS:
        said = "Unable to complete operation for new subnet. The number of DNS nameservers exceeds the limit"
        raise bad_request(f"{said} {_NAME_SERVERS}.", "DNSNameServersExhausted")
    return list(servers)


ROUTES = (
    ("GET", "/v2.0/subnets", list_subnets),
    ("POST", "/v2.0/subnets", create_subnet),
    ("GET", "/v2.0/subnets/{id}", show_subnet),
    ("PUT", "/v2.0/subnets/{id}", update_subnet),
    ("DELETE", "/v2.0/subnets/{id}", delete_subnet),
)
