"""Chapters in which all machines of a kind are replaced, while both probers ask."""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any

from demo.steps import until
from tests.e2e.clusters import Cluster

from proofs.lifecycle import nodes
from proofs.lifecycle.asked import DNS, Summary, fewest_seen, lost_writes
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, NEW, OLD, OTHER_FLAVOR, Scene, asked, settled

_ROOT = "ssd:10"
_OWN_DNS = {"proof.server": "proof.test:53 {\n  whoami\n}\n"}


def change(scene: Scene, results: Results) -> None:
    """A node group of a cluster of 1 + 2 gets another flavor, and then volumes of Cinder to start from."""
    with scene.cluster("proof-change", "--workers", "2") as cluster:
        before = cluster.workers()
        api, workload = _rollout(
            scene, results, cluster, {s.id for s in cluster.servers() if s.name in before},
            "nodegroup", "update", "default", "-c", cluster.name, "--flavor", OTHER_FLAVOR, "--wait", "--timeout", "1h",
        )  # fmt: skip
        after = {s.name: s.flavor.original_name for s in cluster.servers() if s.name in cluster.workers()}
        _none_failed(results, api, workload)
        results.holds("every worker is another one, of the new flavor", _all_new(before, after), after)
        ids = {s.id for s in cluster.servers() if s.name in cluster.workers()}
        api, workload = _rollout(
            scene, results, cluster, ids,
            "nodegroup", "update", "default", "-c", cluster.name, "--root-volume", _ROOT, "--wait", "--timeout", "1h",
        )  # fmt: skip
        _none_failed(results, api, workload)
        disks = {s.name: s.image for s in cluster.servers() if s.name in cluster.workers()}
        # Nova names no image of a server that starts from a volume.
        results.holds("every worker starts from a volume", not any(i and i.id for i in disks.values()), disks)


def upgrade_3(scene: Scene, results: Results) -> None:
    """A cluster of 3 + 3 goes from 1.36 to 1.37."""
    with scene.cluster(
        "proof-upgrade-3", "--version", OLD, "--control-plane-replicas", "3", "--workers", "3"
    ) as cluster:
        _none_failed(results, *_upgrade(scene, results, cluster))


def upgrade_1(scene: Scene, results: Results) -> None:
    """A cluster of 1 + 2 goes from 1.36 to 1.37."""
    with scene.cluster("proof-upgrade-1", "--version", OLD, "--workers", "2") as cluster:
        api, workload = _upgrade(scene, results, cluster)
        machines: list[Any] = list(cluster.api.machines(cluster.name))
        boot = max(nodes.boot_seconds(m) for m in machines if m["role"] != "worker")
        results.at_most("the API's gap", api.longest_gap, "s")
        results.at_most("the new control-plane machine, from decided on to joined", boot, "s")
        results.at_most("the API's gap / that boot", api.longest_gap / boot, "×", 1.0)
        results.at_most("failed requests of the workload's prober", workload.failed, "", 0)


def _upgrade(scene: Scene, results: Results, cluster: Cluster) -> tuple[Summary, Summary]:
    """What is the same in both upgrades. Gives what the probers were answered."""
    kept = _change_what_users_change(cluster)
    before = {server.id for server in cluster.servers()}
    found = _rollout(scene, results, cluster, before, "cluster", "upgrade", cluster.name, "--to", NEW, "--wait")
    versions = nodes.kubelets(cluster.nodes().values())
    results.holds(f"every node has {NEW}", set(versions.values()) == {NEW} and len(versions) == len(before), versions)
    server = json.loads(cluster.kubectl.run("get", "--raw", "/version"))["gitVersion"].removeprefix("v")
    results.holds(f"the API server has {NEW}", server == NEW, server)
    lost = [what for what, there in kept.items() if not asked(there)]
    results.holds("what the user changed and made is there", not lost, lost)
    return found


def _rollout(
    scene: Scene, results: Results, cluster: Cluster, replaced: set[str], *words: str
) -> tuple[Summary, Summary]:
    """Run the command under both probers, until all servers of these ids were replaced and nothing is left to do."""
    address, machines = scene.web(cluster), len(replaced)
    during = " ".join(words[:2])
    with scene.probing(cluster, address, during) as answers:
        began = monotonic()
        scene.navarch(*words)
        # --wait looks at the number of machines, which is right before the first of them was touched as well.
        with scene.tell.step("none of the machines of before is there"):
            until("they are replaced", lambda: not replaced & {s.id for s in cluster.servers()}, seconds=LIMIT)
        settled(cluster)
        seconds = monotonic() - began
    api, workload = results.probed(during, "API", answers.api), results.probed(during, "workload", answers.workload)
    results.at_most(f"seconds in all, {machines} machines", seconds, "s")
    results.at_most("seconds a machine", seconds / machines, "s", 60)
    results.at_least("ready endpoints of the cluster's DNS, at the least", fewest_seen(answers.api, DNS), "", 2)
    written = cluster.kubectl.get("configmap", "written", "-n", "shop").get("data", {})
    lost = lost_writes(answers.api, written)
    results.at_most("acknowledged writes that are lost", len(lost), "", 0)
    return api, workload


def _none_failed(results: Results, api: Summary, workload: Summary) -> None:
    results.at_most("failed requests of the API's prober", api.failed, "", 0)
    results.at_most("failed requests of the workload's prober", workload.failed, "", 0)


def _all_new(before: set[str], after: dict[str, str]) -> bool:
    return not before & after.keys() and len(before) == len(after) and set(after.values()) == {OTHER_FLAVOR}


def _change_what_users_change(cluster: Cluster) -> dict[str, Callable[[], bool]]:
    """A zone of one's own in the cluster's DNS, a storage class, a role. Gives how to see that each is there."""
    kubectl = cluster.kubectl
    storage = kubectl.get("storageclass", "ssd")
    parameters, storage["metadata"] = storage["parameters"], {"name": "proof"}
    kubectl.run("create", "-f", "-", stdin=json.dumps(storage))
    kubectl.run("create", "clusterrole", "proof", "--verb=get", "--resource=pods")
    custom = ("configmap", "coredns-custom", "-n", "kube-system")
    kubectl.run("patch", *custom, "-p", json.dumps({"data": _OWN_DNS}))
    return {
        "a zone in ConfigMap coredns-custom": lambda: _OWN_DNS.items() <= kubectl.get(*custom)["data"].items(),
        "StorageClass proof": lambda: kubectl.get("storageclass", "proof")["parameters"] == parameters,
        "ClusterRole proof": lambda: "clusterrole" in kubectl.run("get", "clusterrole", "proof", "-o", "name"),
    }
