"""The region's services as its catalogue has them: all behind one address, each below a path of its own."""

from navarch.simulator.openstack.messages import Json
from navarch.simulator.openstack.region import Region

SERVICES = {  # catalogue type: path of its root, name
    "identity": ("/identity", "keystone"),
    "compute": ("/compute", "nova"),
    "network": ("/network", "neutron"),
    "block-storage": ("/volume", "cinder"),
    "load-balancer": ("/load-balancer", "octavia"),
    "image": ("/image", "glance"),
}
_BELOW = {
    "identity": "/v3",
    "compute": "/v2.1",
    "block-storage": "/v3/{project}",
}  # what the catalogue adds to the root


def of(region: Region, project_id: str) -> list[Json]:
    """The catalogue in a project's token. Without a project there is no block storage: its address names one."""
    entries = {
        kind: (name, region.site.url + path + _BELOW.get(kind, "").format(project=project_id))
        for kind, (path, name) in SERVICES.items()
        if project_id or "{project}" not in _BELOW.get(kind, "")
    }
    entries |= region.more_services
    return [_entry(region, kind, name, url) for kind, (name, url) in entries.items()]


def _entry(region: Region, kind: str, name: str, url: str) -> Json:
    endpoints = [
        {
            "id": f"{name}-{interface}",
            "interface": interface,
            "region": region.site.region,
            "region_id": region.site.region,
            "url": url,
        }
        for interface in ("public", "internal", "admin")
    ]
    return {"id": name, "type": kind, "name": name, "endpoints": endpoints}
