"""A project's quotas with what is used of them; tags."""

from navarch.simulator.openstack.messages import Answer, Request, bad_request
from navarch.simulator.openstack.neutron import resources
from navarch.simulator.openstack.neutron.floating_ips import FLOATING_IP
from navarch.simulator.openstack.neutron.networks import NETWORK
from navarch.simulator.openstack.neutron.ports import PORT
from navarch.simulator.openstack.neutron.routers import ROUTER
from navarch.simulator.openstack.neutron.security_groups import RULE, SECURITY_GROUP
from navarch.simulator.openstack.neutron.subnets import SUBNET
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.routing import Route

_COUNTED = (NETWORK, SUBNET, PORT, ROUTER, FLOATING_IP, SECURITY_GROUP, RULE)
_TAGGED = {f"{r.plural}": r for r in (NETWORK, SUBNET, PORT, ROUTER, FLOATING_IP)} | {"security-groups": SECURITY_GROUP}
_TAGS, _LONGEST_TAG = 50, 255


def show_quota(region: Region, request: Request, project_id: str) -> Answer:
    """GET /v2.0/quotas/{project}."""
    _own(request, project_id)
    return Answer(200, {"quota": {r.key: region.limit(project_id, r.key) for r in _COUNTED}})


def show_details(region: Region, request: Request, project_id: str) -> Answer:
    """GET /v2.0/quotas/{project}/details.json."""
    _own(request, project_id)
    quota = {
        r.key: {"limit": region.limit(project_id, r.key), "used": region[r.kind].count(project_id), "reserved": 0}
        for r in _COUNTED
    }
    return Answer(200, {"quota": quota})


def replace_tags(region: Region, request: Request, id_: str) -> Answer:
    """PUT /v2.0/{resources}/{id}/tags."""
    resource = _TAGGED[request.path.split("/")[2]]
    found = resources.own(region, request, resource, id_, "update")
    tags = request.body.get("tags") if isinstance(request.body, dict) else None
    if not isinstance(tags, list) or len(tags) > _TAGS or any(len(str(tag)) > _LONGEST_TAG for tag in tags):
        raise bad_request("Invalid input for tags.", "HTTPBadRequest")
    found["tags"] = [str(tag) for tag in tags]
    resources.touch(region, found)
    return Answer(200, {"tags": found["tags"]})


def _own(request: Request, project_id: str) -> None:
    if request.scope.project_id != project_id and not request.scope.is_admin:
        raise resources.disallowed("rule:get_quota")


ROUTES: tuple[Route, ...] = (
    ("GET", "/v2.0/quotas/{project}", show_quota),
    ("GET", "/v2.0/quotas/{project}/details.json", show_details),
    *(("PUT", f"/v2.0/{plural}/{{id}}/tags", replace_tags) for plural in _TAGGED),
)
