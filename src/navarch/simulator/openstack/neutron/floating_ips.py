"""Floating IPs: public addresses on ports whose subnet a router connects to the external network."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.neutron import addresses, resources, routers
from navarch.simulator.openstack.neutron.networks import NETWORK
from navarch.simulator.openstack.neutron.ports import PORT
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.region import Region

FLOATING_IP = Resource(
    "floating IP",
    "floatingip",
    ("Floating IP {} could not be found", "FloatingIPNotFound"),
    ("description",),
    frozenset({"floating_network_id", "floating_ip_address", "port_id", "router_id", "fixed_ip_address"}),
)


def list_floating_ips(region: Region, request: Request) -> Answer:
    """GET /v2.0/floatingips."""
    return resources.list_them(region, request, FLOATING_IP)


def create_floating_ip(region: Region, request: Request) -> Answer:
    """POST /v2.0/floatingips. A certain address is for administrators and managers, unless members may choose, too."""
    wanted = request.part("floatingip")
    network = resources.find(region, request, NETWORK, str(wanted.get("floating_network_id")))
    address = str(wanted.get("floating_ip_address") or "")
    if address and not (region.site.limits.choose_floating_address or request.scope.roles & {"admin", "manager"}):
        raise resources.disallowed("(rule:create_floatingip and rule:create_floatingip:floating_ip_address)")
    if not network["router:external"]:
        message = f"Invalid input for operation: Network {network.id} is not a valid external network."
        raise bad_request(message, "BadRequest")
    body = {
        **resources.standard(region, request, wanted),
        "status": "DOWN",
        "floating_network_id": network.id,
        **_association(region, request, network.id, wanted.get("port_id")),
    }
    del body["name"]
    project_id = body["project_id"]
    resources.within_quota(region, project_id, "floatingip", region["floating IP"].count(project_id))
    taken = addresses.public(region, network, address)
    body["floating_ip_address"] = taken["ip_address"]
    floating = region["floating IP"].add(body, project_id, subnet_id=taken["subnet_id"])
    region.public_addresses[taken["ip_address"]] = floating
    return Answer(201, {"floatingip": body})


def show_floating_ip(region: Region, request: Request, floating_id: str) -> Answer:
    """GET /v2.0/floatingips/{id}."""
    return resources.show(region, request, FLOATING_IP, floating_id)


def update_floating_ip(region: Region, request: Request, floating_id: str) -> Answer:
    """PUT /v2.0/floatingips/{id}: another port, or none; another description."""
    floating = resources.own(region, request, FLOATING_IP, floating_id, "update")
    wanted = dict(request.part("floatingip"))
    if "port_id" in wanted:
        network_id = floating["floating_network_id"]
        floating.body |= _association(region, request, network_id, wanted.pop("port_id"), floating)
    resources.change(region, floating, FLOATING_IP, wanted)
    return Answer(200, {"floatingip": floating.body})


def delete_floating_ip(region: Region, request: Request, floating_id: str) -> Answer:
    """DELETE /v2.0/floatingips/{id}."""
    remove(region, resources.own(region, request, FLOATING_IP, floating_id, "delete"))
    return Answer(204)


def remove(region: Region, floating: Object) -> None:
    """Let an address go."""
    if region["floating IP"].drop(floating):
        region.public_addresses.pop(floating["floating_ip_address"], None)
        addresses.give_back(region, floating.hidden["subnet_id"], floating["floating_ip_address"])


def _association(
    region: Region, request: Request, network_id: str, port_id: str | None, floating: Object | None = None
) -> Json:
    """What a floating IP says of its port. Raises Refused where the port cannot have it."""
    if not port_id:
        return {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}
    port = resources.find(region, request, PORT, port_id)
    if not port["fixed_ips"]:
        message = (
            f"Invalid input for operation: Cannot add floating IP to port {port_id} that has no fixed IPv4 addresses."
        )
        raise bad_request(message, "BadRequest")
    fixed = port["fixed_ips"][0]
    router = routers.to_the_outside(region, fixed["subnet_id"], port.project_id, network_id)
    if router is None:
        message = (
            f"External network {network_id} is not reachable from subnet {fixed['subnet_id']}.  Therefore, cannot "
        )
        message += f"associate Port {port_id} with a Floating IP."
        raise not_found(message, "ExternalGatewayForFloatingIPNotFound")
    other = next(
        (f for f in region["floating IP"].of(port.project_id) if f["port_id"] == port_id and f is not floating), None
    )
    if other is not None:
        mine = f"{floating['floating_ip_address']} ({floating.id})" if floating is not None else "None (None)"
        message = (
            f"Cannot associate floating IP {mine} with port {port_id} using fixed IP {fixed['ip_address']}, as that "
        )
        message += f"fixed IP already has a floating IP on external network {network_id}."
        raise conflict(message, "FloatingIPPortAlreadyAssociated")
    return {"port_id": port_id, "fixed_ip_address": fixed["ip_address"], "router_id": router.id, "status": "ACTIVE"}


ROUTES = (
    ("GET", "/v2.0/floatingips", list_floating_ips),
    ("POST", "/v2.0/floatingips", create_floating_ip),
    ("GET", "/v2.0/floatingips/{id}", show_floating_ip),
    ("PUT", "/v2.0/floatingips/{id}", update_floating_ip),
    ("DELETE", "/v2.0/floatingips/{id}", delete_floating_ip),
)
