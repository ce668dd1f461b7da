"""What Navarch writes onto nodes: whether pods may come, labels and taints."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.foreign import moment
from navarch.domain.kube import NOT_BEHIND_SERVICES
from navarch.domain.spec import Taint
from navarch.domain.steps import MarkNode

CORDONED = "navarch.io/cordoned"
"""Annotation of a node that Navarch made unschedulable: what a person cordoned is never uncordoned."""
DRAINED = "navarch.io/drained"
"""Annotation of a node whose pods have moved since it was made unschedulable, by whomever: since when."""
_WITHDRAWN = {NOT_BEHIND_SERVICES: "drained"}


def cordon(connection: Connection, name: str) -> bool:
    """Let no new pods onto a node; False where there is no such node."""
    try:
        node = connection.get(_path(name))
        if not node.get("spec", {}).get("unschedulable"):
            mark = {"metadata": {"annotations": {CORDONED: "true"}}, "spec": {"unschedulable": True}}
            connection.merge(_path(name), mark)
    except errors.Absent:
        return False
    return True


def note_drained(connection: Connection, name: str, at: datetime, *, withdraw: bool) -> datetime | None:
    """Note that the pods of a node have moved; None if it is not there. Gives since when that is known, at the latest
    `at`. `withdraw`: no Service's balancer is to send to it any more."""
    try:
        metadata = connection.get(_path(name))["metadata"]
        noted = (metadata.get("annotations") or {}).get(DRAINED)
        labels = _WITHDRAWN if withdraw and not _WITHDRAWN.keys() <= (metadata.get("labels") or {}).keys() else {}
        if noted is None or labels:
            marks = {DRAINED: noted or at.isoformat()}
            connection.merge(_path(name), {"metadata": {"annotations": marks, "labels": labels}})
    except errors.Absent:
        return None
    since = moment(noted) if noted is not None else None
    return min(since or at, at)


def uncordon(connection: Connection, name: str) -> None:
    """Let pods onto a node again that Navarch cordoned; fine if it is not there."""
    try:
        marks = {CORDONED: None, DRAINED: None}
        connection.merge(_path(name), {"metadata": {"annotations": marks}, "spec": {"unschedulable": None}})
    except errors.Absent:
        return


def label(connection: Connection, name: str, labels: Mapping[str, str]) -> None:
    """Give a node labels; fine if it is not there."""
    try:
        connection.merge(_path(name), {"metadata": {"labels": dict(labels)}})
    except errors.Absent:
        return


def mark(connection: Connection, step: MarkNode) -> None:
    """Give a node labels and taints, and take from it those that it is to lose; all others stay. Fine if it is not
    there. Raises Conflict where somebody changed it meanwhile."""
    try:
        node = connection.get(_path(step.name))
        replaced = {(t.key, t.effect) for t in step.taints} | set(step.lost_taints)
        others = [t for t in node.get("spec", {}).get("taints", ()) if (t["key"], t["effect"]) not in replaced]
        change: dict[str, Any] = {
            # Taints are a list, which a merge replaces whole: nobody may have changed it since it was read.
            "metadata": {
                "resourceVersion": node["metadata"]["resourceVersion"],
                "labels": dict.fromkeys(step.lost_labels) | dict(step.labels),
            },
            "spec": {"taints": [*others, *(_taint(t) for t in step.taints)] or None},
        }
        connection.merge(_path(step.name), change)
    except errors.Absent:
        return


def _taint(taint: Taint) -> dict[str, str]:
    made = {"key": taint.key, "effect": taint.effect}
    return {**made, "value": taint.value} if taint.value else made


def _path(name: str) -> str:
    return f"/api/v1/nodes/{name}"
