"""Volumes: creating, available; reserved for a server, in-use; deleting."""

import ast
from collections.abc import Iterable

from navarch.simulator.openstack import pages
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, not_found
from navarch.simulator.openstack.region import Region

_FILTERS = {"name", "status", "metadata", "availability_zone", "size", "created_at", "updated_at", "volume_id"}
_CONTROLS = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}
_LONGEST = 255
_REMOVABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")


def list_volumes(region: Region, request: Request, project_id: str) -> Answer:
    """GET /volumes: ids and names."""
    page, following = _found(region, request, project_id)
    short = [{"id": v.id, "name": v["name"], "links": []} for v in page]
    return Answer(200, pages.linked({"volumes": short}, "volumes", following))


def list_in_detail(region: Region, request: Request, project_id: str) -> Answer:
    """GET /volumes/detail."""
    page, following = _found(region, request, project_id)
    return Answer(200, pages.linked({"volumes": [v.body for v in page]}, "volumes", following))


def create_volume(region: Region, request: Request, project_id: str) -> Answer:
    """POST /volumes."""
    own_project(request, project_id)
    volume = make(region, project_id, request.scope.user_id, request.part("volume"))
    return Answer(202, {"volume": dict(volume.body)})


def show_volume(region: Region, request: Request, project_id: str, volume_id: str) -> Answer:
    """GET /volumes/{id}."""
    return Answer(200, {"volume": own(region, request, project_id, volume_id).body})


def update_volume(region: Region, request: Request, project_id: str, volume_id: str) -> Answer:
    """PUT /volumes/{id}: name, description, metadata."""
    volume, wanted = own(region, request, project_id, volume_id), request.part("volume")
    _check_name(wanted)
    check_metadata(wanted.get("metadata") or {})
    volume.body |= {key: wanted[key] for key in ("name", "description", "metadata") if key in wanted}
    return Answer(200, {"volume": volume.body})


def update_metadata(region: Region, request: Request, project_id: str, volume_id: str) -> Answer:
    """POST /volumes/{id}/metadata: what is given is added or replaced. PUT: it takes the place of all."""
    volume, wanted = own(region, request, project_id, volume_id), request.part("metadata")
    check_metadata(wanted)
    kept = volume["metadata"] if request.method == "POST" else {}
    volume["metadata"] = {**kept, **wanted}
    return Answer(200, {"metadata": volume["metadata"]})


def delete_volume(region: Region, request: Request, project_id: str, volume_id: str) -> Answer:
    """DELETE /volumes/{id}, unless it is attached or has snapshots."""
    volume = own(region, request, project_id, volume_id)
    if not remove(region, volume):
        raise bad_request(
            f"Invalid volume: Volume status must be {' or '.join(_REMOVABLE)} and must not be migrating, attached, "
            "belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume "
            "transfer."
        )
    return Answer(202)


# -- for the other services


def make(region: Region, project_id: str, user_id: str, wanted: Json) -> Object:
    """A new volume; with an `imageRef` one that can be booted from. Raises Refused."""
    size, type_, zone = wanted.get("size"), wanted.get("volume_type"), wanted.get("availability_zone")
    if not isinstance(size, int) or size <= 0:
        raise bad_request(f"Invalid input received: Volume size '{size}' must be an integer and greater than 0")
    _check_name(wanted)
    check_metadata(wanted.get("metadata") or {})
    _check_place(region, project_id, type_, zone)
    within_quota(region, project_id, "volume", size)
    now = moment(region)
    body: Json = {
        "id": region.new_id(),
        "name": wanted.get("name"),
        "description": wanted.get("description"),
        "status": "creating",
        "size": size,
        "volume_type": type_ or "__DEFAULT__",
        "availability_zone": zone or region.site.zones_of_volumes[0],
        "metadata": dict(wanted.get("metadata") or {}),
        "attachments": [],
        "created_at": now,
        "updated_at": now,
        "user_id": user_id,
        "bootable": "true" if wanted.get("imageRef") else "false",
        "encrypted": False,
        "multiattach": False,
        "snapshot_id": wanted.get("snapshot_id"),
        "source_volid": None,
        "replication_status": None,
        "consistencygroup_id": None,
        "os-vol-tenant-attr:tenant_id": project_id,
        "links": [],
    }
    volume = region["volume"].add(body, project_id)
    region.timeline.after(region.fates.volume_seconds, lambda: settle(volume, "creating", "available"))
    return volume


def reserve(region: Region, project_id: str, volume_id: str) -> Object:
    """Keep a volume for a server that is to come. Raises Refused where it is not free."""
    volume = region["volume"].get(volume_id)
    if volume is None or volume.project_id != project_id:
        raise not_found(f"Volume {volume_id} could not be found.")
    if volume["status"] != "available":
        said = f"Invalid volume: Volume {volume_id} status must be available or downloading to reserve, but the current"
        raise bad_request(f"{said} status is {volume['status']}.")
    volume["status"] = "reserved"
    return volume


def attach(region: Region, volume: Object, server_id: str) -> None:
    """The volume is on the server."""
    attachment = {
        "id": volume.id,
        "attachment_id": region.new_id(),
        "volume_id": volume.id,
        "server_id": server_id,
        "host_name": None,
        "device": "/dev/vdb",
        "attached_at": moment(region),
    }
    volume.body |= {"status": "in-use", "attachments": [attachment]}


def detach(volume: Object) -> None:
    """The volume is on no server any more."""
    if volume["status"] in ("reserved", "attaching", "in-use", "detaching"):
        volume.body |= {"status": "available", "attachments": []}


