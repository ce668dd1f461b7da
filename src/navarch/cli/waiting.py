"""Waiting for a cluster to come true, showing how it goes."""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from navarch.cli.exits import Exit, Failure
from navarch.cli.live import View, blocked_lines
from navarch.cli.output import span
from navarch.client.errors import Problem, Unavailable
from navarch.client.follow import Follower
from navarch.client.shapes import Cluster, Machine, Progress

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

Goal = Callable[[Cluster, Sequence[Machine]], bool]


def comes_true(reached: Callable[[], bool], within: float, every: float) -> bool:
    """Whether something comes true within so many seconds. For what no stream tells of: it is asked for again and
    again, so many seconds apart."""
    end = time.monotonic() + within
    while not reached():
        if time.monotonic() >= end:
            return False
        time.sleep(every)
    return True


def settled(generation: int) -> Goal:
    """The goal that a cluster has come to rest as of a generation of its wish: Ready, stopped, or paused, where nothing
    more is done."""

    def reached(cluster: Cluster, machines: Sequence[Machine]) -> bool:
        status = cluster["status"]
        if status.get("phase") == "Paused":
            return bool(cluster["spec"].get("paused"))  # what is seen of a paused cluster keeps its generation
        return status.get("phase") in ("Ready", "Stopped") and status.get("observed_generation", 0) >= generation

    return reached


def held(cluster: Cluster) -> str:
    """Why nothing is done to its machines now, and until when; empty: it is."""
    match cluster["status"].get("phase"):
        case "Stopping" | "Stopped":
            return f"Cluster {cluster['name']} is stopped: this is done once it runs."
        case "Paused":
            return f"Cluster {cluster['name']} is paused: this is done once it is resumed."
        case _:
            return ""


def is_gone(machine: Machine) -> Goal:
    """The goal that a machine is gone, another of its name or not, and the cluster is Ready or stopped."""

    def reached(cluster: Cluster, machines: Sequence[Machine]) -> bool:
        known = (machine["name"], machine["created_at"])
        still = any((m["name"], m["created_at"]) == known for m in machines)
        counted, phase = cluster["status"]["machines"], cluster["status"].get("phase")
        every_node = counted["desired"] == counted["ready"]
        return not still and (phase == "Stopped" or (phase == "Ready" and every_node))

    return reached


def group_has(name: str, replicas: int, generation: int) -> Goal:
    """The goal that a node group has so many joined machines, none leaving, beside those that are kept for a look, and
    the cluster is Ready, and was as of a generation of the group's wish."""

    def reached(cluster: Cluster, machines: Sequence[Machine]) -> bool:
        own = [m for m in machines if m["group"] == name and m["role"] == "worker" and not m.get("kept_at")]
        there = [m for m in own if m.get("joined") and not m.get("removing")]
        counted = cluster["status"]["machines"]
        every_node = counted["desired"] == counted["ready"]
        group = next((g for g in cluster.get("node_groups", ()) if g["name"] == name), None)
        is_newest = group is None or group["status"].get("observed_generation", 0) >= generation
        is_ready = cluster["status"].get("phase") == "Ready" and every_node
        return len(own) == len(there) == replicas and is_newest and is_ready

    return reached


def wait_for(
    navarch: "Navarch", cluster_id: str, goal: Goal | None, view: View, *, timeout_seconds: float
) -> Cluster | None:
    """Follow the cluster until the goal is reached, and give it; `goal` None: until it is gone.

    A condition that somebody must act on is shown while it lasts: it may clear. Raises Failure at the deadline, with
    exit code 1 where such a condition was in the way and 6 where it merely took too long.
    """
    progress: Progress | None = None
    failure: Unavailable | None = None

    def away(error: Unavailable) -> None:
        nonlocal failure
        failure = error  # the cluster goes on without us; only the deadline ends our patience
        view.say(f"{error.message}; the cluster is not affected, looking again")

    try:
        for followed in Follower(navarch, cluster_id, away).follow(timeout_seconds):
            failure, progress = None, followed.progress
            view.show(progress)
            if goal is not None and goal(followed.cluster, followed.machines):
                return followed.cluster
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        if goal is None:
            return None
        raise Failure(f"cluster {cluster_id} was deleted while it was waited for", Exit.NOT_FOUND) from problem
    raise _too_late(progress, failure, timeout_seconds)


def _too_late(progress: Progress | None, failure: Unavailable | None, timeout_seconds: float) -> Exception:
    if failure is not None:
        return failure
    if progress is not None and progress["blocked"] is not None:
        return Failure("\n".join(blocked_lines(progress)), Exit.FAILED)
    phase = progress["phase"] if progress else "unknown"
    return Failure(
        f"not done after {span(timeout_seconds)}; phase {phase}. It goes on without us: "
        "look with `navarch cluster show`, wait on with `navarch cluster wait`.",
        Exit.TIMED_OUT,
    )
