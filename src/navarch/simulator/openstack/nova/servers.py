"""Servers: listed, asked for, shown, renamed, deleted."""

import base64
import binascii
import re
from collections.abc import Iterable
from hashlib import sha224
from typing import Any

from navarch.simulator.openstack import pages
from navarch.simulator.openstack.cinder import volumes
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.nova import lifecycle, offer, server_groups
from navarch.simulator.openstack.nova.tags import MOST_TAGS, check_tag
from navarch.simulator.openstack.region import Region

_LONGEST, _LONGEST_USER_DATA = 255, 65535  # characters; user-data in base64
_HOSTS = 4  # of each zone


def list_servers(region: Region, request: Request) -> Answer:
    """GET /servers: ids and names."""
    page, following = _found(region, request)
    short = [{"id": s.id, "name": s["name"], "links": _links(request, s.id)} for s in page]
    return Answer(200, pages.linked({"servers": short}, "servers", following))


def list_in_detail(region: Region, request: Request) -> Answer:
    """GET /servers/detail."""
    page, following = _found(region, request)
    addresses = _addresses(region, {s.project_id for s in page})
    shown = [_shown(region, request, s, addresses) for s in page]
    return Answer(200, pages.linked({"servers": shown}, "servers", following))


def show_server(region: Region, request: Request, server_id: str) -> Answer:
    """GET /servers/{id}."""
    server = own(region, request, server_id)
    return Answer(200, {"server": _shown(region, request, server, _addresses(region, {server.project_id}))})


def update_server(region: Region, request: Request, server_id: str) -> Answer:
    """PUT /servers/{id}: another name or description."""
    server, wanted = own(region, request, server_id), request.part("server")
    if "name" in wanted:
        check_text("name", wanted["name"])
        server["name"] = wanted["name"]
    return show_server(region, request, server_id)


def delete_server(region: Region, request: Request, server_id: str) -> Answer:
    """DELETE /servers/{id}."""
    server = own(region, request, server_id)
    check_lock(server)
    remove = lifecycle.delete_softly if region.site.keeps_deleted_servers else lifecycle.delete
    remove(region, server)
    return Answer(204)


def create_server(region: Region, request: Request) -> Answer:
    """POST /servers: one that boots from an image, on ports and with volumes that are there."""
    wanted, project_id = request.part("server"), request.scope.project_id
    _check(wanted)
    flavor = offer.usable(region, request, str(wanted.get("flavorRef")))
    if flavor is None:
        raise bad_request(f"Flavor {wanted.get('flavorRef')} could not be found.")
    zone = wanted.get("availability_zone") or region.site.zones[0]
    if zone not in region.site.zones:
        raise bad_request("The requested availability zone is not available")
    root = _root_volume(region, wanted)
    image = _image(region, request, wanted, flavor, root)
    port_ids = [str(n["port"]) for n in wanted.get("networks") or () if isinstance(n, dict) and n.get("port")]
    _check_ports(region, project_id, port_ids)
    group = server_groups.hinted(region, project_id, request.body.get("os:scheduler_hints") or {})
    offer.within_quota(region, project_id, {"instances": 1, "cores": flavor["vcpus"], "ram": flavor["ram"]})
    server_groups.within_quota(region, group)
    reserved = _reserve(region, project_id, wanted)
    server_id = region.new_id()
    server = region["server"].add(
        _body(region, request, wanted, server_id, flavor, image, zone),
        project_id,
        user_data=str(wanted.get("user_data") or ""),
        port_ids=port_ids,
        volume_ids=[volume.id for volume in reserved],
        root_volume=root,
        root_volume_id="",
        host=_host(region, zone, group),
        flavor=flavor.body,
    )
    if group is not None:
        group["members"].append(server_id)
    lifecycle.begin(region, server)
    body = {
        "id": server_id,
        "links": _links(request, server_id),
        "OS-DCF:diskConfig": "MANUAL",
        "security_groups": [{"name": "default"}],
        "adminPass": region.new_hex_id()[:12],
    }
    return Answer(202, {"server": body}, {"Location": f"{request.url}/v2.1/servers/{server_id}"})


# -- for Nova's other modules


def own(region: Region, request: Request, server_id: str) -> Object:
    """A server of the caller's. Raises Refused; one that is DELETED is shown by lists alone."""
    server = region["server"].get(server_id)
    visible = server is not None and (server.project_id == request.scope.project_id or request.scope.is_admin)
    if server is None or not visible or server["status"] == "DELETED":
        raise not_found(f"Instance {server_id} could not be found.")
    return server


def check_text(name: str, value: Any) -> None:
    """Raises Refused for a text that is none, empty, or too long; Nova quotes it."""
    said = f"Invalid input for field/attribute {name}. Value: {value}."
    if not isinstance(value, str):
        raise bad_request(f"{said} {value!r} is not of type 'string'")
    if not value or len(value) > _LONGEST:
        raise bad_request(f"{said} '{value}' is too {'long' if value else 'short'}")