def remove(region: Region, volume: Object) -> bool:
    """Begin to remove a volume; False: it is attached, or has snapshots."""
    has_snapshots = any(s["volume_id"] == volume.id for s in region["snapshot"].of(volume.project_id))
    if volume["status"] not in _REMOVABLE or volume["attachments"] or has_snapshots:
        return False
    volume["status"] = "deleting"
    region.timeline.after(region.fates.removal_seconds, lambda: region["volume"].drop(volume))
    return True


def settle(found: Object, since: str, status: str) -> None:
    """Something became what it was to become, unless something else happened to it."""
    if found["status"] == since:
        found["status"] = status


# -- for Cinder's other modules


def own_project(request: Request, project_id: str) -> None:
    """Raises Refused where the path is another project's."""
    if project_id != request.scope.project_id:
        raise bad_request("Malformed request url")


def own(region: Region, request: Request, project_id: str, volume_id: str) -> Object:
    """A volume of the caller's. Raises Refused."""
    own_project(request, project_id)
    volume = region["volume"].get(volume_id)
    if volume is None or not (volume.project_id == project_id or request.scope.is_admin):
        raise not_found(f"Volume {volume_id} could not be found.")
    return volume


def listed(region: Region, request: Request, kind: str, project_id: str) -> tuple[list[Object], str]:
    """A page of a list, filtered as the query says."""
    own_project(request, project_id)
    everybody = request.scope.is_admin and request.one("all_tenants") in ("1", "True", "true")
    found: Iterable[Object] = region[kind].listed(None if everybody else project_id, request.lag)
    for name in request.query:
        if name not in _CONTROLS:
            found = _filtered(found, name, request.one(name))
    missing = not_found(f"{kind.capitalize()} {request.one('marker')} could not be found.")
    return pages.page(request, pages.newest_first(found, "created_at"), region.site.limits.cinder_page, missing)


def check_metadata(metadata: Json) -> None:
    """Raises Refused for what Cinder does not keep."""
    for key, value in metadata.items():
        if not key or len(key) > _LONGEST or not isinstance(value, str) or len(value) > _LONGEST:
            raise bad_request(f"Invalid input for field/attribute metadata. Value: {metadata}. '{value}' is too long")


def moment(region: Region) -> str:
    """Now, as Cinder writes it."""
    return region.now().strftime("%Y-%m-%dT%H:%M:%S.%f")


def _found(region: Region, request: Request, project_id: str) -> tuple[list[Object], str]:
    return listed(region, request, "volume", project_id)


def _filtered(found: Iterable[Object], name: str, value: str) -> list[Object]:
    if name not in _FILTERS:
        raise bad_request(f"Invalid filters {name} are found in query options.")
    if name != "metadata":
        return [o for o in found if str(o.body.get(name)) == value]
    try:
        wanted = ast.literal_eval(value)  # as Cinder does
        pairs = wanted.items()
    except (ValueError, SyntaxError, AttributeError):
        return []
    return [o for o in found if all(o.body["metadata"].get(k) == v for k, v in pairs)]


def _check_name(wanted: Json) -> None:
    for key in ("name", "description"):
        text = wanted.get(key)
        if text is not None and len(str(text)) > _LONGEST:
            raise bad_request(f"Invalid input for field/attribute {key}. Value: {text}. '{text}' is too long")


def _check_place(region: Region, project_id: str, type_: str | None, zone: str | None) -> None:
    usable = (t for t in region["volume type"] if region.is_for(t, project_id))
    found = next((t for t in usable if t.name == type_ or t.id == type_), None)
    if type_ is not None and found is None:
        raise not_found(f"Volume type with name {type_} could not be found.")
    if zone is not None and zone not in region.site.zones_of_volumes:
        raise bad_request(f"Invalid input received: Availability zone '{zone}' is invalid.")
    zones = str(found["extra_specs"].get("RESKEY:availability_zones", "")) if found is not None else ""
    if zone is not None and zones and zone not in zones.split(","):
        raise bad_request(f"Volume type is only supported in these availability zones: {zones}")


def used_gigabytes(region: Region, project_id: str) -> int:
    """What a project's volumes and snapshots count for."""
    return sum(found["size"] for kind in ("volume", "snapshot") for found in region[kind].of(project_id))


def within_quota(region: Region, project_id: str, kind: str, size: int) -> None:
    """Raises Refused where there is no room for one more of a kind, volume or snapshot, of so many GiB."""
    used, retry = used_gigabytes(region, project_id), {"Retry-After": "0"}
    gigabytes, count = region.limit(project_id, "gigabytes"), region.limit(project_id, f"{kind}s")
    if 0 <= gigabytes < used + size:
        message = (
            f"Requested volume or snapshot exceeds allowed gigabytes quota. Requested {size}G, quota is {gigabytes}G "
        )
        raise Refused(413, f"{message}and {used}G has been consumed.", headers=retry)
    if 0 <= count < region[kind].count(project_id) + 1:
        message = f"Maximum number of {kind}s allowed ({count}) exceeded for quota '{kind}s'."
        raise Refused(413, message, headers=retry)


_PATH = "/v3/{project}/volumes"
ROUTES = (
    ("GET", _PATH, list_volumes),
    ("POST", _PATH, create_volume),
    ("GET", f"{_PATH}/detail", list_in_detail),
    ("GET", f"{_PATH}/{{id}}", show_volume),
    ("PUT", f"{_PATH}/{{id}}", update_volume),
    ("DELETE", f"{_PATH}/{{id}}", delete_volume),
    ("POST", f"{_PATH}/{{id}}/metadata", update_metadata),
    ("PUT", f"{_PATH}/{{id}}/metadata", update_metadata),
)
