"""Snapshots of volumes."""

from navarch.simulator.openstack import pages
from navarch.simulator.openstack.cinder import volumes
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Refused, Request, bad_request, not_found
from navarch.simulator.openstack.region import Region


def list_snapshots(region: Region, request: Request, project_id: str) -> Answer:
    """GET /snapshots and /snapshots/detail."""
    page, following = volumes.listed(region, request, "snapshot", project_id)
    return Answer(200, pages.linked({"snapshots": [s.body for s in page]}, "snapshots", following))


def create_snapshot(region: Region, request: Request, project_id: str) -> Answer:
    """POST /snapshots: of a volume that is available, or in use where `force` says so."""
    wanted = request.part("snapshot")
    volume = volumes.own(region, request, project_id, str(wanted.get("volume_id")))
    if volume["status"] not in ("available", "in-use" if wanted.get("force") else "available"):
        raise bad_request(f"Invalid volume: Volume {volume.id} status must be available, but current status is: "
                          f"{volume['status']}.")  # fmt: skip
    volumes.check_metadata(wanted.get("metadata") or {})
    limit = region.limit(project_id, "snapshots")
    if 0 <= limit < region["snapshot"].count(project_id) + 1:
        raise Refused(413, f"Maximum number of snapshots allowed ({limit}) exceeded", headers={"Retry-After": "0"})
    now = volumes.moment(region)
    body = {
        "id": region.new_id(),
        "name": wanted.get("name"),
        "description": wanted.get("description"),
        "volume_id": volume.id,
        "status": "creating",
        "size": volume["size"],
        "metadata": dict(wanted.get("metadata") or {}),
        "created_at": now,
        "updated_at": now,
        "user_id": request.scope.user_id,
    }
    snapshot = region["snapshot"].add(body, project_id)
    region.timeline.after(region.fates.volume_seconds, lambda: volumes.settle(snapshot, "creating", "available"))
    return Answer(202, {"snapshot": dict(body)})


def show_snapshot(region: Region, request: Request, project_id: str, snapshot_id: str) -> Answer:
    """GET /snapshots/{id}."""
    return Answer(200, {"snapshot": _own(region, request, project_id, snapshot_id).body})


def delete_snapshot(region: Region, request: Request, project_id: str, snapshot_id: str) -> Answer:
    """DELETE /snapshots/{id}."""
    snapshot = _own(region, request, project_id, snapshot_id)
    if snapshot["status"] not in ("available", "error"):
        raise bad_request("Invalid snapshot: Snapshot status must be available or error.")
    snapshot["status"] = "deleting"
    region.timeline.after(region.fates.removal_seconds, lambda: region["snapshot"].drop(snapshot))
    return Answer(202)


def _own(region: Region, request: Request, project_id: str, snapshot_id: str) -> Object:
    volumes.own_project(request, project_id)
    snapshot = region["snapshot"].get(snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise not_found(f"Snapshot {snapshot_id} could not be found.")
    return snapshot


_PATH = "/v3/{project}/snapshots"
ROUTES = (
    ("GET", _PATH, list_snapshots),
    ("POST", _PATH, create_snapshot),
    ("GET", f"{_PATH}/detail", list_snapshots),
    ("GET", f"{_PATH}/{{id}}", show_snapshot),
    ("DELETE", f"{_PATH}/{{id}}", delete_snapshot),
)
