"""Ports and volumes of servers that are there already."""

from navarch.simulator.openstack.cinder import volumes
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.neutron import ports
from navarch.simulator.openstack.nova import servers
from navarch.simulator.openstack.region import Region


def list_interfaces(region: Region, request: Request, server_id: str) -> Answer:
    """GET /servers/{id}/os-interface."""
    server = servers.own(region, request, server_id)
    found = [_interface(port) for port in ports.of_device(region, server.project_id, server.id)]
    return Answer(200, {"interfaceAttachments": found})


def attach_interface(region: Region, request: Request, server_id: str) -> Answer:
    """POST /servers/{id}/os-interface: a port that nobody has."""
    server, wanted = servers.own(region, request, server_id), request.part("interfaceAttachment")
    _check_settled(server, "attach_interface")
    port_id = str(wanted.get("port_id") or "")
    if not port_id:
        raise bad_request("Must input port_id")
    port = region["port"].get(port_id)
    if port is None or port.project_id != server.project_id:
        raise not_found(f"Port id {port_id} could not be found.")
    if port["device_id"]:
        raise conflict(f"Port {port_id} is still in use.")
    return Answer(200, {"interfaceAttachment": _interface(ports.bind(region, port_id, server, server.hidden["host"]))})


def detach_interface(region: Region, request: Request, server_id: str, port_id: str) -> Answer:
    """DELETE /servers/{id}/os-interface/{port}."""
    server, port = servers.own(region, request, server_id), region["port"].get(port_id)
    if port is None or port["device_id"] != server.id:
        raise not_found(f"Instance {server_id} does not have a port with id {port_id}")
    servers.check_lock(server)
    ports.unbind(region, port)
    return Answer(202)


def list_volumes(region: Region, request: Request, server_id: str) -> Answer:
    """GET /servers/{id}/os-volume_attachments."""
    server = servers.own(region, request, server_id)
    mine = (
        v for v in region["volume"].of(server.project_id) if any(a["server_id"] == server_id for a in v["attachments"])
    )
    return Answer(200, {"volumeAttachments": [_volume(server, v.id) for v in mine]})


def attach_volume(region: Region, request: Request, server_id: str) -> Answer:
    """POST /servers/{id}/os-volume_attachments: reserved now, attached a moment later."""
    server = servers.own(region, request, server_id)
    _check_settled(server, "attach_volume")
    volume_id = str(request.part("volumeAttachment").get("volumeId"))
    volume = volumes.reserve(region, server.project_id, volume_id)
    volume["status"] = "attaching"
    region.timeline.after(region.fates.volume_seconds, lambda: _attached(region, volume, server))
    return Answer(200, {"volumeAttachment": _volume(server, volume_id)})


def detach_volume(region: Region, request: Request, server_id: str, volume_id: str) -> Answer:
    """DELETE /servers/{id}/os-volume_attachments/{volume}."""
    servers.check_lock(servers.own(region, request, server_id))
    volume = region["volume"].get(volume_id)
    if volume is None or all(a["server_id"] != server_id for a in volume["attachments"]):
        raise not_found(f"volume_id not found: {volume_id}")
    volume["status"] = "detaching"
    region.timeline.after(region.fates.volume_seconds, lambda: volumes.detach(volume))
    return Answer(202)


def _attached(region: Region, volume: Object, server: Object) -> None:
    if volume["status"] != "attaching":
        return
    if server.gone is None and server["status"] != "DELETED":
        volumes.attach(region, volume, server.id)
    else:
        volumes.detach(volume)


def _check_settled(server: Object, action: str) -> None:
    servers.check_lock(server)
    if server["OS-EXT-STS:task_state"] is not None or server["status"] not in ("ACTIVE", "SHUTOFF"):
        raise servers.wrong_state(action, server)


def _interface(port: Object) -> Json:
    return {
        "port_id": port.id,
        "net_id": port["network_id"],
        "mac_addr": port["mac_address"],
        "port_state": port["status"],
        "fixed_ips": port["fixed_ips"],
        "tag": None,
    }


def _volume(server: Object, volume_id: str) -> Json:
    return {"id": volume_id, "volumeId": volume_id, "serverId": server.id, "device": "/dev/vdb", "tag": None,
            "delete_on_termination": volume_id == server.hidden["root_volume_id"]}  # fmt: skip


_PATH = "/v2.1/servers/{id}"
ROUTES = (
    ("GET", f"{_PATH}/os-interface", list_interfaces),
    ("POST", f"{_PATH}/os-interface", attach_interface),
    ("DELETE", f"{_PATH}/os-interface/{{port}}", detach_interface),
    ("GET", f"{_PATH}/os-volume_attachments", list_volumes),
    ("POST", f"{_PATH}/os-volume_attachments", attach_volume),
    ("DELETE", f"{_PATH}/os-volume_attachments/{{volume}}", detach_volume),
)
