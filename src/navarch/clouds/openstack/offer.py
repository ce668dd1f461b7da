"""What the cloud offers, read with the service user's own project."""

import re
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from navarch.clouds.openstack.session import Json, Project
from navarch.domain.offer import ExternalNetwork, Flavor, Offer, Release, VolumeType
from navarch.domain.pods import Amounts

_VERSION = "navarch_kubernetes_version"
_ZONES_OF_TYPE = "RESKEY:availability_zones"  # Cinder's own; members see it
_IMAGES_A_PAGE = 500  # Glance's default is 25
_CAPACITY = "capacity.cluster-autoscaler.kubernetes.io"
_USUAL_GPU = "nvidia.com/gpu"
_USUAL_TYPE = "__DEFAULT__"  # every Cinder has it; where the operator made others, it is not meant to be chosen


def read_offer(
    project: Project, executor: Executor, now: datetime, balancer_provider: str, owners: Collection[str] = ()
) -> Offer:
    """Everything a form needs, services in parallel. Raises what the first service that fails raises. Balancers of all
    providers but OVN send requests on from an address of their own.

    What any project can show to this one, images and external networks, is offered only where one of the `owners` (ids
    of projects) has it. Without any: images that are public, as Glance lets only administrators make them; and all
    external networks, of which nobody but their owners can tell to whom they are shown."""

    def ask(read: Callable[[Project], Any]) -> Any:
        return executor.submit(read, project)

    def external_networks(project: Project) -> tuple[ExternalNetwork, ...]:
        return _external_networks(project, owners)

    def releases_there(project: Project) -> tuple[Release, ...]:
        return _releases(project, owners)

    reads = (_flavors, _zones, _volume_types, _volume_zones, external_networks, releases_there)
    asked = [ask(read) for read in reads]
    flavors, zones, types, volume_zones, networks, releases = [answer.result() for answer in asked]
    storage_zone = _storage_zone(zones, volume_zones)
    volume_types = tuple(VolumeType(name, _zones_of(specs, zones, volume_zones, storage_zone)) for name, specs in types)
    return Offer(
        flavors=flavors,
        zones=zones,
        volume_types=volume_types,
        external_networks=networks,
        releases=releases,
        read_at=now,
        storage_zone=storage_zone,
        hides_clients=balancer_provider != "ovn",
    )


def private_flavors(project: Project) -> tuple[Flavor, ...]:
    """Those that are not for every project, and for this one."""
    return _flavors(project, public=False)


def private_volume_types(project: Project) -> tuple[VolumeType, ...]:
    """Those that are not for every project, and for this one."""
    types = project.volume.items("/types", "volume_types", "read the volume types")
    private = [(t["name"], t.get("extra_specs") or {}) for t in types if not t.get("is_public", True)]
    if not private:
        return ()
    zones, volume_zones = _zones(project), _volume_zones(project)
    storage_zone = _storage_zone(zones, volume_zones)
    return tuple(VolumeType(name, _zones_of(specs, zones, volume_zones, storage_zone)) for name, specs in private)


def releases_of(images: list[Json]) -> tuple[Release, ...]:
    """Node images, newest version first, of one version the image built last first."""
    nodes = [image for image in images if image.get(_VERSION)]
    return tuple(map(_release, sorted(nodes, key=lambda i: (_version_key(i[_VERSION]), _built(i)), reverse=True)))


def is_trusted(image: Json, owners: Collection[str]) -> bool:
    """Whether it is the operator's, who decides what customers' machines start from: see `read_offer`."""
    return image.get("owner") in owners if owners else image.get("visibility") == "public"


def components_of(text: str) -> tuple[tuple[str, str], ...]:
    """`a=1,b=2` as pairs; what has no `=` is skipped."""
    pairs = (part.strip().partition("=") for part in text.split(","))
    return tuple((name.strip(), value.strip()) for name, found, value in pairs if found)


def capacity_of(extra_specs: Json) -> Amounts:
    """Extended resources by the Cluster Autoscaler's words, where a flavor has them: Nova takes no slash in a key, so
    that what stands before it ends with a colon."""
    kind, count = (str(extra_specs.get(f"{_CAPACITY}:{word}") or "") for word in ("gpu-type", "gpu-count"))
    return ((kind or _USUAL_GPU, int(count)),) if re.fullmatch(r"[1-9][0-9]{0,3}", count) else ()


