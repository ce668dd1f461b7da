"""Servers, server groups and consoles (Nova)."""

import base64
import re
from urllib.parse import quote

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.errors import Vanished, unreadable
from navarch.clouds.openstack.handlers import Found, Handler, kept_filter
from navarch.clouds.openstack.session import Json, Project, first
from navarch.clouds.openstack.volumes import mark_volume, read_volume
from navarch.domain.errors import Conflict, Permanent, Responsible, Temporary
from navarch.domain.openstack.names import root_volume
from navarch.domain.openstack.resources import KEPT_AFTER_DELETION, NAVARCH, Kind, Server, ServerGroup, Volume
from navarch.domain.openstack.steps import AttachVolume, CreateServer, EnsureServerGroup, StartServer, StopServer
from navarch.domain.spec import Owner

_LIST = "/servers/detail"
_LONGEST_USER_DATA = 65535  # characters in base64 (nova/api/openstack/compute/schemas/servers.py)


def read_servers(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's servers; one more request for each that is known to be the owner's and is not among them: it lost its
    mark, or Nova keeps it after its deletion, in no list."""
    found = _marked(project, owner, f"look up {Kind.SERVER}s")
    missing = known - {body["id"] for body in found}
    unlisted = [body for id_ in sorted(missing) if (body := _by_id(project, id_)) is not None]
    astray = tuple((body["id"], body["name"]) for body in unlisted if body["status"] != KEPT_AFTER_DELETION)
    return Found(tuple(_server(project, s) for s in (*found, *unlisted)), astray)


def read_server_groups(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's server groups: Nova keeps nothing of them but a name, and never changes that."""
    named = ((g["id"], marks.server_group_name(owner, g["name"])) for g in _groups(project))
    return Found(tuple(ServerGroup(id_, name) for id_, name in named if name is not None))


def ensure_server_group(project: Project, owner: Owner, step: EnsureServerGroup) -> ServerGroup:
    """A server group with policy soft-anti-affinity: spread where there is room, and still boot where there is not."""
    found = first([g for g in _groups(project) if marks.server_group_name(owner, g["name"]) == step.name])
    if found is None:
        name = marks.marked_name(owner, step.name)
        body = {"server_group": {"name": name, "policy": "soft-anti-affinity"}}
        doing = f"create {marks.article(Kind.SERVER_GROUP, step.name)}"
        found = project.compute.post("/os-server-groups", body, doing)["server_group"]
    return ServerGroup(found["id"], step.name)


def create_server(project: Project, owner: Owner, step: CreateServer, user_data: str) -> Server:
    """A server that boots from its flavor's disk, or from a volume that goes with it, with the step's volumes there
    from the start. Conflict while the last one of this name is still being removed: it holds the port and the
    volumes."""
    article = marks.article(Kind.SERVER, step.name)
    encoded = _encoded(user_data, article)
    found = first(_marked(project, owner, f"look up {article}", step.name))
    if found is not None:
        if found.get("OS-EXT-STS:task_state") == "deleting" or found["status"] in ("DELETED", KEPT_AFTER_DELETION):
            raise Conflict(f"Cannot create {article}: the last one of this name is still being removed")
        return _server(project, found)
    body = {
        "server": {
            "name": step.name,
            "flavorRef": _flavor_id(project, step.flavor),
            **({"imageRef": step.image_id} if step.root_volume is None else {}),
            "availability_zone": step.zone,
            "networks": [{"port": step.port_id}],
            "block_device_mapping_v2": _disks(step),
            "config_drive": True,  # no wait for the metadata service, and no need of one
            "user_data": encoded,
            "tags": [marks.mark(owner)],
            "metadata": {**marks.metadata(owner), "navarch_role": str(step.role), "navarch_group": step.group},
        },
        "os:scheduler_hints": {"group": step.server_group_id},
    }
    try:
        made = project.compute.post("/servers", body, f"create {article}", private=True)["server"]
    except Permanent as error:
        if error.reason == "FlavorNotFound":
            project.unlearn("flavor", step.flavor)
        raise
    return Server(
        id=made["id"],
        name=step.name,
        status="BUILD",
        zone=step.zone,
        flavor=step.flavor,
        image_id=step.image_id,
        task_state="scheduling",
    )


def attach_volume(project: Project, owner: Owner, step: AttachVolume) -> Volume:
    """A volume on a server that is off; Conflict while it runs, having asked it to stop. A volume that is not free
    stays where it is."""
    article = marks.article(Kind.VOLUME, step.name)
    volume = project.volume.get(f"/volumes/{step.volume_id}", f"look up {article}")["volume"]
    if volume["status"] == "available":
        path = f"/servers/{step.server_id}"
        server = project.compute.get(path, f"attach {article}")["server"]
        if server["status"] == "ACTIVE" and server.get("OS-EXT-STS:task_state") is None:
            project.compute.post(f"{path}/action", {"os-stop": None}, f"stop {server['name']}")
        if server["status"] != "SHUTOFF":
            message = f"Cannot attach {article} yet: its machine is stopped for it, and is {server['status']}"
            raise Conflict(message, reason="StoppingMachine")
        attachment = {"volumeAttachment": {"volumeId": step.volume_id}}
        project.compute.post(f"{path}/os-volume_attachments", attachment, f"attach {article}")
        volume = {**volume, "status": "attaching"}
    return read_volume(volume, NAVARCH)


def start_server(project: Project, owner: Owner, step: StartServer) -> Server:
    """Switch a server on; one that is not off stays as it is."""
    return _switch(project, step.name, step.server_id, "start", status="SHUTOFF", task="powering-on")


def stop_server(project: Project, owner: Owner, step: StopServer) -> Server:
    """Ask a server to shut down; one that does not run stays as it is."""
    return _switch(project, step.name, step.server_id, "stop", status="ACTIVE", task="powering-off")


def remove_server(project: Project, owner: Owner, server_id: str, name: str) -> None:
    """Ask a server to go; for good, where it was deleted and Nova keeps it. Its port and volumes stay, but for the
    volume that it boots from: Nova removes that one, once, whatever Cinder says to it. So it is marked as the owner's
    first, for whoever looks for what is left."""
    article = marks.article(Kind.SERVER, name)
    server = _by_id(project, server_id)
    if server is None:
        return
    if server["status"] == KEPT_AFTER_DELETION:
        _delete_for_good(project, server_id, article)
        return
    path, doing = f"/servers/{server_id}/os-volume_attachments", f"look up the volumes of {article}"
    try:
        attached = project.compute.items(path, "volumeAttachments", doing)
    except Vanished:
        return
    for volume in attached:
        if volume["delete_on_termination"]:
            mark_volume(project, owner, volume["volumeId"], root_volume(name))
    project.compute.delete(f"/servers/{server_id}", f"delete {article}")


def _delete_for_good(project: Project, server_id: str, article: str) -> None:
    """What Nova would do by itself after its reclaim_instance_interval: until then the server holds its port and
    volumes, which the next machine waits for."""
    doing = f"delete {article} for good"
    try:
        project.compute.post(f"/servers/{server_id}/action", {"forceDelete": None}, doing)
    except Vanished:
        return
    except Permanent as error:
        if error.reason != "CredentialsRefused":
            raise
        # A cloud's policy may keep that for administrators. There it takes until then, and nothing is wrong.
        raise Conflict(f"{error.message} Nova does it by itself, after its reclaim_instance_interval") from error


def remove_server_group(project: Project, owner: Owner, group_id: str, name: str) -> None:
    """Remove a server group."""
    project.compute.delete(f"/os-server-groups/{group_id}", f"delete {marks.article(Kind.SERVER_GROUP, name)}")


def console(project: Project, server_id: str, lines: int) -> str:
    """End of a server's console; empty where there is none (not started yet, gone, or a driver without one)."""
    body = {"os-getConsoleOutput": {"length": lines}}
    try:
        answer = project.compute.post(f"/servers/{server_id}/action", body, f"read the console of server {server_id}")
    except Conflict:
        return ""
    except Temporary as error:
        if " answered 501" in error.message:
            return ""
        raise
    return str(answer.get("output") or "")


def _switch(project: Project, name: str, server_id: str, action: str, *, status: str, task: str) -> Server:
    """Do it to a server with that status that is not at anything else."""
    article, path = marks.article(Kind.SERVER, name), f"/servers/{server_id}"
    server = project.compute.get(path, f"look up {article}")["server"]
    if server["status"] == status and server.get("OS-EXT-STS:task_state") is None:
        project.compute.post(f"{path}/action", {f"os-{action}": None}, f"{action} {article}")
        server = {**server, "OS-EXT-STS:task_state": task}
    return _server(project, server)


def _marked(project: Project, owner: Owner, doing: str, name: str = "") -> list[Json]:
    """The owner's servers; of this name, where one is given."""
    mark = marks.mark(owner)
    query = {"tags": mark, **({"name": f"^{re.escape(name)}$"} if name else {})}
    found = project.compute.items(_LIST, "servers", doing, **query)

    def is_meant(body: Json) -> bool:
        return mark in (body.get("tags") or ()) and name in ("", body.get("name"))

    return kept_filter(project.compute, doing, found, is_meant)


def _by_id(project: Project, server_id: str) -> Json | None:
    """The server, or None where it is gone."""
    answer = project.compute.look_up(f"/servers/{server_id}", f"look up the server {server_id}")
    if answer is None or answer["server"]["status"] == "DELETED":
        return None
    body: Json = answer["server"]
    return body


def _restore_server(project: Project, owner: Owner, server_id: str, name: str) -> None:
    article, path = marks.article(Kind.SERVER, name), f"/servers/{server_id}"
    project.compute.put(path, {"server": {"name": name}}, f"give {article} its name back")
    project.compute.put(f"{path}/tags/{quote(marks.mark(owner), safe='')}", {}, f"give {article} its mark back")


def _groups(project: Project) -> list[Json]:
    """All of the project's. Nova answers with so many of them as it was set up for, and does not say that there are
    more: only an empty answer is the end."""
    found: list[Json] = []
    doing = f"look up {Kind.SERVER_GROUP}s"
    while True:
        query = {"offset": len(found)} if found else {}
        page = project.compute.items("/os-server-groups", "server_groups", doing, **query)
        if not page:
            return found
        if found and page[0]["id"] == found[0]["id"]:
            raise unreadable("Nova", doing, ValueError("it answers with the first page whatever the offset"))
        found += page


def _flavor_id(project: Project, flavor: str) -> str:
    def look_up() -> str:
        flavors = project.compute.items("/flavors", "flavors", "look up the flavors")
        found = next((f["id"] for f in flavors if flavor in (f["name"], f["id"])), None)
        if found is None:
            seen = ", ".join(sorted(f["name"] for f in flavors)) or "none"
            raise Permanent(
                f"No flavor is named {flavor}; the project sees: {seen}",
                reason="FlavorNotFound",
                responsible=Responsible.USER,
                remedy="Choose one of the flavors that the project sees.",
            )
        return str(found)

    return project.resolve("flavor", flavor, look_up)


def _encoded(user_data: str, article: str) -> str:
    """User-data as Nova takes it. Raises Permanent where it is too long: Nova would quote all of it in its refusal."""
    encoded = base64.b64encode(user_data.encode()).decode()
    if len(encoded) > _LONGEST_USER_DATA:
        raise Permanent(
            f"Cannot create {article}: its user-data has {len(encoded)} characters in base64, Nova takes "
            f"{_LONGEST_USER_DATA}",
            reason="UserDataTooLong",
            responsible=Responsible.USER,
            remedy="Name fewer or shorter SSH keys for the cluster's machines.",
        )
    return encoded


def _disks(step: CreateServer) -> list[Json]:
    root: Json = {
        "boot_index": 0,
        "source_type": "image",
        "uuid": step.image_id,
        "destination_type": "local",
        "delete_on_termination": True,
    }
    if step.root_volume is not None:
        root |= {
            "destination_type": "volume",
            "volume_size": step.root_volume.size_gib,
            "volume_type": step.root_volume.type,
        }
    more: list[Json] = [
        {
            "boot_index": -1,
            "source_type": "volume",
            "uuid": volume_id,
            "destination_type": "volume",
            "delete_on_termination": False,
        }
        for volume_id in step.volume_ids
    ]
    return [root, *more]


def _server(project: Project, body: Json) -> Server:
    image = body.get("image") or {}  # an empty string for servers booted from a volume
    flavor = body.get("flavor") or {}
    fault = body.get("fault") or {}
    created = body.get("created")
    addresses = [a["addr"] for network in (body.get("addresses") or {}).values() for a in network]
    return Server(
        id=body["id"],
        name=body["name"],
        status=body["status"],
        zone=body.get("OS-EXT-AZ:availability_zone") or "",
        host=body.get("OS-EXT-SRV-ATTR:host") or body.get("hostId") or "",
        flavor=flavor.get("original_name") or flavor.get("id") or "",
        image_id=image.get("id") or "",
        task_state=body.get("OS-EXT-STS:task_state"),
        fault=fault.get("message"),
        created_at=project.compute.by_our_clock(created) if created else None,
        addresses=tuple(sorted(addresses)),
    )


HANDLERS = (
    Handler(
        Kind.SERVER_GROUP, read_server_groups, remove_server_group, ensure={EnsureServerGroup: ensure_server_group}
    ),
    Handler(
        Kind.SERVER,
        read_servers,
        remove_server,
        _restore_server,
        {AttachVolume: attach_volume, StartServer: start_server, StopServer: stop_server},
    ),
)
