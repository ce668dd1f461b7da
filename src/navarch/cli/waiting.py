"""Waiting for a cluster to come true, showing how it goes."""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from navarch.cli.exits import Exit, Failure
from navarch.cli.live import View, blocked_lines
from navarch.cli.output import span
from navarch.cli.progress import Progress, progress_of
from navarch.client.errors import Problem, Unavailable
from navarch.client.shapes import Cluster, Machine

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

_POLL_SECONDS = 1.0

Goal = Callable[[Cluster, Sequence[Machine]], bool]


def ready(generation: int) -> Goal:
    """The goal that a cluster is Ready as of a generation of its wish."""

    def reached(cluster: Cluster, machines: Sequence[Machine]) -> bool:
        status = cluster["status"]
        return status.get("phase") == "Ready" and status.get("observed_generation", 0) >= generation

    return reached


def group_has(name: str, replicas: int) -> Goal:
    """The goal that a node group has so many joined machines, none leaving, and the cluster is Ready."""

    def reached(cluster: Cluster, machines: Sequence[Machine]) -> bool:
        own = [m for m in machines if m["group"] == name and m["role"] == "worker"]
        there = [m for m in own if m.get("joined") and not m.get("removing")]
        counted = cluster["status"]["machines"]
        every_node = counted["desired"] == counted["ready"]
        return len(own) == len(there) == replicas and every_node and cluster["status"].get("phase") == "Ready"

    return reached


def wait_for(
    navarch: "Navarch",
    cluster_id: str,
    goal: Goal | None,
    view: View,
    *,
    timeout_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Cluster | None:
    """Poll until the goal is reached and give the cluster; `goal` None: until the cluster is gone.

    A condition that somebody must act on is shown while it lasts: it may clear. Raises Failure at the deadline, with
    exit code 1 where such a condition was in the way and 6 where it merely took too long.
    """
    deadline = clock() + timeout_seconds
    progress: Progress | None = None
    failure: Unavailable | None = None
    while True:
        try:
            cluster = navarch.cluster(cluster_id)
            machines = list(navarch.machines(cluster_id))
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND:
                raise
            if goal is None:
                return None
            raise Failure(f"cluster {cluster_id} was deleted while it was waited for", Exit.NOT_FOUND) from problem
        except Unavailable as error:
            failure = error  # the cluster goes on without us; only the deadline ends our patience
            view.say(f"{error.message}; the cluster is not affected, looking again")
        else:
            failure = None
            progress = progress_of(cluster, machines, navarch.now())
            view.show(progress)
            if goal is not None and goal(cluster, machines):
                return cluster
        if clock() >= deadline:
            raise _too_late(progress, failure, timeout_seconds)
        sleep(min(_POLL_SECONDS, max(0.0, deadline - clock())))


def _too_late(progress: Progress | None, failure: Unavailable | None, timeout_seconds: float) -> Exception:
    if failure is not None:
        return failure
    if progress is not None and progress.blocked is not None:
        return Failure("\n".join(blocked_lines(progress)), Exit.FAILED)
    phase = progress.phase if progress else "unknown"
    return Failure(
        f"not done after {span(timeout_seconds)}; phase {phase}. It goes on without us: "
        "look with `navarch cluster show`, wait on with `navarch cluster wait`.",
        Exit.TIMED_OUT,
    )
