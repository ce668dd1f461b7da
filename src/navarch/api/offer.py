"""What a form needs to offer only what works: versions, flavors, zones, volume types, external networks, quota."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from navarch.api import policy
from navarch.api.access import allowed, own_project
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
from navarch.api.views import flavor_view, quota_view
from navarch.domain.offer import version_order
from navarch.service.access import Access

router = APIRouter(prefix="/kaas/v1", tags=["offer"], responses=documented(400, 401, 403, 503))
MayLook = Annotated[Access, Depends(allowed(policy.OFFER))]


@router.get("/versions", response_model=VersionPage)
def list_versions(access: MayLook) -> Any:
    """Kubernetes versions that can be asked for, newest first."""
    newest = access.service.offer().newest_releases
    releases = sorted(newest, key=lambda r: version_order(r.kubernetes_version), reverse=True)
    return VersionPage(versions=[VersionView.model_validate(r) for r in releases])


@router.get("/flavors", response_model=FlavorPage)
def list_flavors(access: MayLook) -> Any:
    """Machine sizes, smallest first: those of every project, and those that the token's project alone may use."""
    offer = access.offer(access.project_id)
    flavors = sorted(offer.flavors, key=lambda f: (f.vcpus, f.ram_mib, f.disk_gib, f.name))
    return FlavorPage(flavors=[flavor_view(f, offer) for f in flavors])


@router.get("/zones", response_model=ZonePage)
def list_zones(access: MayLook) -> Any:
    """Availability zones."""
    return ZonePage(zones=[ZoneView(name=z) for z in access.service.offer().zones])


@router.get("/volume_types", response_model=VolumeTypePage)
def list_volume_types(access: MayLook) -> Any:
    """Volume types and the zones they exist in: those of every project, and those that the token's project alone may
    use."""
    types = access.offer(access.project_id).volume_types
    return VolumeTypePage(volume_types=[VolumeTypeView.model_validate(t) for t in types])


@router.get("/external_networks", response_model=ExternalNetworkPage)
def list_external_networks(access: MayLook) -> Any:
    """Networks that public addresses come from."""
    networks = access.service.offer().external_networks
    return ExternalNetworkPage(external_networks=[ExternalNetworkView.model_validate(n) for n in networks])


@router.get("/quota", response_model=QuotaView)
def show_quota(access: MayLook, request: Request) -> Any:
    """What the token's project may use and what is free."""
    quota = access.quota(own_project(request))
    if quota is None:
        raise not_now("the quotas could not be read in time: no worker answered", 2)
    return quota_view(quota)
