"""Volumes and snapshots (Cinder)."""

from collections.abc import Callable

from navarch.clouds.openstack import marks, strangers
from navarch.clouds.openstack.errors import Vanished
from navarch.clouds.openstack.handlers import Found, Handler, kept_filter
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.errors import Conflict
from navarch.domain.names import METADATA_KEY
from navarch.domain.openstack.resources import CSI, NAVARCH, Kind, Snapshot, Volume
from navarch.domain.openstack.steps import EnsureSnapshot, EnsureVolume
from navarch.domain.spec import Owner

_COLLECTIONS = {Kind.VOLUME: "volumes", Kind.SNAPSHOT: "snapshots"}


def read_volumes(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's volumes and those of its persistent volume claims."""
    return _read(project, Kind.VOLUME, owner, known, read_volume)


def read_snapshots(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's snapshots and those that the cluster's CSI made."""
    return _read(project, Kind.SNAPSHOT, owner, known, _snapshot)


def ensure_volume(project: Project, owner: Owner, step: EnsureVolume) -> Volume:
    """A volume. One that is there is given back as it is, whatever its size or status."""
    found = first(_marked(project, Kind.VOLUME, METADATA_KEY, owner, step.name))
    if found is None:
        body = {
            "name": step.name,
            "size": step.size_gib,
            "volume_type": step.type,
            **({"availability_zone": step.zone} if _is_zone_of_volumes(project, step.zone) else {}),
            "metadata": marks.metadata(owner),
        }
        doing = f"create {marks.article(Kind.VOLUME, step.name)} of {step.size_gib} GiB"
        found = project.volume.post("/volumes", {"volume": body}, doing)["volume"]
    return read_volume(found, NAVARCH)


def ensure_snapshot(project: Project, owner: Owner, step: EnsureSnapshot) -> Snapshot:
    """A snapshot, also of a volume that is attached. One that is there is given back as it is, whatever its status."""
    found = first(_marked(project, Kind.SNAPSHOT, METADATA_KEY, owner, step.name))
    if found is None:
        body = {
            "name": step.name,
            "volume_id": step.volume_id,
            "force": True,  # its server is off, and has it attached
            "metadata": marks.metadata(owner),
        }
        doing = f"create {marks.article(Kind.SNAPSHOT, step.name)}"
        found = project.volume.post("/snapshots", {"snapshot": body}, doing)["snapshot"]
    return _snapshot(found, NAVARCH)


def mark_volume(project: Project, owner: Owner, volume_id: str, name: str) -> None:
    """Give a volume a name and the owner's mark; fine where it is gone."""
    try:
        _restored(Kind.VOLUME)(project, owner, volume_id, name)
    except Vanished:
        pass


def remove_volume(project: Project, owner: Owner, volume_id: str, name: str) -> None:
    """Ask a volume to go; Conflict while it is attached or has snapshots, Permanent where those are somebody else's."""
    doing = f"delete {marks.article(Kind.VOLUME, name)}"
    try:
        project.volume.delete(f"/volumes/{volume_id}", doing)
    except Conflict:
        strangers.refuse_snapshots(project, owner, volume_id, doing)
        raise


def remove_snapshot(project: Project, owner: Owner, snapshot_id: str, name: str) -> None:
    """Ask a snapshot to go."""
    project.volume.delete(f"/snapshots/{snapshot_id}", f"delete {marks.article(Kind.SNAPSHOT, name)}")


def _read(
    project: Project, kind: Kind, owner: Owner, known: frozenset[str], read: Callable[[Json, str], Volume | Snapshot]
) -> Found:
    """Two requests, as Cinder filters by one key; and one for each that is known to be the owner's and is not among
    what they found."""
    ours = _marked(project, kind, METADATA_KEY, owner)
    claims = _marked(project, kind, marks.CSI_KEY, owner)
    missing = known - {body["id"] for body in (*ours, *claims)}
    lost_mark = [body for id_ in sorted(missing) if (body := _by_id(project, kind, id_)) is not None]
    resources = (*(read(body, NAVARCH) for body in (*ours, *lost_mark)), *(read(body, CSI) for body in claims))
    return Found(resources, tuple((body["id"], body.get("name") or "") for body in lost_mark))


def _marked(project: Project, kind: Kind, key: str, owner: Owner, name: str = "") -> list[Json]:
    """Those of a kind with that mark of the owner's; of this name, where one is given."""
    # Cinder reads this filter as a Python literal.
    query = {"metadata": str({key: owner.cluster_id}), **({"name": name} if name else {})}
    collection, doing = _COLLECTIONS[kind], f"look up {kind}s"
    found = project.volume.items(f"/{collection}/detail", collection, doing, **query)

    def is_meant(body: Json) -> bool:
        return bool((body.get("metadata") or {}).get(key) == owner.cluster_id) and name in ("", body.get("name"))

    return kept_filter(project.volume, doing, found, is_meant)


def _is_zone_of_volumes(project: Project, zone: str) -> bool:
    """Whether volumes can be in this zone. Where Cinder has none of that name, its own default is the one that serves
    machines of every zone."""

    def look_up() -> str:
        found = project.volume.get("/os-availability-zone", "read the zones of volumes")["availabilityZoneInfo"]
        return next((z["zoneName"] for z in found if z["zoneName"] == zone), "")

    return project.resolve("zone of volumes", zone, look_up) == zone


def _by_id(project: Project, kind: Kind, id_: str) -> Json | None:
    """The volume or snapshot, or None where it is gone."""
    answer = project.volume.look_up(f"/{_COLLECTIONS[kind]}/{id_}", f"look up the {kind} {id_}")
    return None if answer is None else answer[kind.value]


def _restored(kind: Kind) -> Callable[[Project, Owner, str, str], None]:
    """How an object of the kind is given its name and its mark back."""

    def restore(project: Project, owner: Owner, id_: str, name: str) -> None:
        article, path = marks.article(kind, name), f"/{_COLLECTIONS[kind]}/{id_}"
        project.volume.put(path, {kind.value: {"name": name}}, f"give {article} its name back")
        body = {"metadata": marks.metadata(owner)}
        project.volume.post(f"{path}/metadata", body, f"give {article} its mark back")

    return restore


def _snapshot(body: Json, made_by: str) -> Snapshot:
    size_gib = body.get("size") or 0
    return Snapshot(body["id"], body.get("name") or "", body["volume_id"], body["status"], made_by, size_gib)


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
        size_gib=body.get("size") or 0,
        claim=marks.claim(body.get("metadata") or {}) if made_by == CSI else "",
    )


HANDLERS = (
    Handler(Kind.VOLUME, read_volumes, remove_volume, _restored(Kind.VOLUME), {EnsureVolume: ensure_volume}),
    Handler(
        Kind.SNAPSHOT, read_snapshots, remove_snapshot, _restored(Kind.SNAPSHOT), {EnsureSnapshot: ensure_snapshot}
    ),
)
