"""Empty a node: cordon it, evict what may be evicted, and say whether anything is left. Or give one up that is gone."""

from collections.abc import Iterable, Mapping
from typing import Any

from navarch.addons import errors, nodes
from navarch.addons.connection import Connection
from navarch.addons.contract import Draining
from navarch.addons.foreign import moment, text
from navarch.addons.parallel import at_once
from navarch.domain.errors import Permanent, Temporary

_MIRROR = "kubernetes.io/config.mirror"
_FINISHED = ("Succeeded", "Failed")
_WHY_SHOWN = 300  # characters
_USUAL_GRACE = 60  # seconds; Kubernetes' default is 30
_EVICTED_A_ROUND = 100

Pod = Mapping[str, Any]


def drain(connection: Connection, node: str, *, evict: bool) -> Draining | None:
    """One round; None when neither a pod that can move nor its volumes are left on the node. Never waits: a pod that a
    disruption budget protects, or that is still ending, is there again in the next round. Without `evict` pods are
    ended, whatever protects them, with the time that they want for it."""
    if not nodes.cordon(connection, node):
        return None
    there = _pods(connection, node)
    moving = [pod for pod in there if moves(pod)]
    if moving:
        going = [p for p in moving if not _ending(p)][:_EVICTED_A_ROUND]
        if not evict:
            at_once(lambda pod: _end(connection, pod), going)
            return Draining(pods=len(moving), slow=_take_long(moving))
        held = at_once(lambda pod: _evict(connection, pod), going)
        return Draining(tuple(sorted(why for why in held if why)), len(moving), _take_long(moving))
    # A volume that is still attached would follow its pod only minutes later, once the machine is gone.
    return None if _keeps_volumes(there) or not _attached(connection, node) else Draining()


def give_up(connection: Connection, node: str) -> None:
    """Remove the node object of a machine that is gone for certain, and end its pods, so that others take their place.

    Kubernetes by itself cannot tell a machine that is gone from one that is only silent. It would wait 50 s before it
    calls the node lost, then for its pods to say goodbye, and six minutes before it takes a volume away.
    """
    try:
        connection.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        # What the kubelet would say: the controller that detaches volumes then waits for nobody.
        connection.merge(f"/api/v1/nodes/{node}/status", {"status": {"volumesInUse": None}})
    except errors.Absent:
        pass  # its pods may still be there
    at_once(lambda pod: _end(connection, pod, grace_seconds=0), _pods(connection, node))
    connection.delete(f"/api/v1/nodes/{node}")


def moves(pod: Pod) -> bool:
    """Whether a drain waits for a pod: not for one of a DaemonSet, which would be back at once, nor for the mirror of a
    static pod, nor for one that has finished."""
    metadata = pod["metadata"]
    if _MIRROR in metadata.get("annotations", {}) or pod.get("status", {}).get("phase") in _FINISHED:
        return False
    return not any(o.get("controller") and o["kind"] == "DaemonSet" for o in metadata.get("ownerReferences", ()))


def _pods(connection: Connection, node: str) -> tuple[Pod, ...]:
    """All pods of a node."""
    return tuple(connection.list("/api/v1/pods", page=50, pages=20, fieldSelector=f"spec.nodeName={node}"))


def _ending(pod: Pod) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _take_long(pods: Iterable[Pod]) -> tuple[str, ...]:
    """Those that were asked to end and want more than a minute for it, with until when."""
    said = []
    for metadata in (pod["metadata"] for pod in pods if _ending(pod)):
        grace = metadata.get("deletionGracePeriodSeconds")
        if not isinstance(grace, int) or grace <= _USUAL_GRACE:
            continue
        until = moment(metadata["deletionTimestamp"])
        when = f" until {until:%Y-%m-%d %H:%M:%S} UTC" if until is not None else ""
        said.append(text(f"{metadata['namespace']}/{metadata['name']}{when}", _WHY_SHOWN))
    return tuple(sorted(said))


def _end(connection: Connection, pod: Pod, *, grace_seconds: int | None = None) -> None:
    """Whatever protects it. `grace_seconds`: instead of the time that the pod itself wants for its end."""
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
    connection.delete(path, uid=metadata["uid"], grace_seconds=grace_seconds)


def _evict(connection: Connection, pod: Pod) -> str:
    """Why the pod may not go now; empty where it may, or where the next round shows more."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": pod["metadata"]["uid"]}},
    }
    try:
        connection.post(f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", eviction)
    except (errors.Protected, Permanent) as error:  # a budget, or a policy of the user's
        return text(f"{namespace}/{name}: {error}", _WHY_SHOWN)
    except Temporary as error:
        if "PodDisruptionBudget" in error.message:  # two of them for one pod: a 500 that stays
            return text(f"{namespace}/{name}: {error.message}", _WHY_SHOWN)
    except errors.Absent:
        pass
    return ""  # gone, made anew under its name, or an API that stopped answering: the next round shows more


def _keeps_volumes(pods: Iterable[Pod]) -> bool:
    """Whether pods that stay have volumes of claims, which stay attached with them."""
    staying = (pod for pod in pods if pod.get("status", {}).get("phase") not in _FINISHED)
    return any("persistentVolumeClaim" in v for pod in staying for v in pod["spec"].get("volumes", ()))


def _attached(connection: Connection, node: str) -> bool:
    attachments = connection.list("/apis/storage.k8s.io/v1/volumeattachments", page=500, pages=20)
    return any(a["spec"]["nodeName"] == node for a in attachments)