def wrong_state(action: str, server: Object) -> Refused:
    """What is said where a server's state does not allow it."""
    task = server["OS-EXT-STS:task_state"]
    attribute, state = ("task_state", task) if task else ("vm_state", server["OS-EXT-STS:vm_state"])
    return conflict(f"Cannot '{action}' instance {server.id} while it is in {attribute} {state}")


def check_lock(server: Object) -> None:
    """Whether it may be changed: not where somebody locked it. Raises Refused."""
    if server["locked"]:
        raise conflict(f"Instance {server.id} is locked")


# -- details


def _found(region: Region, request: Request) -> tuple[list[Object], str]:
    everybody = request.scope.is_admin and request.one("all_tenants") in ("1", "True", "true")
    found: Iterable[Object] = region["server"].listed(None if everybody else request.scope.project_id, request.lag)
    found = [s for s in found if s["status"] != "SOFT_DELETED"]
    if tags := request.one("tags"):
        wanted = set(tags.split(","))
        found = [s for s in found if wanted <= set(s["tags"])]
    if name := request.one("name"):
        try:
            pattern = re.compile(name)
        except re.error:
            raise bad_request(f"Invalid input for query parameters name. Value: {name}.") from None
        found = [s for s in found if pattern.search(s["name"])]
    if status := request.one("status"):
        found = [s for s in found if s["status"] == status.upper()]
    missing = bad_request(f"marker [{request.one('marker')}] not found")
    return pages.page(request, pages.newest_first(found, "created"), region.site.limits.nova_page, missing)


def _shown(region: Region, request: Request, server: Object, addresses: dict[str, Json]) -> Json:
    shown = {**server.body, "addresses": addresses.get(server.id, {}), "links": _links(request, server.id)}
    attached = [
        v for v in region["volume"].of(server.project_id) if any(a["server_id"] == server.id for a in v["attachments"])
    ]
    goes_along = server.hidden["root_volume_id"]
    shown["os-extended-volumes:volumes_attached"] = [
        {"id": v.id, "delete_on_termination": v.id == goes_along} for v in attached
    ]
    if request.scope.is_admin:
        shown["OS-EXT-SRV-ATTR:host"] = server.hidden["host"]
        shown["OS-EXT-SRV-ATTR:user_data"] = server.hidden["user_data"]
    return shown


def _addresses(region: Region, project_ids: set[str]) -> dict[str, Json]:
    """Of every server of the projects, by the name of the network."""
    found: dict[str, Json] = {}
    for project_id in project_ids:
        floating: dict[str, list[str]] = {}
        for address in region["floating IP"].of(project_id):
            floating.setdefault(address["port_id"] or "", []).append(address["floating_ip_address"])
        for port in region["port"].of(project_id):
            if not port["device_owner"].startswith("compute:"):
                continue
            network = region["network"].get(port["network_id"])
            name = network.name if network is not None else port["network_id"]
            given = [("fixed", ip["ip_address"]) for ip in port["fixed_ips"]]
            given += [("floating", address) for address in floating.get(port.id, ())]
            found.setdefault(port["device_id"], {}).setdefault(name, []).extend(
                {
                    "version": 4,
                    "addr": address,
                    "OS-EXT-IPS:type": type_,
                    "OS-EXT-IPS-MAC:mac_addr": port["mac_address"],
                }
                for type_, address in given
            )
    return found


def _body(
    region: Region, request: Request, wanted: Json, server_id: str, flavor: Object, image: Object, zone: str
) -> Json:
    now = region.stamp()
    return {
        "id": server_id,
        "name": wanted["name"],
        "status": "BUILD",
        "OS-EXT-STS:vm_state": "building",
        "OS-EXT-STS:task_state": "scheduling",
        "OS-EXT-STS:power_state": 0,
        "OS-EXT-AZ:availability_zone": zone,
        "OS-DCF:diskConfig": "MANUAL",
        "OS-SRV-USG:launched_at": None,
        "OS-SRV-USG:terminated_at": None,
        "tenant_id": request.scope.project_id,
        "user_id": request.scope.user_id,
        "hostId": sha224(f"{request.scope.project_id}{zone}".encode()).hexdigest(),
        "image": {"id": image.id, "links": []} if wanted.get("imageRef") else "",
        "flavor": {
            "original_name": flavor["name"],
            "vcpus": flavor["vcpus"],
            "ram": flavor["ram"],
            "disk": flavor["disk"],
            "ephemeral": 0,
            "swap": 0,
            "extra_specs": dict(flavor["extra_specs"]),
        },
        "metadata": dict(wanted.get("metadata") or {}),
        "tags": list(wanted.get("tags") or ()),
        "created": now,
        "updated": now,
        "config_drive": "True" if wanted.get("config_drive") else "",
        "key_name": wanted.get("key_name"),
        "accessIPv4": "",
        "accessIPv6": "",
        "progress": 0,
        "locked": False,
        "description": wanted.get("description"),
        "security_groups": [{"name": "default"}],
        "trusted_image_certificates": None,
    }


