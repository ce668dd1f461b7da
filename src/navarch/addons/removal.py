"""Have a cluster's own controllers remove what they made in the cloud, before the cluster goes."""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once

_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_DRIVER = "cinder.csi.openstack.org"

Seen = Mapping[str, Any]


def remove_cloud_objects(connection: Connection, pool: Executor, *, volumes: bool) -> bool:
    """One round: ask balancers, and with `volumes` also volumes, to go; True when none are left. Never waits."""
    services = [s for s in connection.get("/api/v1/services")["items"] if s["spec"].get("type") == "LoadBalancer"]
    at_once(pool, lambda s: connection.delete(_path(s, "services")), [s for s in services if not _ending(s)])
    return (not volumes or _remove_volumes(connection, pool)) and not services


def _remove_volumes(connection: Connection, pool: Executor) -> bool:
    """Claims go only once no pod uses them, and their controllers would make pods and claims anew: so no node takes a
    pod any more, and the pods that use them are deleted."""
    doomed = [v for v in connection.get("/api/v1/persistentvolumes")["items"] if goes_with_its_claim(v)]
    if not doomed:
        return True
    nodes = connection.get("/api/v1/nodes")["items"]
    cordon = {"spec": {"unschedulable": True}}
    schedulable = [n for n in nodes if not n["spec"].get("unschedulable")]
    at_once(pool, lambda n: _unless_absent(connection, f"/api/v1/nodes/{n['metadata']['name']}", cordon), schedulable)
    volumes = {v["metadata"]["name"] for v in doomed}
    claims = [
        c for c in connection.get("/api/v1/persistentvolumeclaims")["items"] if c["spec"].get("volumeName") in volumes
    ]
    at_once(
        pool,
        lambda c: connection.delete(_path(c, "persistentvolumeclaims")),
        [c for c in claims if not _ending(c)],
    )
    used = {(c["metadata"]["namespace"], c["metadata"]["name"]) for c in claims}
    users = [p for p in connection.get("/api/v1/pods")["items"] if _claims_of(p) & used and not _ending(p)]
    at_once(pool, lambda p: connection.delete(_path(p, "pods")), users)
    return False


def goes_with_its_claim(volume: Seen) -> bool:
    """Whether a volume was made for a claim by our driver and is to be deleted with it. One that its owner made by
    hand, or asked to retain, is not ours to remove here."""
    annotations = volume["metadata"].get("annotations", {})
    reclaimed = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    return bool(reclaimed and annotations.get(_PROVISIONED_BY) == _DRIVER)


def _claims_of(pod: Seen) -> set[tuple[str, str]]:
    namespace = pod["metadata"]["namespace"]
    mounted = (
        v["persistentVolumeClaim"]["claimName"] for v in pod["spec"].get("volumes", ()) if "persistentVolumeClaim" in v
    )
    return {(namespace, name) for name in mounted}


def _unless_absent(connection: Connection, path: str, change: Seen) -> None:
    try:
        connection.merge(path, change)
    except errors.Absent:
        return


def _ending(seen: Seen) -> bool:
    return "deletionTimestamp" in seen["metadata"]


def _path(seen: Seen, plural: str) -> str:
    return f"/api/v1/namespaces/{seen['metadata']['namespace']}/{plural}/{seen['metadata']['name']}"
