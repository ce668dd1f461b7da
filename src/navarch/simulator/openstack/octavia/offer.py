"""Octavia's providers, and a project's quota."""

from navarch.simulator.openstack.messages import Answer, Refused, Request
from navarch.simulator.openstack.region import Region

_COUNTED = ("load_balancer", "listener", "pool", "member", "health_monitor", "l7policy", "l7rule")


def list_providers(region: Region, request: Request) -> Answer:
    """GET /v2/lbaas/providers."""
    providers = [{"name": name, "description": f"The {name} driver"} for name in region.site.balancer_providers]
    return Answer(200, {"providers": providers})


def show_quota(region: Region, request: Request, project_id: str) -> Answer:
    """GET /v2/lbaas/quotas/{project}: limits, and nothing of what is used."""
    if project_id != request.scope.project_id and not request.scope.is_admin:
        raise Refused(403, "Policy does not allow this request to be performed.")
    return Answer(200, {"quota": {name: region.limit(project_id, name) for name in _COUNTED}})


ROUTES = (
    ("GET", "/lbaas/providers", list_providers),
    ("GET", "/lbaas/quotas/{project}", show_quota),
)
