"""The chapter in which a cluster of 1 + 2 is stopped and started, against a bare boot of the same machines."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from demo.steps import until
from tests.e2e.clusters import Cluster
from tests.e2e.inside import code

from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import Scene, alive, settled

_LIMIT = 900.0  # seconds; more is a hang
_ENTRY = "written before the stop"


@dataclass(frozen=True, slots=True)
class Boot:
    """Seconds from the word until all nodes are Ready, and until the application answers with its data."""

    nodes: float
    application: float


def stop(scene: Scene, results: Results) -> None:
    """A cluster of 1 + 2 with an application that has a volume: its machines are switched off and on by Nova, while
    Navarch is paused, and then the cluster is stopped and started by Navarch."""
    with scene.cluster("proof-stop", "--workers", "2") as cluster:
        with scene.tell.step("the sample application, with a volume"):
            address = cluster.application.address()
            cluster.application.write(address, _ENTRY)
        api_url = cluster.shown()["status"]["api_url"]
        bare = _bare_boot(scene, cluster, address)
        results.at_most("bare boot: all nodes Ready", bare.nodes, "s")
        results.at_most("bare boot: the application answers", bare.application, "s")
        results.at_most("stop", scene.navarch("cluster", "stop", cluster.name), "s")
        _nothing_runs(results, cluster)
        ours = _booted(
            scene, cluster, address, "start by Navarch",
            # Nova was asked without a command's start of a second as well.
            lambda: cluster.api.update_cluster(cluster.name, {"spec": {"running": True}}),
        )  # fmt: skip
        settled(cluster)
        results.at_most("start: all nodes Ready", ours.nodes, "s")
        results.at_most("start: the application answers with its data", ours.application, "s")
        results.at_most("start / bare boot, all nodes Ready", ours.nodes / bare.nodes, "×", 1.2)
        results.at_most("start / bare boot, the application answers", ours.application / bare.application, "×")
        now = cluster.shown()["status"]["api_url"]
        results.holds("the API has its address", now == api_url, now)


def _bare_boot(scene: Scene, cluster: Cluster, address: str) -> Boot:
    """What the machines need by themselves, without anybody who does anything about them."""
    compute, servers = cluster.cloud.compute, cluster.servers()
    scene.navarch("cluster", "update", cluster.name, "--pause")
    with scene.tell.step("all machines are switched off by Nova"):
        for server in servers:
            compute.stop_server(server)
        until("all are SHUTOFF", lambda: {s.status for s in cluster.servers()} == {"SHUTOFF"}, seconds=_LIMIT)

    def switch_on() -> None:
        for server in servers:
            compute.start_server(server)

    bare = _booted(scene, cluster, address, "bare boot", switch_on)
    scene.navarch("cluster", "update", cluster.name, "--resume", "--wait")
    settled(cluster)
    return bare


def _booted(scene: Scene, cluster: Cluster, address: str, what: str, deed: Callable[[], object]) -> Boot:
    """Do it, and time what follows."""
    machines, began, since = len(cluster.servers()), monotonic(), datetime.now(UTC)
    deed()
    with scene.tell.step(f"{what}: all nodes are Ready"):
        until("all nodes are Ready", lambda: len(alive(cluster, since)) == machines, seconds=_LIMIT, every=0.3)
        ready = monotonic() - began
    with scene.tell.step(f"{what}: the application answers with its data"):
        until("the entry is there", lambda: _ENTRY in _entries(cluster, address), seconds=_LIMIT, every=0.3)
    return Boot(ready, monotonic() - began)


def _entries(cluster: Cluster, address: str) -> str:
    return json.dumps(cluster.application.read(address, seconds=_LIMIT)["entries"])


def _nothing_runs(results: Results, cluster: Cluster) -> None:
    servers: list[Any] = list(cluster.cloud.compute.servers())
    running = {server.name: server.status for server in servers if server.status != "SHUTOFF"}
    results.holds("nothing of compute runs in the project", not running, running)
    phase = cluster.shown()["status"]["phase"]
    results.holds("the cluster says Stopped", phase == "Stopped", phase)
    said = code(f"{cluster.shown()['status']['api_url']}/livez")
    results.holds("its API answers nobody", said == "000", said)
