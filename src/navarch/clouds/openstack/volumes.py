"""Volumes and snapshots (Cinder)."""

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.names import METADATA_KEY
from navarch.domain.observed import Kind, Snapshot, Volume
from navarch.domain.spec import Owner
from navarch.domain.steps import EnsureVolume

_LIST = "/volumes/detail"


def read_volumes(project: Project, owner: Owner) -> tuple[Volume, ...]:
    """The owner's volumes and those of its persistent volume claims: two requests, as Cinder filters by one key."""
    ours = _marked(project, METADATA_KEY, owner)
    claims = _marked(project, marks.CSI_KEY, owner)
    return (*(read_volume(v, marks.NAVARCH) for v in ours), *(read_volume(v, marks.CSI) for v in claims))


def read_snapshots(project: Project, owner: Owner) -> tuple[Snapshot, ...]:
    """Snapshots made by the cluster's CSI."""
    query = {"metadata": str({marks.CSI_KEY: owner.cluster_id})}
    found = project.volume.items("/snapshots/detail", "snapshots", f"look up {Kind.SNAPSHOT}s", **query)
    return tuple(Snapshot(s["id"], s.get("name") or "", s["volume_id"]) for s in found)


def ensure_volume(project: Project, owner: Owner, step: EnsureVolume) -> Volume:
    """A volume. One that is there is given back as it is, whatever its size or status."""
    found = first(_marked(project, METADATA_KEY, owner, name=step.name))
    if found is None:
        body = {
            "name": step.name,
            "size": step.size_gib,
            "volume_type": step.type,
            "availability_zone": step.zone,
            "metadata": marks.metadata(owner),
        }
        doing = f"create {marks.article(Kind.VOLUME, step.name)} of {step.size_gib} GiB"
        found = project.volume.post("/volumes", {"volume": body}, doing)["volume"]
    return read_volume(found, marks.NAVARCH)


def remove_volume(project: Project, owner: Owner, volume_id: str, name: str) -> None:
    """Ask a volume to go; Conflict while it is attached or has snapshots."""
    project.volume.delete(f"/volumes/{volume_id}", f"delete {marks.article(Kind.VOLUME, name)}")


def remove_snapshot(project: Project, owner: Owner, snapshot_id: str, name: str) -> None:
    """Ask a snapshot to go."""
    project.volume.delete(f"/snapshots/{snapshot_id}", f"delete {marks.article(Kind.SNAPSHOT, name)}")


def _marked(project: Project, key: str, owner: Owner, **query: str) -> list[Json]:
    # Cinder reads this filter as a Python literal.
    query = {"metadata": str({key: owner.cluster_id}), **query}
    return project.volume.items(_LIST, "volumes", f"look up {Kind.VOLUME}s", **query)


def read_volume(body: Json, made_by: str) -> Volume:
    """A volume as Cinder describes it."""
    attachments = body.get("attachments") or []
    return Volume(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        zone=body.get("availability_zone") or "",
        server_id=next((a.get("server_id") for a in attachments if a.get("server_id")), None),
        made_by=made_by,
    )
