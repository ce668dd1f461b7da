"""The chapter in which a control plane gets other sizes while it is used."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from demo.steps import until
from tests.e2e.clusters import Cluster

from proofs.lifecycle.asked import lost_writes
from proofs.lifecycle.repairs import healthy
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, OTHER_FLAVOR, Scene, settled


def sizes(scene: Scene, results: Results) -> None:
    """A cluster of 1 + 1 gets three machines of the control plane, five, three again, and each of another flavor."""
    with scene.cluster("proof-sizes", "--workers", "1") as cluster:
        address = scene.web(cluster)

        def changed(what: str, machines: int, *options: str, done: Callable[[], bool]) -> None:
            with scene.probing(cluster, address, what) as answers:
                began = monotonic()
                scene.navarch("cluster", "update", cluster.name, *options, "--wait", "--timeout", "1h")
                with scene.tell.step(f"{what}: all of it is done"):
                    until("it is done", done, seconds=LIMIT)
                settled(cluster)
                took = monotonic() - began
            api = results.probed(what, "API", answers.api)
            results.probed(what, "workload", answers.workload)
            results.at_most(f"{what}: seconds", took, "s")
            results.at_most(f"{what}: failed requests of the API's prober", api.failed, "", 0)
            written = cluster.kubectl.get("configmap", "written", "-n", "shop").get("data", {})
            lost = lost_writes(answers.api, written)
            results.at_most(f"{what}: acknowledged writes that are lost", len(lost), "", 0)
            members = healthy(cluster)
            results.holds(f"{what}: {machines} healthy members of etcd", members == machines, members)

        for before, count in ((1, 3), (3, 5), (5, 3)):
            option = ("--control-plane-replicas", str(count))
            changed(f"from {before} to {count}", count, *option, done=lambda n=count: len(_servers(cluster)) == n)  # type: ignore[misc]
        flavor = ("--control-plane-flavor", OTHER_FLAVOR)
        changed("another flavor", 3, *flavor, done=lambda: _flavors(cluster) == {OTHER_FLAVOR})


def _servers(cluster: Cluster) -> list[Any]:
    """Those of the control plane."""
    workers = cluster.workers()
    return [server for server in cluster.servers() if server.name not in workers]


def _flavors(cluster: Cluster) -> set[str]:
    return {server.flavor.original_name for server in _servers(cluster)}
