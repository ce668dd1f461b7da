"""What becomes of a server: it is built or fails, is stopped and started, goes.

The API says yes to a new server at once. Its port is bound later, by the host that builds it: until then another server
may be asked for with the same port, and fails there. Volumes are reserved at once.
"""

from navarch.simulator.openstack.cinder import volumes
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Refused, not_found
from navarch.simulator.openstack.neutron import ports
from navarch.simulator.openstack.region import Region

STATES = {  # vm_state: status, power_state
    "building": ("BUILD", 0),
    "active": ("ACTIVE", 1),
    "stopped": ("SHUTOFF", 4),
    "suspended": ("SUSPENDED", 4),
    "paused": ("PAUSED", 3),
    "shelved_offloaded": ("SHELVED_OFFLOADED", 4),
    "rescued": ("RESCUE", 1),
    "error": ("ERROR", 0),
    "soft-delete": ("SOFT_DELETED", 4),
    "deleted": ("DELETED", 0),
}


def begin(region: Region, server: Object) -> None:
    """A new server: half of the time until it runs goes by until its port is bound."""
    region.timeline.after(region.fates.server_seconds / 2, lambda: _plug(region, server))


def enter(region: Region, server: Object, vm_state: str, task_state: str | None = None) -> None:
    """Give a server its state."""
    status, power = STATES[vm_state]
    server.body |= {
        "status": status,
        "OS-EXT-STS:vm_state": vm_state,
        "OS-EXT-STS:task_state": task_state,
        "OS-EXT-STS:power_state": power,
        "updated": region.stamp(),
    }


def switch(region: Region, server: Object, on: bool) -> None:
    """Start or stop a server: it takes its time."""
    server["OS-EXT-STS:task_state"] = "powering-on" if on else "powering-off"
    region.timeline.after(region.fates.server_seconds / 2, lambda: _switched(region, server, on))


def delete(region: Region, server: Object) -> None:
    """Begin to remove a server. Who asks again changes nothing."""
    if server["OS-EXT-STS:task_state"] != "deleting":
        server["OS-EXT-STS:task_state"] = "deleting"
        region.timeline.after(region.fates.removal_seconds, lambda: _deleted(region, server))


def delete_softly(region: Region, server: Object) -> None:
    """What Nova does with reclaim_instance_interval: the server is off and in no list, and keeps what it has."""
    if server["OS-EXT-STS:task_state"] not in ("deleting", "soft-deleting") and server["status"] != "SOFT_DELETED":
        server["OS-EXT-STS:task_state"] = "soft-deleting"
        region.timeline.after(region.fates.removal_seconds, lambda: _set_off(region, server))


def _set_off(region: Region, server: Object) -> None:
    if server["OS-EXT-STS:task_state"] == "soft-deleting":
        enter(region, server, "soft-delete")
        region.tell("off", server)


def vanish(region: Region, server: Object) -> None:
    """Let a server be gone at once, whatever it is doing: for who means harm."""
    if region["server"].drop(server):
        _let_go(region, server)
        region.tell("gone", server)


def _plug(region: Region, server: Object) -> None:
    if not _is_building(server):
        return
    server["OS-EXT-STS:task_state"] = "spawning"
    try:
        for port_id in server.hidden["port_ids"]:
            _bind(region, server, port_id)
        _make_root_volume(region, server)
    except Refused as refused:
        _fail(region, server, f"Build of instance {server.id} aborted: {refused.message}")
        return
    region.timeline.after(region.fates.server_seconds / 2, lambda: _built(region, server))


def _bind(region: Region, server: Object, port_id: str) -> None:
    port = region["port"].get(port_id)
    if port is None:
        raise not_found(f"Port id {port_id} could not be found.")
    if port["device_id"] and port["device_id"] != server.id:
        raise Refused(409, f"Port {port_id} is still in use.")
    ports.bind(region, port_id, server, server.hidden["host"])


def _make_root_volume(region: Region, server: Object) -> None:
    """Of a server that boots from one: it has no name."""
    if server.hidden["root_volume"] is not None:
        wanted = {
            **server.hidden["root_volume"],
            "name": "",
            "availability_zone": server["OS-EXT-AZ:availability_zone"],
        }
        made = volumes.make(region, server.project_id, server["user_id"], wanted)
        server.hidden["root_volume_id"] = made.id
        server.hidden["volume_ids"].append(made.id)


def _built(region: Region, server: Object) -> None:
    if not _is_building(server):
        return
    fault = region.fates.server_fault(server.name)
    if fault is not None:
        _fail(region, server, fault)
        return
    for volume_id in server.hidden["volume_ids"]:
        volume = region["volume"].get(volume_id)
        if volume is None:
            _fail(region, server, f"Build of instance {server.id} aborted: Volume {volume_id} could not be found.")
            return
        volumes.attach(region, volume, server.id)
    enter(region, server, "active")
    server["OS-SRV-USG:launched_at"] = server["updated"].rstrip("Z")
    region.tell("runs", server)


def _fail(region: Region, server: Object, fault: str) -> None:
    _let_go(region, server)
    enter(region, server, "error")
    server["fault"] = {"code": 500, "created": region.stamp(), "message": fault}


def _switched(region: Region, server: Object, on: bool) -> None:
    if server.gone is None and server["OS-EXT-STS:task_state"] in ("powering-on", "powering-off"):
        enter(region, server, "active" if on else "stopped")
        region.tell("on" if on else "off", server)


def _deleted(region: Region, server: Object) -> None:
    """Nova shows a server for a moment after its ports and volumes are free: DELETED, with no task any more."""
    if server.gone is None:
        _let_go(region, server)
        enter(region, server, "deleted")
        region.timeline.after(region.fates.deleted_seconds, lambda: region["server"].drop(server))
        region.tell("gone", server)


def _let_go(region: Region, server: Object) -> None:
    for port in ports.of_device(region, server.project_id, server.id):
        ports.unbind(region, port)
    for volume in region["volume"].of(server.project_id):
        mine = volume.id in server.hidden["volume_ids"]
        if mine or any(a["server_id"] == server.id for a in volume["attachments"]):
            volumes.detach(volume)
    server.hidden["volume_ids"] = []
    root = region["volume"].get(server.hidden["root_volume_id"])
    if root is not None and not region.fates.root_volume_is_left(server.name):
        root["status"] = "available" if root["status"] == "creating" else root["status"]
        volumes.remove(region, root)  # where Cinder refuses, it stays


def _is_building(server: Object) -> bool:
    building = server["OS-EXT-STS:vm_state"] == "building" and server["OS-EXT-STS:task_state"] != "deleting"
    return server.gone is None and building
