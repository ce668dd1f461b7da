"""Volume types, zones, the project's limits, Cinder's own services."""

from navarch.simulator.openstack.cinder import volumes
from navarch.simulator.openstack.messages import Answer, Refused, Request, not_found
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.site import VolumeType


def list_types(region: Region, request: Request, project_id: str) -> Answer:
    """GET /types."""
    return Answer(200, {"volume_types": [t.body for t in region["volume type"] if region.is_for(t, project_id)]})


def show_type(region: Region, request: Request, project_id: str, type_id: str) -> Answer:
    """GET /types/{id}."""
    found = region["volume type"].get(type_id)
    if found is None:
        raise not_found(f"Volume type {type_id} could not be found.")
    return Answer(200, {"volume_type": found.body})


def list_zones(region: Region, request: Request, project_id: str) -> Answer:
    """GET /os-availability-zone."""
    zones = [{"zoneName": zone, "zoneState": {"available": True}} for zone in region.site.zones_of_volumes]
    return Answer(200, {"availabilityZoneInfo": zones})


def show_limits(region: Region, request: Request, project_id: str) -> Answer:
    """GET /limits."""
    absolute = {
        "maxTotalVolumes": region.limit(project_id, "volumes"),
        "maxTotalVolumeGigabytes": region.limit(project_id, "gigabytes"),
        "maxTotalSnapshots": region.limit(project_id, "snapshots"),
        "totalVolumesUsed": region["volume"].count(project_id),
        "totalGigabytesUsed": volumes.used_gigabytes(region, project_id),
        "totalSnapshotsUsed": region["snapshot"].count(project_id),
    }
    return Answer(200, {"limits": {"rate": [], "absolute": absolute}})


def list_services(region: Region, request: Request, project_id: str) -> Answer:
    """GET /os-services: for administrators."""
    if not request.scope.is_admin:
        raise Refused(403, "Policy doesn't allow volume_extension:services:index to be performed.")
    services = [
        {"binary": "cinder-volume", "host": f"volume@{zone}", "zone": zone, "status": "enabled", "state": "up"}
        for zone in region.site.zones_of_volumes
    ]
    return Answer(200, {"services": services})


def add_type(region: Region, type_: VolumeType) -> None:
    """What an operator does with `openstack volume type create`."""
    specs = {"RESKEY:availability_zones": ",".join(type_.zones)} if type_.zones else {}
    body = {
        "id": region.new_id(),
        "name": type_.name,
        "description": None,
        "is_public": not type_.only_for,
        "extra_specs": specs,
    }
    region["volume type"].add(body, "", only_for=type_.only_for)


ROUTES = (
    ("GET", "/v3/{project}/types", list_types),
    ("GET", "/v3/{project}/types/{id}", show_type),
    ("GET", "/v3/{project}/os-availability-zone", list_zones),
    ("GET", "/v3/{project}/limits", show_limits),
    ("GET", "/v3/{project}/os-services", list_services),
)
