"""Volumes and snapshots (Cinder)."""

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.handlers import Found, Handler, kept_filter
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.errors import Conflict
from navarch.domain.names import METADATA_KEY
from navarch.domain.openstack.resources import CSI, NAVARCH, Kind, Snapshot, Volume
from navarch.domain.openstack.steps import EnsureVolume
from navarch.domain.spec import Owner

_LIST = "/volumes/detail"


def read_volumes(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's volumes and those of its persistent volume claims: two requests, as Cinder filters by one key; and
    one for each volume that is known to be the owner's and is not among them."""
    ours = _marked(project, METADATA_KEY, owner)
    claims = _marked(project, marks.CSI_KEY, owner)
    missing = known - {v["id"] for v in (*ours, *claims)}
    lost_mark = [body for id_ in sorted(missing) if (body := _by_id(project, id_)) is not None]
    resources = (
        *(read_volume(v, NAVARCH) for v in (*ours, *lost_mark)),
        *(read_volume(v, CSI) for v in claims),
    )
    return Found(resources, tuple((v["id"], v.get("name") or "") for v in lost_mark))


def read_snapshots(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """Snapshots made by the cluster's CSI."""
    query, doing = {"metadata": str({marks.CSI_KEY: owner.cluster_id})}, f"look up {Kind.SNAPSHOT}s"
    found = project.volume.items("/snapshots/detail", "snapshots", doing, **query)
    found = kept_filter(project.volume, doing, found, lambda body: _is_marked(body, marks.CSI_KEY, owner))
    return Found(tuple(Snapshot(s["id"], s.get("name") or "", s["volume_id"]) for s in found))


def ensure_volume(project: Project, owner: Owner, step: EnsureVolume) -> Volume:
    """A volume. One that is there is given back as it is, whatever its size or status."""
    found = first(_marked(project, METADATA_KEY, owner, step.name))
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
    return read_volume(found, NAVARCH)


def remove_volume(project: Project, owner: Owner, volume_id: str, name: str) -> None:
    """Ask a volume to go; Conflict while it is attached or has snapshots."""
    project.volume.delete(f"/volumes/{volume_id}", f"delete {marks.article(Kind.VOLUME, name)}")


def remove_snapshot(project: Project, owner: Owner, snapshot_id: str, name: str) -> None:
    """Ask a snapshot to go."""
    project.volume.delete(f"/snapshots/{snapshot_id}", f"delete {marks.article(Kind.SNAPSHOT, name)}")


def _marked(project: Project, key: str, owner: Owner, name: str = "") -> list[Json]:
    """The volumes with that mark of the owner's; of this name, where one is given."""
    # Cinder reads this filter as a Python literal.
    query = {"metadata": str({key: owner.cluster_id}), **({"name": name} if name else {})}
    doing = f"look up {Kind.VOLUME}s"
    found = project.volume.items(_LIST, "volumes", doing, **query)

    def is_meant(body: Json) -> bool:
        return _is_marked(body, key, owner) and name in ("", body.get("name"))

    return kept_filter(project.volume, doing, found, is_meant)


def _is_marked(body: Json, key: str, owner: Owner) -> bool:
    return bool((body.get("metadata") or {}).get(key) == owner.cluster_id)


def _by_id(project: Project, volume_id: str) -> Json | None:
    """The volume, or None where it is gone."""
    try:
        body: Json = project.volume.get(f"/volumes/{volume_id}", f"look up the volume {volume_id}")["volume"]
    except Conflict as error:
        if error.reason == "Vanished":
            return None
        raise
    return body


def _restore_volume(project: Project, owner: Owner, volume_id: str, name: str) -> None:
    article = marks.article(Kind.VOLUME, name)
    project.volume.put(f"/volumes/{volume_id}", {"volume": {"name": name}}, f"give {article} its name back")
    body = {"metadata": marks.metadata(owner)}
    project.volume.post(f"/volumes/{volume_id}/metadata", body, f"give {article} its mark back")


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


HANDLERS = (
    Handler(Kind.VOLUME, read_volumes, remove_volume, _restore_volume, {EnsureVolume: ensure_volume}),
    Handler(Kind.SNAPSHOT, read_snapshots, remove_snapshot),
)