def _check(wanted: Json) -> None:
    check_text("name", wanted.get("name"))
    user_data = wanted.get("user_data")
    if user_data is not None:
        said = f"Invalid input for field/attribute user_data. Value: {user_data}."
        if len(user_data) > _LONGEST_USER_DATA:
            raise bad_request(f"{said} '{user_data}' is too long")
        try:
            base64.b64decode(user_data, validate=True)
        except (binascii.Error, ValueError):
            raise bad_request(f"{said} '{user_data}' is not a 'base64'") from None
    for key, value in (wanted.get("metadata") or {}).items():
        check_text(key, value)
    tags = wanted.get("tags") or []
    if len(tags) > MOST_TAGS:
        raise bad_request(f"Invalid input for field/attribute tags. Value: {tags}. {tags} is too long")
    for tag in tags:
        check_tag(tag)


def _root_volume(region: Region, wanted: Json) -> Json | None:
    """What Cinder is asked for where the server is to boot from a volume that is made of an image; None: it is not."""
    devices = wanted.get("block_device_mapping_v2") or ()
    first = next((d for d in devices if d.get("boot_index") == 0 and d.get("destination_type") == "volume"), None)
    if first is None:
        return None
    if first.get("source_type") != "image" or not isinstance(first.get("volume_size"), int):
        raise bad_request("Block Device Mapping is Invalid: images need a size to become a volume.")
    type_ = first.get("volume_type")
    if type_ is not None and all(type_ not in (t.name, t.id) for t in region["volume type"]):
        raise bad_request(f"Volume type {type_} could not be found.")
    if not first.get("delete_on_termination"):
        raise bad_request("This simulator has root volumes that go with their servers alone.")
    return {"size": first["volume_size"], "volume_type": type_, "imageRef": str(first.get("uuid"))}


def _image(region: Region, request: Request, wanted: Json, flavor: Object, root: Json | None) -> Object:
    image = region["image"].get(str(root["imageRef"] if root is not None else wanted.get("imageRef")))
    hidden = image is not None and image["visibility"] == "private" and image.project_id != request.scope.project_id
    if image is None or hidden:
        raise bad_request("Can not find requested image")
    if image["status"] != "active":
        raise bad_request(f"Image {image.id} is not active.")
    if not flavor["disk"] and root is None:
        raise Refused(403, "Only volume-backed servers are allowed for flavors with zero disk.")
    if image["min_ram"] > flavor["ram"]:
        raise bad_request("Flavor's memory is too small for requested image.")
    if root is not None and image["min_disk"] > root["size"]:
        sizes = f"Volume size is {root['size'] << 30} bytes, minimum size is {image['min_disk'] << 30} bytes."
        raise bad_request(f"Volume is smaller than the minimum size specified in image metadata. {sizes}")
    if root is None and image["min_disk"] > flavor["disk"]:
        sizes = f"Flavor disk is {flavor['disk'] << 30} bytes, minimum size is {image['min_disk'] << 30} bytes."
        raise bad_request(f"Flavor's disk is smaller than the minimum size specified in image metadata. {sizes}")
    return image


def _check_ports(region: Region, project_id: str, port_ids: list[str]) -> None:
    for port_id in port_ids:
        port = region["port"].get(port_id)
        if port is None or port.project_id != project_id:
            raise bad_request(f"Port id {port_id} could not be found.")
        if port["device_id"]:
            raise conflict(f"Port {port_id} is still in use.")
        if not port["fixed_ips"]:
            raise bad_request(f"Port {port_id} requires a FixedIP in order to be used.")


def _reserve(region: Region, project_id: str, wanted: Json) -> list[Object]:
    """The volumes that the server is to have, all or none."""
    asked = [str(d["uuid"]) for d in wanted.get("block_device_mapping_v2") or () if d.get("source_type") == "volume"]
    reserved: list[Object] = []
    try:
        for volume_id in asked:
            reserved.append(volumes.reserve(region, project_id, volume_id))
    except Refused as refused:
        for volume in reserved:
            volumes.detach(volume)
        if refused.status == 404:
            raise bad_request(
                f"Block Device Mapping is Invalid: failed to get volume {asked[len(reserved)]}."
            ) from None
        raise
    return reserved


def _host(region: Region, zone: str, group: Object | None) -> str:
    """The one of the zone's hosts that has fewest servers of the group."""
    hosts = [f"{zone}-host-{number}" for number in range(1, _HOSTS + 1)]
    members = [region["server"].get(id_) for id_ in group["members"]] if group is not None else []
    used = [server.hidden["host"] for server in members if server is not None]
    start = region.random.randrange(_HOSTS)
    return min(hosts[start:] + hosts[:start], key=used.count)


def _links(request: Request, server_id: str) -> list[Json]:
    return [{"rel": "self", "href": f"{request.url}/v2.1/servers/{server_id}"}]


ROUTES = (
    ("GET", "/v2.1/servers", list_servers),
    ("POST", "/v2.1/servers", create_server),
    ("GET", "/v2.1/servers/detail", list_in_detail),
    ("GET", "/v2.1/servers/{id}", show_server),
    ("PUT", "/v2.1/servers/{id}", update_server),
    ("DELETE", "/v2.1/servers/{id}", delete_server),
)
