"""The chapter in which a newer node image waits for a cluster's maintenance window, and is rolled out in it."""

from datetime import UTC, datetime, timedelta
from time import monotonic

from demo.steps import until
from tests.e2e.clusters import Cluster
from tests.e2e.images import newer_image

from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT, NEW, Scene, settled

_NAME = "proof-newer"


def windows(scene: Scene, results: Results) -> None:
    """A newer node image of the same version is offered to a cluster of 1 + 2 with automatic upgrades, whose
    maintenance window is shut, and opens later."""
    far = datetime.now(UTC) + timedelta(hours=12)
    with scene.cluster(
        "proof-windows", "--workers", "2", "--automatic-upgrades", "--maintenance", f"{far:%H:%M}+1"
    ) as cluster:
        address = scene.web(cluster)
        before = {server.id for server in cluster.servers()}
        with newer_image(scene.customer.stack.lab, _NAME, NEW) as image_id:
            with scene.tell.step("the newer image waits for the window"):
                told = until("it is told", lambda: _waits(cluster), seconds=LIMIT)
            results.says("what is told", told)
            with scene.probing(cluster, address, "automatic upgrade") as answers:
                opens = (datetime.now(UTC) + timedelta(minutes=2)).replace(second=0, microsecond=0)
                scene.navarch("cluster", "update", cluster.name, "--maintenance", f"{opens:%H:%M}+1")
                with scene.tell.step(f"the window opens at {opens:%H:%M} UTC"):
                    touched = _first_change(cluster, before)
                began = monotonic()
                with scene.tell.step("all machines are of the newer image"):
                    until("they are", lambda: not before & {s.id for s in cluster.servers()}, seconds=LIMIT)
                settled(cluster)
                took = monotonic() - began
            results.holds("no machine goes before the window opens", touched >= opens, touched)
            # A minute is for the look that sees the window open, and for the first machine of the rollout.
            results.at_most("from the opening to the first machine", (touched - opens).total_seconds(), "s")
            results.at_most("seconds until all of 3 machines are replaced", took, "s")
            images = {server.name: server.image.id for server in cluster.servers()}
            results.holds("every machine is of the newer image", set(images.values()) == {image_id}, images)
            events = scene.customer.navarch("cluster", "events", cluster.name).out
            results.holds("the timeline says that Navarch began it", "AutomaticUpgrade" in events, "no such event")
            api = results.probed("automatic upgrade", "API", answers.api)
            workload = results.probed("automatic upgrade", "workload", answers.workload)
            results.at_most("the API's gap", api.longest_gap, "s")
            results.at_most("failed requests of the workload's prober", workload.failed, "", 0)


def _first_change(cluster: Cluster, before: set[str]) -> datetime:
    """When the first machine that was not there before is."""
    until("a machine is replaced", lambda: not {s.id for s in cluster.servers()} <= before, seconds=LIMIT, every=0.5)
    return datetime.now(UTC)


def _waits(cluster: Cluster) -> str | None:
    """What the condition UpToDate says while it waits for the window; None: it does not."""
    for condition in cluster.shown()["status"]["conditions"]:
        if condition["type"] == "UpToDate" and condition["reason"] == "WaitsForWindow":
            return str(condition["message"])
    return None
