"""Flavors, zones, the project's limits, Nova's own services."""

from collections.abc import Mapping

from navarch.simulator.openstack import pages
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, not_found
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.site import Flavor

_COUNTED = ("instances", "cores", "ram")


def list_flavors(region: Region, request: Request) -> Answer:
    """GET /flavors: ids and names."""
    page, following = _page(region, request)
    return Answer(
        200, pages.linked({"flavors": [{k: f[k] for k in ("id", "name", "links")} for f in page]}, "flavors", following)
    )


def list_in_detail(region: Region, request: Request) -> Answer:
    """GET /flavors/detail."""
    page, following = _page(region, request)
    return Answer(200, pages.linked({"flavors": page}, "flavors", following))


def show_flavor(region: Region, request: Request, flavor_id: str) -> Answer:
    """GET /flavors/{id}."""
    found = usable(region, request, flavor_id)
    if found is None:
        raise not_found(f"Flavor {flavor_id} could not be found.")
    return Answer(200, {"flavor": found.body})


def show_extra_specs(region: Region, request: Request, flavor_id: str) -> Answer:
    """GET /flavors/{id}/os-extra_specs."""
    found = usable(region, request, flavor_id)
    if found is None:
        raise not_found(f"Flavor {flavor_id} could not be found.")
    return Answer(200, {"extra_specs": found["extra_specs"]})


def list_zones(region: Region, request: Request) -> Answer:
    """GET /os-availability-zone."""
    zones = [{"zoneName": zone, "zoneState": {"available": True}, "hosts": None} for zone in region.site.zones]
    return Answer(200, {"availabilityZoneInfo": zones})


def list_zones_with_hosts(region: Region, request: Request) -> Answer:
    """GET /os-availability-zone/detail: which hosts there are is for administrators; clients then ask without."""
    if not request.scope.is_admin:
        rule = "os_compute_api:os-availability-zone:detail"
        raise Refused(403, f"Policy doesn't allow {rule} to be performed.")
    return list_zones(region, request)


def show_limits(region: Region, request: Request) -> Answer:
    """GET /limits."""
    project_id = request.scope.project_id
    used = used_of(region, project_id)
    absolute = {
        "maxTotalInstances": region.limit(project_id, "instances"),
        "maxTotalCores": region.limit(project_id, "cores"),
        "maxTotalRAMSize": region.limit(project_id, "ram"),
        "maxServerGroups": region.limit(project_id, "server_groups"),
        "maxServerGroupMembers": region.limit(project_id, "server_group_members"),
        "maxServerMeta": region.limit(project_id, "metadata_items"),
        "maxTotalKeypairs": 100,
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": region["server group"].count(project_id),
    }
    return Answer(200, {"limits": {"rate": [], "absolute": absolute}})


def list_services(region: Region, request: Request) -> Answer:
    """GET /os-services: for administrators."""
    if not request.scope.is_admin:
        raise Refused(403, "Policy doesn't allow os_compute_api:os-services:list to be performed.")
    services = [
        {"id": f"nova-{zone}", "binary": "nova-compute", "host": f"{zone}-host-1", "zone": zone, "status": "enabled",
         "state": "up", "forced_down": False}
        for zone in region.site.zones
    ]  # fmt: skip
    return Answer(200, {"services": services})


def usable(region: Region, request: Request, flavor_id: str) -> Object | None:
    """The flavor, where the caller's project may use it."""
    found = region["flavor"].get(flavor_id)
    return found if found is not None and region.is_for(found, request.scope.project_id) else None


def used_of(region: Region, project_id: str) -> dict[str, int]:
    """What a project's servers use of its quotas."""
    flavors = [server.hidden["flavor"] for server in region["server"].of(project_id)]
    return {"instances": len(flavors), "cores": sum(f["vcpus"] for f in flavors), "ram": sum(f["ram"] for f in flavors)}


def within_quota(region: Region, project_id: str, more: Mapping[str, int]) -> None:
    """Raises Refused where the project may not have so many more; every quota that is too small is named."""
    used = used_of(region, project_id)
    limits = {name: region.limit(project_id, name) for name in _COUNTED}
    over = [name for name in sorted(_COUNTED) if 0 <= limits[name] < used[name] + more[name]]
    if over:
        names = ", ".join(over)
        asked, had, most = (", ".join(str(of[name]) for name in over) for of in (more, used, limits))
        raise Refused(403, f"Quota exceeded for {names}: Requested {asked}, but already used {had} of {most} {names}")


def add_flavor(region: Region, flavor: Flavor) -> None:
    """What an operator does with `openstack flavor create`."""
    body: Json = {
        "id": flavor.id,
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "swap": 0,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": not flavor.only_for,
        "rxtx_factor": 1.0,
        "description": None,
        "extra_specs": dict(flavor.extra_specs),
        "links": [],
    }
    region["flavor"].add(body, "", only_for=flavor.only_for)


def _page(region: Region, request: Request) -> tuple[list[Json], str]:
    ordered = sorted((f for f in region["flavor"] if region.is_for(f, request.scope.project_id)), key=lambda f: f.id)
    missing = bad_request(f"marker [{request.one('marker')}] not found")
    page, following = pages.page(request, ordered, region.site.limits.nova_page, missing)
    return [f.body for f in page], following


ROUTES = (
    ("GET", "/v2.1/flavors", list_flavors),
    ("GET", "/v2.1/flavors/detail", list_in_detail),
    ("GET", "/v2.1/flavors/{id}", show_flavor),
    ("GET", "/v2.1/flavors/{id}/os-extra_specs", show_extra_specs),
    ("GET", "/v2.1/os-availability-zone", list_zones),
    ("GET", "/v2.1/os-availability-zone/detail", list_zones_with_hosts),
    ("GET", "/v2.1/limits", show_limits),
    ("GET", "/v2.1/os-services", list_services),
)
