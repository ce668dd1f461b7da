"""The chapter in which a compute host dies, with all machines that it runs, and comes back later."""

import json
import subprocess
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from demo.stack import command
from demo.steps import StepFailed, until
from tests.e2e.clusters import Cluster

from proofs.lifecycle.asked import lost_writes
from proofs.lifecycle.repairs import REPAIR_AFTER, healthy, order
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, Scene, alive, is_ready, settled


def hosts(scene: Scene, results: Results) -> None:
    """Of a cluster of 3 + 3, the host of a control-plane machine dies, in a zone that has another host. Nova goes on
    calling its machines ACTIVE. Later the host is back, and starts what it ran before."""
    patience = f"{REPAIR_AFTER}s"
    with scene.cluster(
        "proof-hosts", "--control-plane-replicas", "3", "--workers", "3", "--control-plane-repair-after", patience
    ) as cluster:
        scene.navarch("nodegroup", "update", "default", "-c", cluster.name, "--repair-after", patience, "--wait")
        settled(cluster)
        address, count = scene.web(cluster), len(cluster.nodes())
        host, lost = _host(cluster)
        results.says("what the host ran", ", ".join(sorted(lost)))
        with scene.probing(cluster, address, "host dies") as answers:
            began = monotonic()
            try:
                order("stop-host", host)
                since = datetime.now(UTC)

                def well_again() -> bool:
                    return len(alive(cluster, since)) == count and is_ready(cluster) and healthy(cluster) == 3

                with scene.tell.step(f"{host} dies: until its machines are replaced"):
                    until("all is well again", well_again, seconds=LIMIT, every=1)
                took = monotonic() - began
                ids = {server.id for server in cluster.servers()}
            finally:
                order("start-host", host)
            with scene.tell.step(f"{host} is back: what it ran before is gone"):
                until("none of it runs", lambda: not set(lost.values()) & _running(host), seconds=LIMIT, every=2)
            settled(cluster)
        results.at_most("seconds until all machines are replaced", took, "s")
        results.holds("its machines were replaced, each", not set(lost.values()) & ids, lost)
        now = {server.id for server in cluster.servers()}
        results.holds("the host that is back takes nothing away", now == ids, now ^ ids)
        api = results.probed("host dies", "API", answers.api)
        results.probed("host dies", "workload", answers.workload)
        results.at_most("longest time in which the API answered nothing", api.longest_gap, "s")
        written = cluster.kubectl.get("configmap", "written", "-n", "shop").get("data", {})
        results.at_most("acknowledged writes that are lost", len(lost_writes(answers.api, written)), "", 0)
        results.holds("three healthy members of etcd", (members := healthy(cluster)) == 3, members)


def _host(cluster: Cluster) -> tuple[str, dict[str, str]]:
    """One that runs a machine of the control plane, in a zone where another host can take it; and all machines of the
    cluster that it runs, id by name."""
    names, workers, there = {s.id: s.name for s in cluster.servers()}, cluster.workers(), _status()
    zones = [host["zone"] for host in there]
    for host in there:
        mine = {names[m]: m for m in _machines(host) if m in names}
        if zones.count(host["zone"]) > 1 and mine.keys() - workers:
            return host["name"], mine
    raise StepFailed("no machine of the control plane is in a zone of two hosts")


def _running(host: str) -> set[str]:
    return next(_machines(each) for each in _status() if each["name"] == host)


def _machines(host: dict[str, Any]) -> set[str]:
    """Ids of the servers that run on it."""
    return {machine["id"] for machine in host["machines"] if machine["state"] == "running"}


def _status() -> list[dict[str, Any]]:
    said = subprocess.run((command("navarch-lab"), "status", "--json"), capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(said.stdout)["hosts"]
    return found
