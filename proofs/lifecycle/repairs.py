"""The chapter in which machines break: one worker, one machine of the control plane, in two ways each.

A machine whose power was cut is SHUTOFF to Nova, and may be as good as new once it is switched on. One whose cables
were pulled is ACTIVE to Nova: Kubernetes alone says that it is lost, and another has to take its place.
"""

import json
import subprocess
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

from demo.stack import command
from demo.steps import StepFailed, until
from tests.e2e.clusters import Cluster

from proofs.lifecycle import nodes
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import Scene, alive, asked, is_ready

REPAIR_AFTER = 60  # seconds: the least that can be asked for
_POWER_CUT, _CABLES_PULLED = ("kill-machine", "power cut"), ("cut-network", "cables pulled")
_LIMIT = 1200.0  # seconds; more is a hang
_ETCDCTL = (
    "etcdctl", "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
    "--key=/etc/kubernetes/pki/etcd/server.key", "endpoint",
)  # fmt: skip


def repair(scene: Scene, results: Results) -> None:
    """Of a cluster of 3 + 2, a worker loses its power, another its network; then the machines of etcd's leaders do."""
    patience = f"{REPAIR_AFTER}s"
    with scene.cluster(
        "proof-repair", "--control-plane-replicas", "3", "--workers", "2", "--control-plane-repair-after", patience
    ) as cluster:
        scene.navarch("nodegroup", "update", "default", "-c", cluster.name, "--repair-after", patience, "--wait")
        for fault in (_POWER_CUT, _CABLES_PULLED):
            worker = min(cluster.workers())
            took = _broken(scene, results, cluster, worker, fault)
            beyond = f"worker, {fault[1]}: beyond repair_after_seconds ({REPAIR_AFTER})"
            results.at_most(beyond, took - REPAIR_AFTER, "s", 60)
        for fault in (_POWER_CUT, _CABLES_PULLED):
            led = until("etcd has a leader", lambda: _leader(cluster), seconds=60)
            took = _broken(scene, results, cluster, led, fault)
            whole = f"control plane, {fault[1]}: until its member is back"
            results.at_most(whole, took, "s", 90 if fault is _POWER_CUT else None)
            members = healthy(cluster)
            results.holds(f"control plane, {fault[1]}: three healthy members of etcd", members == 3, members)


def _broken(scene: Scene, results: Results, cluster: Cluster, machine: str, fault: tuple[str, str]) -> float:
    """Break a machine under both probers. Seconds until there are as many living nodes as before, etcd has all of its
    members, and Navarch calls the cluster Ready."""
    word, said = fault
    is_worker = machine in cluster.workers()
    role = "worker" if is_worker else "control plane"
    address = scene.web(cluster)
    count, before = len(cluster.nodes()), server_id(cluster, machine)
    with (
        scene.probing(cluster, address, f"{role}, {said}") as answers,
        scene.tell.step(f"{said} of {machine}: until all is well again"),
    ):
        began = monotonic()
        order(word, machine)
        since = datetime.now(UTC)

        def well_again() -> bool:
            # Cheapest first. Of the broken machine no kubelet has spoken since, so what counts is up again or new.
            there = len(alive(cluster, since)) == count
            return there and is_ready(cluster) and (is_worker or healthy(cluster) == 3)

        until(f"{role}, {said}: all is well again", well_again, seconds=_LIMIT, every=1)
        took = monotonic() - began
    results.probed(f"{role}, {said}", "API", answers.api)
    results.probed(f"{role}, {said}", "workload", answers.workload)
    results.at_most(f"{role}, {said}: seconds until all is well", took, "s")
    replaced = server_id(cluster, machine) != before
    results.says(f"{role}, {said}: what was done", "it was replaced" if replaced else "it was switched on again")
    if word == "cut-network":
        results.holds(f"{role}, {said}: another machine took its place", replaced, machine)
    return took


def order(fault: str, machine: str) -> None:
    """Have the lab break a machine."""
    words = (command("navarch-lab"), "fault", fault, machine)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise StepFailed(f"navarch-lab fault {fault} {machine}: {done.stderr.strip()}")


def server_id(cluster: Cluster, machine: str) -> str | None:
    """Nova's id of a machine; None where it has none."""
    return next((str(server.id) for server in cluster.servers() if server.name == machine), None)


def _leader(cluster: Cluster) -> str | None:
    """The node whose member leads; None where nobody says."""
    said = _etcd(cluster, "status", "--cluster", "-w", "json")
    return nodes.leader(json.loads(said), cluster.nodes().values()) if said else None


def healthy(cluster: Cluster) -> int:
    """How many of etcd's members are healthy; 0 where one is not."""
    return _etcd(cluster, "health", "--cluster").count("is healthy")


def _etcd(cluster: Cluster, *words: str) -> str:
    """What the first member that can be asked says of all; nothing where a member does not answer."""
    pods: Any = asked(lambda: cluster.kubectl.get("pods", "-n", "kube-system", "-l", "component=etcd")["items"]) or ()
    for pod in pods:
        command = ("exec", "-n", "kube-system", pod["metadata"]["name"], "--", *_ETCDCTL, *words)
        said = asked(partial(cluster.kubectl.run, *command))
        if said is not None:
            return said
    return ""
