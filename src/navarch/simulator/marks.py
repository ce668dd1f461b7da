"""Whose an object in the region is, by what it says of itself; and who made it. For people and measurements: a cloud
knows nothing of clusters."""

import re
from collections.abc import Iterator

from navarch.domain.names import METADATA_KEY, TAG_PREFIX
from navarch.simulator.controllers import CSI_KEY
from navarch.simulator.openstack import kinds
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.region import Region

_PARTS = {"security group rule", "listener", "pool", *kinds.BELOW}  # of what belongs to a cluster
KINDS = tuple(kind for kind in kinds.KINDS if kind not in _PARTS)
_ID = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_OURS = re.compile(rf"(?:^|\s){TAG_PREFIX}{_ID}$")
_CONTROLLERS = re.compile(rf"^kube_service_{_ID}_| cluster {_ID}$")
_USER = re.compile(rf"^{_ID}$")


def owner(found: Object) -> tuple[str, str]:
    """The id of the cluster that an object says it belongs to, and who made it: navarch, cloud-controller or csi. Both
    are empty where it says nothing of a cluster."""
    if found.kind == "server":
        tags = (_OURS.search(tag) for tag in found["tags"])
        return next(((tag[1], "navarch") for tag in tags if tag), ("", ""))
    metadata = found.body.get("metadata") or {}
    if CSI_KEY in metadata:
        return metadata[CSI_KEY], "csi"
    if METADATA_KEY in metadata:
        return metadata[METADATA_KEY], "navarch"
    name, description = found.name, str(found.body.get("description") or "")
    ours = _USER.match(name) if found.kind == "user" else _OURS.search(description) or _OURS.search(name)
    if ours:
        return ours[1], "navarch"
    theirs = _CONTROLLERS.search(name) or _CONTROLLERS.search(description)
    return (theirs[1] or theirs[2], "cloud-controller") if theirs else ("", "")


def own_name(found: Object) -> str:
    """The name that Navarch gave it: some objects carry it beside their mark."""
    text = found.name or str(found.body.get("description") or "")
    return text.partition(f" {TAG_PREFIX}")[0]


def belonging(region: Region, *of: str) -> Iterator[tuple[Object, str, str]]:
    """Every object that says that it belongs to a cluster, with that one's id and its maker."""
    for kind in of or KINDS:
        for found in region[kind]:
            cluster_id, maker = owner(found)
            if cluster_id:
                yield found, cluster_id, maker
