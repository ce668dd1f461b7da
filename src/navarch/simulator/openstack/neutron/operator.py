"""What Neutron says of itself: its extensions, its agents, its zones."""

from navarch.simulator.openstack.messages import Answer, Request
from navarch.simulator.openstack.region import Region

_EXTENSIONS = {
    "router": "Neutron L3 Router",
    "external-net": "Neutron external network",
    "security-group": "security-group",
    "standard-attr-tag": "Tag support for resources with standard attribute: port, subnet, network, router, floatingip",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-timestamp": "Resource timestamps",
    "quota_details": "Quota details management support",
    "quotas": "Quota management support",
    "allowed-address-pairs": "Allowed Address Pairs",
    "port-security": "Port Security",
    "pagination": "Pagination support",
    "sorting": "Sorting support",
    "project-id": "project_id field enabled",
    "net-mtu": "Network MTU",
    "filter-validation": "Filter parameters validation",
}


def list_extensions(region: Region, request: Request) -> Answer:
    """GET /v2.0/extensions."""
    found = [
        {"alias": alias, "name": name, "description": name, "updated": "2026-04-01T00:00:00-00:00", "links": []}
        for alias, name in _EXTENSIONS.items()
    ]
    return Answer(200, {"extensions": found})


def list_agents(region: Region, request: Request) -> Answer:
    """GET /v2.0/agents: for administrators; others see none."""
    agents = [
        {
            "id": f"agent-{zone}",
            "binary": "ovn-controller",
            "agent_type": "OVN Controller agent",
            "host": f"compute-{zone}",
            "alive": True,
            "admin_state_up": True,
            "availability_zone": zone,
        }
        for zone in region.site.zones
    ]
    return Answer(200, {"agents": agents if request.scope.is_admin else []})


ROUTES = (
    ("GET", "/v2.0/extensions", list_extensions),
    ("GET", "/v2.0/agents", list_agents),
)
