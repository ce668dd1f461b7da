"""The chapter in which Navarch's worker is killed, again and again, while something is done to a cluster."""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from demo.stack import Stack
from demo.steps import until
from tests.e2e.clusters import Cluster

from proofs.lifecycle import nodes
from proofs.lifecycle.repairs import order, server_id
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, NEW, OLD, Scene, settled

_KILLS = 3
_WORKER = "worker"
_AWAY = 2.0  # seconds until whoever keeps processes running would have started it again


def kills(scene: Scene, results: Results) -> None:
    """A cluster of 1 + 2 is upgraded, stopped, started and repaired. In each, Navarch's worker is ended by SIGKILL
    three times, at random moments, and started again."""
    seed = random.SystemRandom().randrange(10**6)
    results.says("seed of the moments", str(seed))
    dice = random.Random(seed)
    with scene.cluster("proof-kills", "--version", OLD, "--workers", "2") as cluster:
        cluster_id = cluster.shown()["id"]

        def done(what: str, span: float, deed: Callable[[], object]) -> None:
            """Do it, with the kills within `span` seconds, about the time that it takes."""
            with _killed(scene.customer.stack, sorted(dice.uniform(0, span) for _ in range(_KILLS))) as killed:
                began = monotonic()
                deed()
                took = monotonic() - began
            results.at_most(f"{what}: seconds", took, "s")
            results.holds(f"{what}: {_KILLS} kills before its end", killed.count == _KILLS, killed.count)

        def navarch(word: str, *words: str) -> None:
            scene.navarch("cluster", word, cluster.name, *words, "--wait")

        done("upgrade", 120, lambda: navarch("upgrade", "--to", NEW))
        versions = nodes.kubelets(cluster.nodes().values())
        results.holds(f"upgrade: every node has {NEW}", set(versions.values()) == {NEW}, versions)
        done("stop", 20, lambda: navarch("stop"))
        phase = cluster.shown()["status"]["phase"]
        results.holds("stop: the cluster says Stopped", phase == "Stopped", phase)
        done("start", 15, lambda: navarch("start"))
        scene.navarch("nodegroup", "update", "default", "-c", cluster.name, "--repair-after", "60s", "--wait")
        settled(cluster)
        done("repair", 120, lambda: _replaced(scene, cluster))
        found = len(cluster.nodes())
        results.holds("repair: three nodes", found == 3, found)
    left = scene.customer.left(cluster_id)
    results.holds("after the deletion nothing is left in the project", not left, left)


def _replaced(scene: Scene, cluster: Cluster) -> None:
    """Pull the cables of a worker, and wait until another machine has its place."""
    worker = min(cluster.workers())
    before = server_id(cluster, worker)
    order("cut-network", worker)

    def is_replaced() -> bool:
        return server_id(cluster, worker) != before  # a worker's name is used once

    with scene.tell.step(f"another machine takes the place of {worker}, whose cables are pulled"):
        until("it is replaced", is_replaced, seconds=LIMIT)
    settled(cluster)


@dataclass
class _Killed:
    """How often."""

    count: int = 0


@contextmanager
def _killed(stack: Stack, moments: list[float]) -> Iterator[_Killed]:
    """Within the block the worker is killed at these moments, seconds from now; after it, no more."""
    killed, ended, began = _Killed(), threading.Event(), monotonic()

    def kill() -> None:
        for moment in moments:
            if ended.wait(max(0.0, began + moment - monotonic())):
                return
            stack.signal(_WORKER, signal.SIGKILL)
            killed.count += 1
            ended.wait(_AWAY)
            stack.start(_WORKER)

    thread = threading.Thread(target=kill, name="kills")
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join(LIMIT)
        stack.start(_WORKER)
