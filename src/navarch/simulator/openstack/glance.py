"""Glance: images, which others' projects see where they are public."""

from urllib.parse import urlencode

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, not_found
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.site import Image

_MOST = 1000
_CONTROLS = {"limit", "marker", "sort", "sort_key", "sort_dir"}


def list_images(region: Region, request: Request) -> Answer:
    """GET /v2/images: the newest first."""
    found = [i for i in region["image"].listed(None, request.lag) if _is_seen(request, i)]
    for name in request.query:
        if name not in _CONTROLS:
            found = [i for i in found if str(i.body.get(name)) == request.one(name)]
    ordered = sorted(found, key=lambda i: (i["created_at"], i.id), reverse=True)
    size = min(int(request.one("limit", str(region.site.limits.glance_page))), _MOST)
    marker = request.one("marker")
    if marker:
        at = next((n for n, image in enumerate(ordered) if image.id == marker), None)
        if at is None:
            raise bad_request("Invalid marker. Image could not be found.")
        ordered = ordered[at + 1 :]
    page = ordered[:size]
    body: Json = {"images": [i.body for i in page], "first": "/v2/images", "schema": "/v2/schemas/images"}
    if page and len(page) == size:
        query = urlencode({**request.query, "marker": [page[-1].id]}, doseq=True)
        body["next"] = f"/v2/images?{query}"
    return Answer(200, body)


def show_image(region: Region, request: Request, image_id: str) -> Answer:
    """GET /v2/images/{id}."""
    return Answer(200, find(region, request, image_id).body)


def deactivate(region: Region, request: Request, image_id: str) -> Answer:
    """POST /v2/images/{id}/actions/deactivate: nobody starts from it any more."""
    return _set_status(region, request, image_id, "deactivated")


def reactivate(region: Region, request: Request, image_id: str) -> Answer:
    """POST /v2/images/{id}/actions/reactivate."""
    return _set_status(region, request, image_id, "active")


def find(region: Region, request: Request, image_id: str) -> Object:
    """An image that the caller may see. Raises Refused."""
    image = region["image"].get(image_id)
    if image is None or not _is_seen(request, image):
        raise not_found(f"No image found with ID {image_id}")
    return image


def add_image(region: Region, image: Image, project_id: str = "") -> Object:
    """What an operator registers."""
    now = region.stamp()
    body: Json = {
        "id": image.id,
        "name": image.name,
        "status": image.status,
        "visibility": image.visibility,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "disk_format": "raw",
        "container_format": "bare",
        "size": 1 << 30,
        "checksum": None,
        "owner": project_id,
        "protected": False,
        "os_hidden": False,
        "tags": [],
        "created_at": now,
        "updated_at": now,
        "file": f"/v2/images/{image.id}/file",
        "self": f"/v2/images/{image.id}",
        "schema": "/v2/schemas/image",
        **image.properties,
    }
    return region["image"].add(body, project_id)


def _set_status(region: Region, request: Request, image_id: str, status: str) -> Answer:
    image = find(region, request, image_id)
    if not request.scope.is_admin:
        raise Refused(403, "You are not authorized to complete this action.")
    image["status"] = status
    return Answer(204)


def _is_seen(request: Request, image: Object) -> bool:
    return image["visibility"] in ("public", "community") or image.project_id == request.scope.project_id


ROUTES = (
    ("GET", "/v2/images", list_images),
    ("GET", "/v2/images/{id}", show_image),
    ("POST", "/v2/images/{id}/actions/deactivate", deactivate),
    ("POST", "/v2/images/{id}/actions/reactivate", reactivate),
)
