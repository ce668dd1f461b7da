"""etcd's members, asked of etcd itself: `etcdctl` in one of its pods, with the certificate that is there for health
checks.

The member list is what etcd has agreed on; which of them answer, lead or have no vote yet, each says itself.
"""

import json
from typing import Any

from navarch.addons import errors
from navarch.addons.commands import Answer
from navarch.addons.connection import Connection
from navarch.domain.errors import Temporary
from navarch.domain.kube import EtcdMember

_NAMESPACE = "kube-system"
_PODS = "component=etcd"
_KEYS = "/etc/kubernetes/pki/etcd"
_SECONDS = 6.0  # for each command; a member that is silent is given up by etcdctl after 2


def members(connection: Connection) -> tuple[EtcdMember, ...]:
    """Every member. Raises Temporary where none of them can be asked."""
    pod = _pod(connection)
    listed = _ask(connection, pod, "member", "list")["members"]
    statuses = _statuses(connection, pod)
    return tuple(_member(said, statuses) for said in listed)


def remove(connection: Connection, member_id: str) -> None:
    """Take a member out; one that leads hands leadership on first. Fine if it is not there. Raises Temporary."""
    there = members(connection)
    leaving = next((m for m in there if m.id == member_id), None)
    if leaving is None:
        return
    others = [m for m in there if m.healthy and not m.learner and m.id != member_id]
    pod = _pod(connection)
    if leaving.leader and others:
        endpoint = f"--endpoints=https://{leaving.address}:2379"
        _said(connection.run(_NAMESPACE, pod, (*_etcdctl(endpoint), "move-leader", others[0].id), seconds=_SECONDS))
    answer = connection.run(_NAMESPACE, pod, (*_etcdctl(), "member", "remove", member_id), seconds=_SECONDS)
    if "member not found" not in answer.err:
        _said(answer)


def _pod(connection: Connection) -> str:
    """One that runs and is ready, so that its member answers."""
    pods = connection.get(f"/api/v1/namespaces/{_NAMESPACE}/pods", labelSelector=_PODS)["items"]
    ready = [pod["metadata"]["name"] for pod in pods if _is_ready(pod)]
    if not ready:
        raise Temporary(
            "No pod of etcd is ready, so nobody can be asked about its members.", reason=errors.NOT_ANSWERING
        )
    return str(min(ready))


def _is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _statuses(connection: Connection, pod: str) -> dict[str, Any]:
    """What each member that answers says of itself, by its id."""
    command = (*_etcdctl(), "--command-timeout=2s", "--write-out=json", "endpoint", "status", "--cluster")
    answer = connection.run(_NAMESPACE, pod, command, seconds=_SECONDS)  # fails where one of them is silent
    said = _json(answer.out or "[]", "endpoint status")
    return {_hex(one["Status"]["header"]["member_id"]): one["Status"] for one in said}


def _ask(connection: Connection, pod: str, *words: str) -> Any:
    answer = connection.run(_NAMESPACE, pod, (*_etcdctl(), "--write-out=json", *words), seconds=_SECONDS)
    return _json(_said(answer), " ".join(words))


def _member(listed: Any, statuses: dict[str, Any]) -> EtcdMember:
    id_ = _hex(listed["ID"])
    status = statuses.get(id_)
    peer = next(iter(listed.get("peerURLs", ())), "")
    return EtcdMember(
        id=id_,
        name=listed.get("name", ""),
        address=peer.removeprefix("https://").rpartition(":")[0],
        healthy=status is not None and not status.get("errors"),
        leader=status is not None and _hex(status.get("leader", 0)) == id_,
        learner=bool(listed.get("isLearner", False)),
    )


def _etcdctl(*options: str) -> tuple[str, ...]:
    certificate = f"--cert={_KEYS}/healthcheck-client.crt", f"--key={_KEYS}/healthcheck-client.key"
    where = options or ("--endpoints=https://127.0.0.1:2379",)
    return ("etcdctl", f"--cacert={_KEYS}/ca.crt", *certificate, *where)


def _hex(number: int) -> str:
    return format(number, "x")


def _said(answer: Answer) -> str:
    if answer.code != 0:
        detail = answer.err.strip()[-300:] or f"exit status {answer.code}"
        raise Temporary(f"etcd could not be asked: {detail}", reason=errors.NOT_ANSWERING)
    return answer.out


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Temporary(f"etcd's answer to {what} is not understood", reason=errors.NOT_ANSWERING) from error