def _flavors(project: Project, *, public: bool = True) -> tuple[Flavor, ...]:
    """Those that every project may use: one that is private, and shown to this project, is not for all customers. Or
    else the others."""
    found = project.compute.items("/flavors/detail", "flavors", "read the flavors")
    asked = [f for f in found if f.get("os-flavor-access:is_public", True) is public]
    flavors = [
        Flavor(f["id"], f["name"], f["vcpus"], f["ram"], f["disk"], capacity_of(f.get("extra_specs") or {}))
        for f in asked
    ]
    return tuple(sorted(flavors, key=lambda f: (f.vcpus, f.ram_mib, f.disk_gib, f.name)))


def _zones(project: Project) -> tuple[str, ...]:
    found = project.compute.get("/os-availability-zone", "read the zones")["availabilityZoneInfo"]
    return tuple(sorted(z["zoneName"] for z in found if z["zoneState"]["available"] and z["zoneName"] != "internal"))


def _volume_types(project: Project) -> list[tuple[str, Json]]:
    """Name and extra specs of those that every project may use."""
    types = project.volume.items("/types", "volume_types", "read the volume types")
    found = [t for t in types if t.get("is_public", True)]
    named = [t for t in found if t["name"] != _USUAL_TYPE]
    return [(t["name"], t.get("extra_specs") or {}) for t in named or found]


def _volume_zones(project: Project) -> Mapping[str, bool]:
    """Every zone of volumes, and whether it is available."""
    found = project.volume.get("/os-availability-zone", "read the zones of volumes")["availabilityZoneInfo"]
    return {
        zone["zoneName"]: zone["zoneState"]["available"] for zone in sorted(found, key=lambda z: str(z["zoneName"]))
    }


def _storage_zone(zones: tuple[str, ...], volume_zones: Mapping[str, bool]) -> str:
    """The one zone that volumes are in, where machines have others: Ceph under one Cinder, as a rule. Whether it is
    available does not matter: that one of several is left says nothing about the cloud."""
    only, *others = (*volume_zones, "")
    return only if others == [""] and set(zones) - {only} else ""


def _zones_of(
    extra_specs: Json, zones: tuple[str, ...], volume_zones: Mapping[str, bool], storage_zone: str
) -> tuple[str, ...]:
    """In which zones machines can have volumes of a type."""
    named = [zone.strip() for zone in (extra_specs.get(_ZONES_OF_TYPE) or "").split(",") if zone.strip()]
    found = tuple(zone for zone, up in volume_zones.items() if up and (zone in named or not named))
    return found if not storage_zone else zones if found else ()


def _external_networks(project: Project, owners: Collection[str]) -> tuple[ExternalNetwork, ...]:
    query: dict[str, Any] = {"router:external": "true", "fields": ["id", "name", "project_id"]}
    found = project.network.items("/networks", "networks", "read the external networks", **query)
    networks = [network for network in found if not owners or network["project_id"] in owners]
    if not networks:
        return ()
    query = {"network_id": [n["id"] for n in networks], "fields": ["network_id", "cidr"]}
    subnets = project.network.items("/subnets", "subnets", "read the subnets of external networks", **query)
    offered = [
        ExternalNetwork(n["id"], n["name"], tuple(sorted(s["cidr"] for s in subnets if s["network_id"] == n["id"])))
        for n in networks
    ]
    return tuple(sorted(offered, key=lambda n: (n.name, n.id)))


def _releases(project: Project, owners: Collection[str]) -> tuple[Release, ...]:
    query = {"status": "active", "limit": _IMAGES_A_PAGE}
    images = project.image.items("/images", "images", "read the images", **query)
    return releases_of([image for image in images if is_trusted(image, owners)])


def _release(image: Json) -> Release:
    return Release(
        kubernetes_version=image[_VERSION],
        image_id=image["id"],
        image_name=image.get("name") or "",
        bundle=image.get("navarch_bundle") or "",
        components=components_of(image.get("navarch_components") or ""),
        min_disk_gib=image.get("min_disk") or 0,
        built_at=image.get("navarch_build_date") or image.get("created_at") or "",
    )


def _built(image: Json) -> tuple[str, str]:
    return image.get("navarch_build_date") or "", image.get("created_at") or ""


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(figure) for figure in re.findall(r"\d+", version))
