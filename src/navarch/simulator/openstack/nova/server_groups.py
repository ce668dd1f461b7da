"""Server groups. Nova never changes their names, and answers its lists of them in pieces that name no next one."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, not_found
from navarch.simulator.openstack.region import Region

_LONGEST = 255
_POLICIES = ("anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity")


def list_groups(region: Region, request: Request) -> Answer:
    """GET /os-server-groups: from `offset` on, at most `limit`."""
    found = region["server group"].listed(request.scope.project_id, request.lag)
    most = region.site.limits.nova_page
    start, size = int(request.one("offset", "0")), int(request.one("limit", "0")) or most
    page = found[start : start + min(size, most)]
    return Answer(200, {"server_groups": [_shown(region, group) for group in page]})


def create_group(region: Region, request: Request) -> Answer:
    """POST /os-server-groups."""
    wanted, project_id = request.part("server_group"), request.scope.project_id
    name = wanted.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST:
        raise bad_request(f"Invalid input for field/attribute name. Value: {name}. '{name}' is too long")
    if wanted.get("policy") not in _POLICIES:
        policy = wanted.get("policy")
        raise bad_request(
            f"Invalid input for field/attribute policy. Value: {policy}. {policy!r} is not one of {_POLICIES}"
        )
    limit = region.limit(project_id, "server_groups")
    if 0 <= limit < region["server group"].count(project_id) + 1:
        raise Refused(403, "Quota exceeded, too many server groups.")
    body = {
        "id": region.new_id(),
        "name": name,
        "policy": wanted["policy"],
        "rules": {},
        "members": [],
        "project_id": project_id,
        "user_id": request.scope.user_id,
    }
    return Answer(200, {"server_group": _shown(region, region["server group"].add(body, project_id))})


def show_group(region: Region, request: Request, group_id: str) -> Answer:
    """GET /os-server-groups/{id}."""
    return Answer(200, {"server_group": _shown(region, _own(region, request, group_id))})


def delete_group(region: Region, request: Request, group_id: str) -> Answer:
    """DELETE /os-server-groups/{id}: its servers stay."""
    region["server group"].drop(_own(region, request, group_id))
    return Answer(204)


def hinted(region: Region, project_id: str, hints: Json) -> Object | None:
    """The group that a new server's scheduler hints name. Raises Refused where it is not there."""
    group_id = hints.get("group")
    if group_id is None:
        return None
    group = region["server group"].get(str(group_id))
    if group is None or group.project_id != project_id:
        raise bad_request(f"Instance group {group_id} could not be found.")
    return group


def within_quota(region: Region, group: Object | None) -> None:
    """Raises Refused where the group has as many servers as it may have."""
    if group is None:
        return
    limit = region.limit(group.project_id, "server_group_members")
    if 0 <= limit < len(_members(region, group)) + 1:
        raise Refused(403, "Quota exceeded, too many servers in group")


def _own(region: Region, request: Request, group_id: str) -> Object:
    group = region["server group"].get(group_id)
    if group is None or group.project_id != request.scope.project_id:
        raise not_found(f"Instance group {group_id} could not be found.")
    return group


def _members(region: Region, group: Object) -> list[str]:
    """Those that are still there."""
    members = [id_ for id_ in group["members"] if region["server"].get(id_) is not None]
    group["members"] = members
    return members


def _shown(region: Region, group: Object) -> Json:
    return {**group.body, "members": list(_members(region, group))}


ROUTES = (
    ("GET", "/v2.1/os-server-groups", list_groups),
    ("POST", "/v2.1/os-server-groups", create_group),
    ("GET", "/v2.1/os-server-groups/{id}", show_group),
    ("DELETE", "/v2.1/os-server-groups/{id}", delete_group),
)
