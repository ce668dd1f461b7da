"""Routers: a gateway to an external network, and an interface in each subnet that they connect."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.neutron import addresses, ports, resources
from navarch.simulator.openstack.neutron.networks import NETWORK
from navarch.simulator.openstack.neutron.ports import ROUTER_INTERFACE
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.neutron.subnets import SUBNET
from navarch.simulator.openstack.region import Region

ROUTER = Resource("router", "router", ("Router {} could not be found", "RouterNotFound"))


def list_routers(region: Region, request: Request) -> Answer:
    """GET /v2.0/routers."""
    return resources.list_them(region, request, ROUTER)


def create_router(region: Region, request: Request) -> Answer:
    """POST /v2.0/routers."""
    wanted = request.part("router")
    body = {
        **resources.standard(region, request, wanted),
        "admin_state_up": True,
        "status": "ACTIVE",
        "external_gateway_info": None,
        "routes": [],
        "flavor_id": None,
        "availability_zones": [],
        "availability_zone_hints": [],
        "enable_ndp_proxy": False,
    }
    resources.within_quota(region, body["project_id"], "router", region["router"].count(body["project_id"]))
    body["external_gateway_info"] = _gateway(region, request, wanted.get("external_gateway_info"))
    region["router"].add(body, body["project_id"])
    return Answer(201, {"router": body})


def show_router(region: Region, request: Request, router_id: str) -> Answer:
    """GET /v2.0/routers/{id}."""
    return resources.show(region, request, ROUTER, router_id)


def update_router(region: Region, request: Request, router_id: str) -> Answer:
    """PUT /v2.0/routers/{id}. The gateway stays while a floating IP needs it."""
    router, wanted = resources.own(region, request, ROUTER, router_id, "update"), dict(request.part("router"))
    if "external_gateway_info" in wanted:
        info = wanted.pop("external_gateway_info")
        had = router["external_gateway_info"] or {}
        if (info or {}).get("network_id") != had.get("network_id"):
            if had and any(f["router_id"] == router_id for f in region["floating IP"].of(router.project_id)):
                message = f"Gateway cannot be updated for router {router_id}, since a gateway to external network "
                message += f"{had['network_id']} is required by one or more floating IPs."
                raise conflict(message, "RouterExternalGatewayInUseByFloatingIp")
            _let_go_of_gateway(region, router)
            router["external_gateway_info"] = _gateway(region, request, info)
    resources.change(region, router, ROUTER, wanted)
    return Answer(200, {"router": router.body})


def delete_router(region: Region, request: Request, router_id: str) -> Answer:
    """DELETE /v2.0/routers/{id}, unless it has an interface."""
    router = resources.own(region, request, ROUTER, router_id, "delete")
    attached = interfaces(region, router)
    if attached:
        still = ", ".join(port.id for port in attached)
        raise conflict(f"Router {router_id} has ports still attached: {still}", "RouterInUse")
    _let_go_of_gateway(region, router)
    region["router"].drop(router)
    return Answer(204)


def add_interface(region: Region, request: Request, router_id: str) -> Answer:
    """PUT /v2.0/routers/{id}/add_router_interface: a port of the router's at the subnet's gateway address."""
    router = resources.own(region, request, ROUTER, router_id, "update")
    if not isinstance(request.body, dict) or not request.body.get("subnet_id"):
        raise bad_request("Bad router request: Either subnet_id or port_id must be specified.", "BadRequest")
    subnet = resources.find(region, request, SUBNET, str(request.body["subnet_id"]))
    _check_apart(region, router, subnet)
    gateway = subnet["gateway_ip"]
    if gateway in addresses.used(region, subnet):
        message = (
            f"Unable to complete operation for network {subnet['network_id']}. The IP address {gateway} is in use."
        )
        raise conflict(message, "IpAddressInUse")
    body = {
        **resources.standard(region, request, {}),
        "network_id": subnet["network_id"],
        "admin_state_up": True,
        "status": "ACTIVE",
        "mac_address": "fa:16:3e:" + region.random.getrandbits(24).to_bytes(3).hex(":"),
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": gateway}],
        "device_id": router_id,
        "device_owner": ROUTER_INTERFACE,
        "security_groups": [],
        "binding:host_id": "",
    }
    port = ports.add(region, body)
    return Answer(200, _about(router, port))


def remove_interface(region: Region, request: Request, router_id: str) -> Answer:
    """PUT /v2.0/routers/{id}/remove_router_interface, by port or by subnet, unless a floating IP needs it."""
    router = resources.own(region, request, ROUTER, router_id, "update")
    wanted = request.body if isinstance(request.body, dict) else {}
    port = next((p for p in interfaces(region, router) if _meant(p, wanted)), None)
    if port is None and wanted.get("port_id"):
        message = f"Router {router_id} does not have an interface with id {wanted['port_id']}"
        raise not_found(message, "RouterInterfaceNotFound")
    if port is None:
        message = f"Router {router_id} has no interface on subnet {wanted.get('subnet_id')}"
        raise not_found(message, "RouterInterfaceNotFoundForSubnet")
    subnet_id = port["fixed_ips"][0]["subnet_id"]
    if any(
        _is_behind(region, floating, router_id, subnet_id) for floating in region["floating IP"].of(router.project_id)
    ):
        message = (
            f"Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, as it is required by "
        )
        raise conflict(f"{message}one or more floating IPs.", "RouterInterfaceInUseByFloatingIP")
    ports.remove(region, port)
    return Answer(200, _about(router, port))


def interfaces(region: Region, router: Object) -> list[Object]:
    """The ports of a router in subnets."""
    return [p for p in ports.of_device(region, router.project_id, router.id) if p["device_owner"] == ROUTER_INTERFACE]


def to_the_outside(region: Region, subnet_id: str, project_id: str, external_id: str = "") -> Object | None:
    """The router by which a subnet reaches an external network (this one, where one is given)."""
    for port in region["port"].of(project_id):
        if port["device_owner"] == ROUTER_INTERFACE and port["fixed_ips"][0]["subnet_id"] == subnet_id:
            router = region["router"].get(port["device_id"])
            gateway = router["external_gateway_info"] if router is not None else None
            if gateway and external_id in ("", gateway["network_id"]):
                return router
    return None


def _gateway(region: Region, request: Request, info: Json | None) -> Json | None:
    if not info:
        return None
    network = resources.find(region, request, NETWORK, str(info.get("network_id")))
    if not network["router:external"]:
        message = f"Bad router request: Network {network.id} is not an external network."
        raise bad_request(message, "BadRequest")
    address = addresses.public(region, network)
    return {"network_id": network.id, "enable_snat": True, "external_fixed_ips": [address]}


def _let_go_of_gateway(region: Region, router: Object) -> None:
    for address in (router["external_gateway_info"] or {}).get("external_fixed_ips", ()):
        addresses.give_back(region, address["subnet_id"], address["ip_address"])
    router["external_gateway_info"] = None


def _check_apart(region: Region, router: Object, subnet: Object) -> None:
    """Raises Refused where the router has the subnet already, or another with addresses of it."""
    cidr = addresses.network_of(subnet["cidr"])
    for port in interfaces(region, router):
        other = region["subnet"].get(port["fixed_ips"][0]["subnet_id"])
        if other is None:
            continue
        if other.id == subnet.id:
            raise bad_request(f"Bad router request: Router already has a port on subnet {subnet.id}.", "BadRequest")
        if cidr.overlaps(addresses.network_of(other["cidr"])):
            message = f"Bad router request: Cidr {cidr} of subnet {subnet.id} overlaps with cidr {other['cidr']} of "
            raise bad_request(f"{message}subnet {other.id}.", "BadRequest")


def _is_behind(region: Region, floating: Object, router_id: str, subnet_id: str) -> bool:
    port = region["port"].get(floating["port_id"])
    if port is None or floating["router_id"] != router_id:
        return False
    return any(address["subnet_id"] == subnet_id for address in port["fixed_ips"])


def _meant(port: Object, wanted: Json) -> bool:
    subnet_id = port["fixed_ips"][0]["subnet_id"]
    return bool(
        wanted.get("port_id") == port.id or (not wanted.get("port_id") and wanted.get("subnet_id") == subnet_id)
    )


def _about(router: Object, port: Object) -> Json:
    subnet_id = port["fixed_ips"][0]["subnet_id"]
    return {
        "id": router.id,
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "port_id": port.id,
        "network_id": port["network_id"],
        "subnet_id": subnet_id,
        "subnet_ids": [subnet_id],
    }


ROUTES = (
    ("GET", "/v2.0/routers", list_routers),
    ("POST", "/v2.0/routers", create_router),
    ("GET", "/v2.0/routers/{id}", show_router),
    ("PUT", "/v2.0/routers/{id}", update_router),
    ("DELETE", "/v2.0/routers/{id}", delete_router),
    ("PUT", "/v2.0/routers/{id}/add_router_interface", add_interface),
    ("PUT", "/v2.0/routers/{id}/remove_router_interface", remove_interface),
)
