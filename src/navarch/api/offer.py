"""What a form needs to offer only what works: versions, flavors, zones, volume types, external networks, quota."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from navarch.api import policy
from navarch.api.models.responses import (
    ExternalNetworkPage,
    ExternalNetworkView,
    FlavorPage,
    QuotaView,
    VersionPage,
    VersionView,
    VolumeTypePage,
    VolumeTypeView,
    ZonePage,
    ZoneView,
)
from navarch.api.problems import documented, not_now
from navarch.api.service import Access, allowed
from navarch.api.views import flavor_view, quota_view
from navarch.domain.offer import version_order

router = APIRouter(prefix="/kaas/v1", tags=["offer"], responses=documented(400, 401, 403, 503))
MayLook = Annotated[Access, Depends(allowed(policy.OFFER))]


@router.get("/versions", response_model=VersionPage)
def list_versions(access: MayLook) -> Any:
    """Kubernetes versions that can be asked for, newest first."""
    newest = access.service.offer().newest_releases
    releases = sorted(newest, key=lambda r: version_order(r.kubernetes_version), reverse=True)
    return VersionPage(
        versions=[
            VersionView(
                kubernetes_version=r.kubernetes_version,
                image_id=r.image_id,
                image_name=r.image_name,
                built_at=r.built_at,
                min_disk_gib=r.min_disk_gib,
                components=dict(r.components),
            )
            for r in releases
        ]
    )


@router.get("/flavors", response_model=FlavorPage)
def list_flavors(access: MayLook) -> Any:
    """Machine sizes, smallest first."""
    offer = access.service.offer()
    flavors = sorted(offer.flavors, key=lambda f: (f.vcpus, f.ram_mib, f.disk_gib, f.name))
    return FlavorPage(flavors=[flavor_view(f, offer) for f in flavors])


@router.get("/zones", response_model=ZonePage)
def list_zones(access: MayLook) -> Any:
    """Availability zones."""
    return ZonePage(zones=[ZoneView(name=z) for z in access.service.offer().zones])


@router.get("/volume_types", response_model=VolumeTypePage)
def list_volume_types(access: MayLook) -> Any:
    """Volume types and the zones they exist in."""
    types = access.service.offer().volume_types
    return VolumeTypePage(volume_types=[VolumeTypeView(name=t.name, zones=list(t.zones)) for t in types])


@router.get("/external_networks", response_model=ExternalNetworkPage)
def list_external_networks(access: MayLook) -> Any:
    """Networks that public addresses come from."""
    networks = access.service.offer().external_networks
    return ExternalNetworkPage(
        external_networks=[ExternalNetworkView(id=n.id, name=n.name, cidrs=list(n.cidrs)) for n in networks]
    )


@router.get("/quota", response_model=QuotaView)
def show_quota(access: MayLook) -> Any:
    """What the token's project may use and what is free."""
    quota = access.quota(access.own_project_id)
    if quota is None:
        raise not_now("the quotas could not be read in time: no worker answered", 2)
    return quota_view(quota)
