"""Networks: a project's own, and the operator's external ones, which everybody sees."""

from ipaddress import ip_network

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, conflict
from navarch.simulator.openstack.neutron import resources
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.site import ExternalNetwork

_FIRST_PUBLIC = 10  # the addresses before are the operator's own
_MTU = 1442  # bytes: what OVN's tunnels leave of 1500
_IN_USE = "There are one or more ports still in use on the network"


def _visible(region: Region, network: Object, project_id: str) -> bool:
    return bool(network["shared"] or network["router:external"])


NETWORK = Resource(
    "network",
    "network",
    ("Network {} could not be found.", "NetworkNotFound"),
    filters=frozenset({"router:external", "mtu"}),
    visible=_visible,
)


def list_networks(region: Region, request: Request) -> Answer:
    """GET /v2.0/networks."""
    return resources.list_them(region, request, NETWORK)


def create_network(region: Region, request: Request) -> Answer:
    """POST /v2.0/networks."""
    body = _body(region, request, request.part("network"))
    resources.within_quota(region, body["project_id"], "network", region["network"].count(body["project_id"]))
    region["network"].add(body, body["project_id"])
    return Answer(201, {"network": body})


def show_network(region: Region, request: Request, network_id: str) -> Answer:
    """GET /v2.0/networks/{id}."""
    return resources.show(region, request, NETWORK, network_id)


def update_network(region: Region, request: Request, network_id: str) -> Answer:
    """PUT /v2.0/networks/{id}."""
    network = resources.own(region, request, NETWORK, network_id, "update")
    resources.change(region, network, NETWORK, request.part("network"))
    return Answer(200, {"network": network.body})


def delete_network(region: Region, request: Request, network_id: str) -> Answer:
    """DELETE /v2.0/networks/{id}: with its subnets, unless a port is on it."""
    network = resources.own(region, request, NETWORK, network_id, "delete")
    if any(port["network_id"] == network_id for port in region["port"].of(network.project_id)):
        raise conflict(f"Unable to complete operation on network {network_id}. {_IN_USE}.", "NetworkInUse")
    for subnet_id in network["subnets"]:
        subnet = region["subnet"].get(subnet_id)
        if subnet is not None:
            region["subnet"].drop(subnet)
    region["network"].drop(network)
    return Answer(204)


def add_external(region: Region, network: ExternalNetwork) -> None:
    """A network of the operator's, with its one subnet."""
    request = Request("POST", "network", "")
    body = _body(region, request, {"name": network.name})
    subnet = resources.standard(region, request, {"name": f"{network.name}-subnet"})
    subnet |= {
        "network_id": network.id,
        "cidr": network.cidr,
        "ip_version": 4,
        "enable_dhcp": False,
        "gateway_ip": None,
    }
    body |= {"id": network.id, "router:external": True, "subnets": [subnet["id"]]}
    region["network"].add(body, "")
    first = int(ip_network(network.cidr).network_address) + _FIRST_PUBLIC
    region["subnet"].add(subnet, "", next=first, free=[], taken=set())


def _body(region: Region, request: Request, wanted: Json) -> Json:
    return {
        **resources.standard(region, request, wanted),
        "admin_state_up": wanted.get("admin_state_up", True),
        "status": "ACTIVE",
        "mtu": wanted.get("mtu", _MTU),
        "shared": False,
        "router:external": False,
        "subnets": [],
        "availability_zone_hints": [],
        "availability_zones": [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "port_security_enabled": True,
    }


ROUTES = (
    ("GET", "/v2.0/networks", list_networks),
    ("POST", "/v2.0/networks", create_network),
    ("GET", "/v2.0/networks/{id}", show_network),
    ("PUT", "/v2.0/networks/{id}", update_network),
    ("DELETE", "/v2.0/networks/{id}", delete_network),
)
