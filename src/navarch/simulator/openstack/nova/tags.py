"""A server's tags."""

from typing import Any

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.region import Region

MOST_TAGS, _LONGEST_TAG = 50, 60


def list_tags(region: Region, request: Request, server_id: str) -> Answer:
    """GET /servers/{id}/tags."""
    return Answer(200, {"tags": _server(region, request, server_id)["tags"]})


def add_tag(region: Region, request: Request, server_id: str, tag: str) -> Answer:
    """PUT /servers/{id}/tags/{tag}."""
    server = _settled(region, request, server_id, "update tag")
    if len(tag) > _LONGEST_TAG or "," in tag or "/" in tag:
        message = f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','."
        raise bad_request(f"{message} Validation error message: '{tag}' is too long")
    if tag in server["tags"]:
        return Answer(204)
    if len(server["tags"]) >= MOST_TAGS:
        raise bad_request(f"The number of tags exceeded the per-server limit {MOST_TAGS}")
    server["tags"] = [*server["tags"], tag]
    return Answer(201, None, {"Location": f"{request.url}{request.path}"})


def remove_tag(region: Region, request: Request, server_id: str, tag: str) -> Answer:
    """DELETE /servers/{id}/tags/{tag}."""
    server = _settled(region, request, server_id, "delete tag")
    if tag not in server["tags"]:
        raise not_found(f"Server {server_id} has no tag '{tag}'")
    server["tags"] = [t for t in server["tags"] if t != tag]
    return Answer(204)


def check_tag(tag: Any) -> None:
    """Raises Refused for what Nova does not keep."""
    if not isinstance(tag, str) or not tag or len(tag) > _LONGEST_TAG or "," in tag or "/" in tag:
        raise bad_request(f"Invalid input for field/attribute 0. Value: {tag}. '{tag}' does not match '^[^,/]*$'")


def _server(region: Region, request: Request, server_id: str) -> Object:
    server = region["server"].get(server_id)
    if server is None or server.project_id != request.scope.project_id:
        raise not_found(f"Instance {server_id} could not be found.")
    return server


def _settled(region: Region, request: Request, server_id: str, action: str) -> Object:
    server = _server(region, request, server_id)
    if server["OS-EXT-STS:vm_state"] not in ("active", "stopped"):
        state = server["OS-EXT-STS:vm_state"]
        raise conflict(f"Cannot '{action}' instance {server_id} while it is in vm_state {state}")
    return server


ROUTES = (
    ("GET", "/v2.1/servers/{id}/tags", list_tags),
    ("PUT", "/v2.1/servers/{id}/tags/{tag}", add_tag),
    ("DELETE", "/v2.1/servers/{id}/tags/{tag}", remove_tag),
)
