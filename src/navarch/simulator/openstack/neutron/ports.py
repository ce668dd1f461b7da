"""Ports: addresses on a network, and who has them."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.neutron import addresses, resources, security_groups
from navarch.simulator.openstack.neutron.networks import NETWORK
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.neutron.subnets import SUBNET
from navarch.simulator.openstack.region import Region

COMPUTE, ROUTER_INTERFACE = "compute:", "network:router_interface"
PORT = Resource(
    "port",
    "port",
    ("Port {} could not be found.", "PortNotFound"),
    (
        *resources.STANDARD,
        "security_groups",
        "allowed_address_pairs",
        "device_id",
        "device_owner",
        "port_security_enabled",
    ),
    frozenset({"network_id", "device_id", "device_owner", "mac_address", "fixed_ips", "binding:host_id"}),
)


def list_ports(region: Region, request: Request) -> Answer:
    """GET /v2.0/ports."""
    return resources.list_them(region, request, PORT)


def create_port(region: Region, request: Request) -> Answer:
    """POST /v2.0/ports."""
    wanted = request.part("port")
    network = resources.find(region, request, NETWORK, str(wanted.get("network_id")))
    body = resources.standard(region, request, wanted)
    groups = wanted.get("security_groups")
    if groups is None:
        groups = [security_groups.default(region, body["project_id"]).id]
    for group_id in groups:
        resources.find(region, request, security_groups.SECURITY_GROUP, group_id)
    body |= {
        "network_id": network.id,
        "admin_state_up": True,
        "status": "DOWN",
        "mac_address": _mac_address(region, network, str(wanted.get("mac_address") or "")),
        "fixed_ips": _fixed_ips(region, request, network, wanted.get("fixed_ips")),
        "device_id": str(wanted.get("device_id") or ""),
        "device_owner": str(wanted.get("device_owner") or ""),
        "security_groups": list(groups),
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "port_security_enabled": True,
        "binding:vnic_type": "normal",
        "binding:host_id": "",
        "binding:vif_type": "unbound",
    }
    return Answer(201, {"port": add(region, body).body})


def add(region: Region, body: Json) -> Object:
    """A port, within the project's quota."""
    resources.within_quota(region, body["project_id"], "port", region["port"].count(body["project_id"]))
    return region["port"].add(body, body["project_id"])


def show_port(region: Region, request: Request, port_id: str) -> Answer:
    """GET /v2.0/ports/{id}."""
    return resources.show(region, request, PORT, port_id)


def update_port(region: Region, request: Request, port_id: str) -> Answer:
    """PUT /v2.0/ports/{id}."""
    port, wanted = resources.own(region, request, PORT, port_id, "update"), request.part("port")
    for group_id in wanted.get("security_groups", ()):
        resources.find(region, request, security_groups.SECURITY_GROUP, group_id)
    resources.change(region, port, PORT, wanted)
    return Answer(200, {"port": port.body})


def delete_port(region: Region, request: Request, port_id: str) -> Answer:
    """DELETE /v2.0/ports/{id}. A server's is deleted by services alone, a router's interface not at all."""
    port = resources.own(region, request, PORT, port_id, "delete")
    owner = port["device_owner"]
    if owner == ROUTER_INTERFACE:
        message = f"Port {port_id} cannot be deleted directly via the port API: has device owner {owner}."
        raise conflict(message, "ServicePortInUse")
    if owner.startswith(COMPUTE) and not request.scope.roles & {"admin", "service"}:
        raise resources.disallowed("rule:delete_port")
    remove(region, port)
    return Answer(204)


def remove(region: Region, port: Object) -> None:
    """Let a port be gone: the floating IP on it is on none, the server that had it has one fewer."""
    if not region["port"].drop(port):
        return
    for floating in region["floating IP"].of(port.project_id):
        if floating["port_id"] == port.id:
            floating.body |= {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}


def bind(region: Region, port_id: str, server: Object, host: str) -> Object:
    """Give a port to a server, as Nova does. Raises Refused where it is gone."""
    port = region["port"].get(port_id)
    if port is None:
        raise not_found(f"Port {port_id} could not be found.", "PortNotFound")
    port.body |= {
        "device_id": server.id,
        "device_owner": COMPUTE + server["OS-EXT-AZ:availability_zone"],
        "binding:host_id": host,
        "binding:vif_type": "ovs",
        "status": "ACTIVE",
    }
    resources.touch(region, port)
    return port


def unbind(region: Region, port: Object) -> None:
    """Take a port from its server."""
    port.body |= {
        "device_id": "",
        "device_owner": "",
        "binding:host_id": "",
        "binding:vif_type": "unbound",
        "status": "DOWN",
    }
    resources.touch(region, port)


def of_device(region: Region, project_id: str, device_id: str) -> list[Object]:
    """The ports that a server or a router has."""
    return [p for p in region["port"].of(project_id) if p["device_id"] == device_id]


def _mac_address(region: Region, network: Object, wanted: str) -> str:
    """The wanted one, which a network takes once, or any."""
    if not wanted:
        return "fa:16:3e:" + region.random.getrandbits(24).to_bytes(3).hex(":")
    if any(p["network_id"] == network.id and p["mac_address"] == wanted for p in region["port"].of(network.project_id)):
        message = f"Unable to complete operation for network {network.id}. The mac address {wanted} is in use."
        raise conflict(message, "MacAddressInUse")
    return wanted


def _fixed_ips(region: Region, request: Request, network: Object, wanted: list[Json] | None) -> list[Json]:
    if wanted is None:
        wanted = [{"subnet_id": subnet_id} for subnet_id in network["subnets"][:1]]
    found = []
    for address in wanted:
        subnet = resources.find(region, request, SUBNET, str(address.get("subnet_id")))
        if subnet["network_id"] != network.id:
            message = f"Invalid input for operation: Failed to create port on network {network.id}, because fixed_ips "
            raise bad_request(f"{message}included invalid subnet {subnet.id}.", "InvalidInput")
        ip = addresses.take(region, subnet, str(address.get("ip_address") or ""))
        found.append({"subnet_id": subnet.id, "ip_address": ip})
    return found


ROUTES = (
    ("GET", "/v2.0/ports", list_ports),
    ("POST", "/v2.0/ports", create_port),
    ("GET", "/v2.0/ports/{id}", show_port),
    ("PUT", "/v2.0/ports/{id}", update_port),
    ("DELETE", "/v2.0/ports/{id}", delete_port),
)
