"""Why a workload waits for its pods: an image that cannot be pulled, a program that ends, no node with room.

Its own status counts pods and says no more. So its pods are asked, a hundred of them, only while it waits.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from navarch.addons import errors, foreign, health
from navarch.addons.connection import Connection
from navarch.addons.kinds import collection
from navarch.addons.selectors import pairs
from navarch.domain.errors import Permanent, Temporary

Seen = Mapping[str, Any]
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
_PODS, _LONGEST = 100, 300
_SECONDS = 2.0  # for a word more: what the workload says of itself is enough
_PULLS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"})
_NEVER_BEGAN = frozenset({"StartError", "ContainerCannotRun"})  # as reasons of an end
_STARTS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def lacking(connection: Connection, seen: Seen) -> str:
    """What an object lacks (`health.waiting`), and of a workload what holds a pod of it up; empty where it has all."""
    said = health.waiting(seen)
    if not said or seen.get("kind") not in _WORKLOADS:
        return said
    try:
        with errors.understanding("pods of a workload"):
            why = next(filter(None, map(trouble, _pods(connection.within(_SECONDS), seen))), "")
    except (Temporary, Permanent):
        return said
    return f"{said}; {why}" if why else said


def trouble(pod: Seen) -> str:
    """What holds a pod up, in words with its name; empty where nothing does, or it only takes its time."""
    if pod["metadata"].get("deletionTimestamp"):
        return ""
    why = next(_held(pod.get("status") or {}), "")
    return foreign.text(f"pod {foreign.name(pod['metadata'].get('name'))}: {why}", _LONGEST) if why else ""


def _held(status: Seen) -> Iterator[str]:
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in every:
        waits = (container.get("state") or {}).get("waiting") or {}
        reason, message = waits.get("reason"), waits.get("message") or ""
        if reason in _PULLS:
            yield f"image {container.get('image')} cannot be pulled: {message or reason}"
        elif reason in _STARTS:
            yield f"container {container.get('name')} cannot be started: {message or reason}"
        elif reason == "CrashLoopBackOff":
            last = (container.get("lastState") or {}).get("terminated") or {}
            yield f"container {container.get('name')} {_ended(last)}"
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("status")) == ("PodScheduled", "False"):
            yield f"no node takes it: {condition.get('message') or condition.get('reason')}"


def _ended(terminated: Seen) -> str:
    """Of a container that is begun again and again: why its last run was over."""
    if terminated.get("reason") in _NEVER_BEGAN:
        return f"cannot be started: {terminated.get('message') or terminated['reason']}"
    return f"ends again and again, with exit code {terminated.get('exitCode', '?')}"


def _pods(connection: Connection, workload: Seen) -> Iterable[Seen]:
    labels = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not labels:  # would be all pods
        return ()
    path = collection("", "v1", "pods", workload["metadata"]["namespace"])
    chosen = ",".join(f"{key}={value}" for key, value in pairs(labels))
    return connection.list(path, page=_PODS, pages=1, whole=False, labelSelector=chosen)
