"""Load balancers: PENDING_CREATE, then ACTIVE or ERROR; who is PENDING lets nobody change it.

The address is on a port that Octavia makes in the project when it is asked for the balancer: where Neutron refuses the
port there is no balancer.
"""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.neutron import addresses, ports, resources
from navarch.simulator.openstack.neutron.subnets import SUBNET
from navarch.simulator.openstack.octavia import parts, states
from navarch.simulator.openstack.octavia.listing import listed
from navarch.simulator.openstack.region import Region

_LONGEST = 255


def list_balancers(region: Region, request: Request) -> Answer:
    """GET /v2/lbaas/loadbalancers."""
    return listed(region, request, "load balancer", "loadbalancers")


def create_balancer(region: Region, request: Request) -> Answer:
    """POST /v2/lbaas/loadbalancers: one alone, or whole with listeners, pools, members and monitors."""
    wanted, project_id = request.part("loadbalancer"), request.scope.project_id
    provider = str(wanted.get("provider") or region.site.balancer_providers[0])
    _check(region, wanted, provider)
    subnet = resources.find(region, request, SUBNET, str(wanted.get("vip_subnet_id")))
    states.within_quota(region, project_id, "load balancer", "load_balancer", "Load Balancer")
    parts.check_whole(region, project_id, wanted, provider)
    id_ = region.new_id()
    try:
        vip = _vip_port(region, request, id_, subnet, str(wanted.get("vip_address") or ""))
    except Refused as refused:
        said = f"HttpException: {refused.status}: Client Error, {refused.message}"
        raise Refused(500, f"Provider '{provider}' reports error: {said}") from refused
    now = states.moment(region)
    body: Json = {
        "id": id_,
        "name": wanted.get("name") or "",
        "description": wanted.get("description") or "",
        "project_id": project_id,
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "admin_state_up": True,
        "vip_address": vip["fixed_ips"][0]["ip_address"],
        "vip_port_id": vip.id,
        "vip_subnet_id": subnet.id,
        "vip_network_id": subnet["network_id"],
        "additional_vips": [],
        "listeners": [],
        "pools": [],
        "provider": provider,
        "flavor_id": None,
        "availability_zone": None,
        "tags": list(wanted.get("tags") or ()),
        "created_at": now,
        "updated_at": None,
    }
    balancer = region["load balancer"].add(body, project_id)
    parts.add_whole(region, balancer, wanted)
    status = region.fates.balancer_status(balancer.name)
    if status is not None:
        region.timeline.after(
            region.fates.balancer_seconds, lambda: states.settle(region, balancer, "PENDING_CREATE", status)
        )
    return Answer(201, {"loadbalancer": dict(body)})


def show_balancer(region: Region, request: Request, balancer_id: str) -> Answer:
    """GET /v2/lbaas/loadbalancers/{id}."""
    return Answer(200, {"loadbalancer": own(region, request, balancer_id).body})


def show_status(region: Region, request: Request, balancer_id: str) -> Answer:
    """GET /v2/lbaas/loadbalancers/{id}/status: what it consists of."""
    return Answer(200, {"statuses": {"loadbalancer": parts.tree(region, own(region, request, balancer_id))}})


def update_balancer(region: Region, request: Request, balancer_id: str) -> Answer:
    """PUT /v2/lbaas/loadbalancers/{id}: name, description, tags."""
    balancer, wanted = own(region, request, balancer_id), request.part("loadbalancer")
    _check_text(wanted)
    _check_settled(balancer)
    balancer.body |= {key: wanted[key] for key in ("name", "description", "tags", "admin_state_up") if key in wanted}
    states.change(region, balancer)
    return Answer(200, {"loadbalancer": balancer.body})


def delete_balancer(region: Region, request: Request, balancer_id: str) -> Answer:
    """DELETE /v2/lbaas/loadbalancers/{id}, with all that belongs to it where `cascade` says so."""
    balancer = own(region, request, balancer_id)
    if (balancer["listeners"] or balancer["pools"]) and request.one("cascade").lower() not in ("true", "1"):
        raise bad_request(f"Validation failure: Cannot delete Load Balancer {balancer_id} - it has children")
    _check_settled(balancer)
    balancer["provisioning_status"] = "PENDING_DELETE"
    region.timeline.after(region.fates.removal_seconds, lambda: remove(region, balancer))
    return Answer(204)


# -- for Octavia's other modules, and for who lets things happen


def own(region: Region, request: Request, balancer_id: str) -> Object:
    """A balancer of the caller's. Raises Refused."""
    balancer = region["load balancer"].get(balancer_id)
    if balancer is None or not (balancer.project_id == request.scope.project_id or request.scope.is_admin):
        raise not_found(f"Load Balancer {balancer_id} not found.")
    return balancer


def remove(region: Region, balancer: Object) -> None:
    """Let a balancer be gone with its parts and its port."""
    if region["load balancer"].drop(balancer):
        parts.remove(region, balancer)
        port = region["port"].get(balancer["vip_port_id"])
        if port is not None:
            ports.remove(region, port)


def _check(region: Region, wanted: Json, provider: str) -> None:
    _check_text(wanted)
    if provider not in region.site.balancer_providers:
        raise bad_request(f"Provider '{provider}' is not enabled.")
    if not wanted.get("vip_subnet_id"):
        raise bad_request("Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.")


def _check_text(wanted: Json) -> None:
    for name in ("name", "description"):
        if len(str(wanted.get(name) or "")) > _LONGEST:
            raise bad_request(f"Invalid input for field/attribute {name}. Value: '{wanted[name]}'. Value should have a "
                              f"maximum character requirement of {_LONGEST}")  # fmt: skip


def _check_settled(balancer: Object) -> None:
    status = balancer["provisioning_status"]
    if status.startswith("PENDING_"):
        raise conflict(f"Invalid state {status} of loadbalancer resource {balancer.id}")


def _vip_port(region: Region, request: Request, balancer_id: str, subnet: Object, address: str) -> Object:
    body = {
        **resources.standard(region, request, {"name": f"ovn-lb-vip-{balancer_id}"}),
        "network_id": subnet["network_id"],
        "admin_state_up": True,
        "status": "DOWN",
        "mac_address": "fa:16:3e:" + region.random.getrandbits(24).to_bytes(3).hex(":"),
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": addresses.take(region, subnet, address)}],
        "device_id": f"lb-{balancer_id}",
        "device_owner": "ovn-lb:vip",
        "security_groups": [],
        "binding:host_id": "",
    }
    return ports.add(region, body)


_PATH = "/lbaas/loadbalancers"
ROUTES = (
    ("GET", _PATH, list_balancers),
    ("POST", _PATH, create_balancer),
    ("GET", f"{_PATH}/{{id}}", show_balancer),
    ("GET", f"{_PATH}/{{id}}/status", show_status),
    ("PUT", f"{_PATH}/{{id}}", update_balancer),
    ("DELETE", f"{_PATH}/{{id}}", delete_balancer),
)
