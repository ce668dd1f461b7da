"""What somebody else put in the way of a deletion: told by name, for its owner to decide about, and never removed."""

from collections.abc import Collection

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.session import Json, Project
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.spec import Owner

_SHOWN = 3


def refuse_ports(project: Project, owner: Owner, network_ids: Collection[str], doing: str) -> None:
    """Raises Permanent where there are ports in these networks that people made, or servers of theirs have: neither the
    cluster's, nor the network service's or the balancers' own."""
    if not network_ids:
        return
    query = {"network_id": sorted(network_ids), "fields": ["id", "name", "description", "device_owner", "device_id"]}
    found = project.network.items("/ports", "ports", "look up the ports of the cluster's network", **query)
    theirs = [port for port in found if _is_a_persons(port) and port.get("description") != marks.mark(owner)]
    if theirs:
        raise Permanent(
            f"Cannot {doing}: others have ports in the cluster's network: {_listed([_port(p) for p in theirs])}",
            reason="ForeignPorts",
            responsible=Responsible.USER,
            remedy="Remove them, or move them to another network (openstack server delete, openstack port delete). "
            "Navarch does not touch them, and goes on once they are gone",
        )


def refuse_snapshots(project: Project, owner: Owner, volume_id: str, doing: str) -> None:
    """Raises Permanent where a volume has snapshots that are none of the cluster's: those are gone before it."""
    snapshots = project.volume.items(
        "/snapshots/detail", "snapshots", "look up the volume's snapshots", volume_id=volume_id
    )
    theirs = [s for s in snapshots if s.get("volume_id") == volume_id and not marks.of_cluster(s, owner)]
    if theirs:
        raise Permanent(
            f"Cannot {doing}: it has snapshots that are not the cluster's: {_listed([_named(s) for s in theirs])}",
            reason="ForeignSnapshots",
            responsible=Responsible.USER,
            remedy="Delete them (openstack volume snapshot delete), after you made a volume or a backup of what you "
            "want to keep. Navarch does not touch them, and goes on once they are gone",
        )


def _is_a_persons(port: Json) -> bool:
    """Those of servers, and those that nothing has yet."""
    device_owner = str(port.get("device_owner") or "")
    return not device_owner or device_owner.startswith(("compute:", "baremetal:"))


def _port(port: Json) -> str:
    of = f" of server {port['device_id']}" if port.get("device_id") else ""
    return f"{_named(port)}{of}"


def _named(body: Json) -> str:
    return f"{body['name']} ({body['id']})" if body.get("name") else str(body["id"])


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more
