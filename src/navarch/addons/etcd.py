"""etcd's members, asked of etcd itself: `etcdctl` in one of its pods, with the certificate that is there for health
checks.

The member list is what etcd has agreed on; which of them answer, lead or have no vote yet, each says itself.
"""

from collections.abc import Mapping
from typing import Any

from navarch.addons import errors
from navarch.addons.commands import Answer
from navarch.addons.connection import Connection, value
from navarch.addons.foreign import address, name, text
from navarch.domain.errors import Temporary
from navarch.domain.kube import EtcdMember

_NAMESPACE = "kube-system"
_PODS = "component=etcd"
_KEYS = "/etc/kubernetes/pki/etcd"
_MOST_MEMBERS = 100  # etcd itself advises against more than seven
_WHY_SHOWN = 300  # characters


def members(connection: Connection) -> tuple[EtcdMember, ...]:
    """Every member. Raises Temporary where none of them can be asked."""
    with errors.understanding("etcd"):
        return _members(connection, _pod(connection))


def remove(connection: Connection, member_id: str) -> None:
    """Take a member out; one that leads hands leadership on first. Fine if it is not there. Raises Temporary."""
    pod = _pod(connection)
    there = _members(connection, pod)
    leaving = next((m for m in there if m.id == member_id), None)
    if leaving is None:
        return
    others = [m for m in there if m.healthy and not m.learner and m.id != member_id]
    if leaving.leader and others:
        endpoint = f"--endpoints=https://{leaving.address}:2379"
        _said(connection.run(_NAMESPACE, pod, (*_etcdctl(endpoint), "move-leader", others[0].id)))
    answer = connection.run(_NAMESPACE, pod, (*_etcdctl(), "member", "remove", member_id))
    if "member not found" not in answer.err:
        _said(answer)


def _members(connection: Connection, pod: str) -> tuple[EtcdMember, ...]:
    listed = _said(connection.run(_NAMESPACE, pod, (*_etcdctl(), "--write-out=json", "member", "list")))
    # Fails where one of them is silent, which it gives up after this time, and says what the others said.
    status = (*_etcdctl(), "--command-timeout=2s", "--write-out=json", "endpoint", "status", "--cluster")
    said = value(connection.run(_NAMESPACE, pod, status).out or b"[]", "etcdctl endpoint status")
    statuses = {_id(one["Status"]["header"]["member_id"]): one["Status"] for one in said or ()}
    return tuple(_member(one, statuses) for one in value(listed, "etcdctl member list")["members"][:_MOST_MEMBERS])


def _pod(connection: Connection) -> str:
    """One that runs and is ready, so that its member answers."""
    pods = connection.list(f"/api/v1/namespaces/{_NAMESPACE}/pods", page=50, pages=1, whole=False, labelSelector=_PODS)
    ready = [name(pod["metadata"]["name"]) for pod in pods if _is_ready(pod)]
    chosen = min(filter(None, ready), default="")
    if not chosen:
        raise Temporary("No pod of etcd is ready: nobody can be asked about its members.", reason=errors.NOT_ANSWERING)
    return chosen


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _member(listed: Mapping[str, Any], statuses: Mapping[str, Mapping[str, Any]]) -> EtcdMember:
    id_ = _id(listed["ID"])
    status = statuses.get(id_)
    peer = str(next(iter(listed.get("peerURLs", ())), ""))
    return EtcdMember(
        id=id_,
        name=name(listed.get("name")),
        address=address(peer.removeprefix("https://").rpartition(":")[0].strip("[]")),
        healthy=status is not None and not status.get("errors"),
        leader=status is not None and _id(status.get("leader", 0)) == id_,
        learner=bool(listed.get("isLearner", False)),
    )


def _etcdctl(where: str = "--endpoints=https://127.0.0.1:2379") -> tuple[str, ...]:
    certificate = f"--cert={_KEYS}/healthcheck-client.crt", f"--key={_KEYS}/healthcheck-client.key"
    return ("etcdctl", f"--cacert={_KEYS}/ca.crt", *certificate, where)


def _id(number: Any) -> str:
    """As etcdctl takes it. Raises ValueError where it is none."""
    if not isinstance(number, int) or not 0 <= number < 2**64:
        raise ValueError("the id of a member is a number of 64 bits")
    return format(number, "x")


def _said(answer: Answer) -> bytes:
    if answer.code != 0:
        detail = text(answer.err.strip()[-_WHY_SHOWN:], _WHY_SHOWN) or f"exit status {answer.code}"
        raise Temporary(f"etcd could not be asked: {detail}", reason=errors.NOT_ANSWERING, after=1.0)
    return answer.out
