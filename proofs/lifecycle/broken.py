"""The chapter in which a cluster is given a node image from which no machine starts, and goes back."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

from demo.stack import Lab
from demo.steps import until
from tests.e2e.clusters import Cluster

from proofs.lifecycle.repairs import healthy
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, NEW, Scene, settled

_NAME = "proof-broken"
_SIZE = 8 << 20  # bytes, all of them zero
_LOOKED_AT = 120.0  # seconds in which nothing more may go: a machine that is well joins in 30


def broken(scene: Scene, results: Results) -> None:
    """A cluster of 3 + 2 is given a node image from which no machine starts, and then the one that it had."""
    with (
        scene.cluster("proof-broken", "--control-plane-replicas", "3", "--workers", "2") as cluster,
        _broken_image(scene.customer.stack.lab),
    ):
        good, address = cluster.shown()["spec"]["node_image"], scene.web(cluster)
        before = _ids(cluster)
        words = ("cluster", "update", cluster.name, "--node-image", _NAME, "--dry-run")
        offered = partial(scene.customer.navarch, *words)
        until("the image is offered", lambda: offered().code == 0, seconds=180, every=2)
        with scene.probing(cluster, address, "broken image") as answers:
            cluster.api.update_cluster(cluster.name, {"spec": {"node_image": _NAME}})
            with scene.tell.step("one machine is replaced, and fails"):
                told = until("it is told", lambda: _complaint(cluster), seconds=LIMIT)
            began, most = monotonic(), 0
            with scene.tell.step(f"for {_LOOKED_AT:.0f} s nothing more goes"):
                while monotonic() - began < _LOOKED_AT:
                    most = max(most, len(before - _ids(cluster)))
            began = monotonic()
            scene.navarch("cluster", "update", cluster.name, "--node-image", good, "--wait")
            settled(cluster)
            back = monotonic() - began
        results.says("what is told", told)
        results.at_most("machines that were taken away", most, "", 1)
        results.at_most("back on the image of before: seconds", back, "s")
        api = results.probed("broken image", "API", answers.api)
        workload = results.probed("broken image", "workload", answers.workload)
        results.at_most("failed requests of the API's prober", api.failed, "", 0)
        results.at_most("failed requests of the workload's prober", workload.failed, "", 0)
        members = healthy(cluster)
        results.holds("three healthy members of etcd", members == 3, members)


@contextmanager
def _broken_image(lab: Lab) -> Iterator[None]:
    """A public image that says of itself what the node image of the newest version does."""
    admin = lab.connect("admin")
    try:
        images = [i for i in admin.image.images() if i.properties.get("navarch_kubernetes_version") == NEW]
        says = {key: value for key, value in images[0].properties.items() if key.startswith(("navarch_", "os_"))}
        # Of before the good one: no other cluster is to be made from it.
        says["navarch_build_date"] = "2020-01-01T00:00:00Z"
        made: Any = admin.image.create_image(
            _NAME, data=io.BytesIO(bytes(_SIZE)), disk_format="raw", container_format="bare", visibility="public",
            validate_checksum=False, allow_duplicates=True, **says,
        )  # fmt: skip
        try:
            yield
        finally:
            admin.image.delete_image(made)
    finally:
        admin.close()


def _ids(cluster: Cluster) -> set[str]:
    return {server.id for server in cluster.servers()}


def _complaint(cluster: Cluster) -> str | None:
    """What the control plane's condition says once its rollout is stopped; None until then."""
    for condition in cluster.shown()["status"]["conditions"]:
        if condition["type"] == "ControlPlaneReady" and condition["reason"] == "RolloutStopped":
            return f"{condition['reason']}: {condition['message']}"
    return None
