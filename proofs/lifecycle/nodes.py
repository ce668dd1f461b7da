"""What Kubernetes' and etcd's answers say of nodes. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

Object = dict[str, Any]


def alive(nodes: Iterable[Object], leases: Iterable[Object], since: datetime) -> set[str]:
    """Names of nodes that are Ready and whose kubelets have spoken since then. Of a machine that is off, the API calls
    the node Ready for most of a minute, and after a start of the whole cluster at once."""
    spoke = {lease["metadata"]["name"] for lease in leases if (at := _renewed(lease)) is not None and at > since}
    return {n["metadata"]["name"] for n in nodes if _ready(n)} & spoke


def kubelets(nodes: Iterable[Object]) -> dict[str, str]:
    """The kubelet's version of each node, without its v."""
    return {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"].removeprefix("v") for n in nodes}


def leader(members: Iterable[Object], nodes: Iterable[Object]) -> str | None:
    """The node whose etcd member leads, by what `etcdctl endpoint status` says of all of them; None: of none."""
    led = (
        m for m in members if m["Status"].get("leader") and m["Status"]["leader"] == m["Status"]["header"]["member_id"]
    )
    host = next((m["Endpoint"].split("//")[-1].rsplit(":", 1)[0] for m in led), None)
    for node in nodes:
        if host in (a["address"] for a in node["status"].get("addresses", ()) if a["type"] == "InternalIP"):
            return str(node["metadata"]["name"])
    return None


def boot_seconds(machine: Object) -> float:
    """From the moment in which a machine was decided on until it said last how its boot went: that it had joined."""
    last = max((datetime.fromisoformat(report["at"]) for report in machine["boot"]), default=None)
    return 0.0 if last is None else (last - datetime.fromisoformat(machine["created_at"])).total_seconds()


def _ready(node: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))


def _renewed(lease: Object) -> datetime | None:
    at = lease["spec"].get("renewTime")
    return None if at is None else datetime.fromisoformat(at)
