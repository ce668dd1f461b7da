"""What is done on the lab, chapter by chapter, in one cluster. Each takes away what it made."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from statistics import median
from time import monotonic, sleep
from urllib.request import urlopen

from demo.steps import until

from proofs.autoscaling.inside import UNNEEDED, Inside
from proofs.autoscaling.objects import claim, deployment, horizontal
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import LIMIT

_ZONES = ("--zone", "z1", "--zone", "z2")
_SOON_IDLE = ("--unneeded", f"{UNNEEDED:.0f}s")
_ASKED_WITHIN, _AGAINST_A_HAND = 10.0, 1.3  # seconds until a machine is asked for; times what a person's takes
_TRIES, _PAIRS = 20, 3
_GONE_WITHIN = UNNEEDED + 300.0  # noticed up to a minute later, drained, removed
_PLUGIN_IS_SILENT, _DEVICE = 45.0, "example.com/gpu"
_DEVICE_FLAVOR = "g1.small"
_WORD = "capacity.cluster-autoscaler.kubernetes.io"


def asked(inside: Inside, results: Results) -> None:
    """Twenty times a pod that fits nowhere, for a group without machines: how long until Nova has the server that it
    brings (from before `kubectl create` until a list of servers has it). The pod goes, and so does the machine, before
    it is there. Times within Navarch's five seconds between two questions are left to chance, with a seed."""
    inside.group("quick", "--autoscaling", "0-2", *_ZONES, *_SOON_IDLE)
    took, random = list[float](), Random(17)
    for number in range(_TRIES):
        sleep(random.uniform(0.0, 5.0))
        began = monotonic()
        inside.apply(deployment(f"p{number}", "600m", where={"tier": "quick"}))
        until("a server is there", lambda: inside.workers("quick"), seconds=120, every=0.2)
        took.append(monotonic() - began)
        inside.scene.tell.say(f"{number + 1}: {took[-1]:.1f} s")
        inside.kubectl.run("delete", "deployment", f"p{number}")
        inside.scene.customer.must("nodegroup", "scale", "quick", "0", "-c", inside.cluster.name)
        until("it is gone", lambda: not inside.zones("quick") and not inside.workers("quick"), seconds=300, every=0.5)
    results.at_most("pod without a place → its machine in Nova, median of 20", median(took), "s")
    results.at_most("p99 of 20 (the slowest)", max(took), "s", _ASKED_WITHIN)


def by_hand(inside: Inside, results: Results) -> None:
    """A pod without a place until it runs: three times where autoscaling brings its machine, and three times where a
    person asks for one at the same moment (`navarch nodegroup scale`)."""
    inside.group("auto", "--autoscaling", "0-2", "--zone", "z1", *_SOON_IDLE)
    inside.group("manual", "--replicas", "0", "--zone", "z1")
    took: dict[str, list[float]] = {"auto": [], "manual": []}
    for number in range(_PAIRS):
        for group, its in took.items():
            name = f"{group}-{number}"
            began = monotonic()
            inside.apply(deployment(name, "600m", where={"tier": group}))
            if group == "manual":
                inside.scene.customer.must("nodegroup", "scale", group, "1", "-c", inside.cluster.name, "--no-wait")
            inside.seconds(f"{name} runs", partial(_runs, inside, name), 600.0, 0.5)
            its.append(monotonic() - began)
            inside.kubectl.run("delete", "deployment", name)
            inside.scene.customer.must("nodegroup", "scale", group, "0", "-c", inside.cluster.name)
            until("its machine is gone", partial(_has_none, inside, group), seconds=300, every=0.5)
    for group, its in took.items():
        words = ", ".join(f"{one:.1f}" for one in its)
        results.says("autoscaling: seconds" if group == "auto" else "by hand: seconds", words)
    ratio = median(took["auto"]) / median(took["manual"])
    results.at_most("pod without a place → running, against by hand (medians)", ratio, "×", _AGAINST_A_HAND)


def device(inside: Inside, results: Results) -> None:
    """A group without machines, of a flavor that names a device in its extra specs, and a pod that asks for the device.
    The machine becomes Ready, and what announces devices there stays silent for a while (the proof plays the device
    plugin: it writes the node's status): no second machine comes. The pod ends, and the machine goes."""
    admin = inside.scene.customer.stack.lab.connect("admin")
    flavor = admin.compute.find_flavor(_DEVICE_FLAVOR) or admin.compute.create_flavor(
        name=_DEVICE_FLAVOR, vcpus=1, ram=2048, disk=20
    )
    admin.compute.create_flavor_extra_specs(flavor, {f"{_WORD}:gpu-type": _DEVICE, f"{_WORD}:gpu-count": "1"})
    try:
        offered = inside.scene.customer
        inside.seconds("the flavor is offered", lambda: _DEVICE_FLAVOR in offered.navarch("flavors").out, 400.0)
        inside.group("gpus", "--autoscaling", "0-3", "--zone", "z1", *_SOON_IDLE, flavor=_DEVICE_FLAVOR)
        inside.apply(deployment("train", "100m", devices={_DEVICE: "1"}))
        inside.seconds("its machine is asked for", lambda: inside.workers("gpus"), 120.0, 0.5)
        (name,) = inside.workers("gpus")
        inside.seconds("its machine is a Ready node", lambda: _is_ready(inside, name))
        sleep(_PLUGIN_IS_SILENT)
        results.holds("no second machine while the plugin is silent", inside.wanted("gpus") == 1, inside.wanted("gpus"))
        said = [
            {"op": "add", "path": f"/status/{where}/{_DEVICE.replace('/', '~1')}", "value": "1"}
            for where in ("capacity", "allocatable")
        ]
        inside.kubectl.run("patch", "node", name, "--subresource=status", "--type=json", f"-p={json.dumps(said)}")
        inside.seconds("the pod runs", lambda: inside.running("train") == 1, 120.0, 0.5)
        results.holds("it was the only machine", inside.workers("gpus") == {name}, inside.workers("gpus"))
        inside.kubectl.run("delete", "deployment", "train")
        gone = inside.seconds("its machine is gone", lambda: not inside.workers("gpus"), _GONE_WITHIN)
        results.at_most("from the pod's end to no machine", gone, "s", _GONE_WITHIN)
    finally:
        inside.tidy()
        admin.compute.delete_flavor(flavor)


def zonal(inside: Inside, results: Results) -> None:
    """A group without machines in two zones, and a pod with a claim that is to be in the second one: the first machine
    comes there for it. The pod goes, its machine too. It comes again, says nothing of zones, and its machine comes
    where the volume is. Then the same after the cluster was stopped and started."""
    inside.group("data", "--autoscaling", "0-2", *_ZONES, *_SOON_IDLE)
    there = {"tier": "data", "topology.kubernetes.io/zone": "z2"}
    inside.apply(claim("data"), deployment("db", "100m", claim="data", where=there))
    first = inside.seconds("the pod runs", lambda: inside.running("db") == 1, 600.0)
    results.at_most("from the pod with its claim to its running", first, "s")
    results.holds("its machine is in the zone that it asked for", inside.zones("data") == ["z2"], inside.zones("data"))
    inside.kubectl.run("delete", "deployment", "db")
    gone = inside.seconds("its machine is gone", lambda: not inside.workers("data"), _GONE_WITHIN)
    results.at_most("from the pod's end to no machine", gone, "s", _GONE_WITHIN)
    inside.apply(deployment("db", "100m", claim="data", where={"tier": "data"}))
    inside.seconds("the pod runs again", lambda: inside.running("db") == 1, 600.0)
    results.holds("the machine came where the volume is", inside.zones("data") == ["z2"], inside.zones("data"))
    inside.kubectl.run("delete", "deployment", "db")
    inside.seconds("its machine is gone again", lambda: not inside.workers("data"), _GONE_WITHIN)
    inside.scene.navarch("cluster", "stop", inside.cluster.name, "--wait")
    inside.scene.navarch("cluster", "start", inside.cluster.name, "--wait")
    inside.apply(deployment("db", "100m", claim="data", where={"tier": "data"}))
    inside.seconds("the pod runs after stop and start", lambda: inside.running("db") == 1, 600.0)
    results.holds("also after stop and start", inside.zones("data") == ["z2"], inside.zones("data"))


def load(inside: Inside, results: Results) -> None:
    """A HorizontalPodAutoscaler on an application, under requests: pods come, pods bring machines in two zones; the
    requests end, pods and machines go. The limits are changed meanwhile, and taken away at the end."""
    inside.group("elastic", "--autoscaling", "1-4", *_ZONES, *_SOON_IDLE)
    address = inside.scene.web(inside.cluster)
    inside.kubectl.run(
        "set", "resources", "deployment/web", "-n", "shop", "--requests=cpu=1100m,memory=32Mi"
    )  # one on a machine
    inside.apply(horizontal("web", most=4))
    with _asking(address):
        grown = inside.seconds("three machines of the group", lambda: len(inside.workers("elastic")) >= 3, 600.0)
        results.at_most("from load to three machines", grown, "s")
        inside.seconds("no pod waits", lambda: not inside.waiting(), 600.0)
    zones = set(inside.zones("elastic"))
    results.holds("machines are in both zones", zones == {"z1", "z2"}, zones)
    shrunk = inside.seconds("one machine is left", lambda: len(inside.workers("elastic")) == 1, 900.0)
    results.at_most("from the end of the load to one machine", shrunk, "s", 600.0)
    named = ("elastic", "-c", inside.cluster.name)
    inside.scene.navarch("nodegroup", "update", *named, "--min", "2", "--max", "6")
    inside.seconds("a new lower limit brings a machine", lambda: len(inside.workers("elastic")) == 2, LIMIT)
    inside.scene.navarch("nodegroup", "update", *named, "--unset", "autoscaling", "--wait")
    there = inside.workers("elastic")
    results.holds("the number stays when the limits go", len(there) == 2, there)


def quota(inside: Inside, results: Results) -> None:
    """A pod asks for more than the project may have: that is told with the remedy, and passes by itself once there is
    room: after the five minutes for which the group is left alone."""
    inside.group("capped", "--autoscaling", "0-2", "--zone", "z1", *_SOON_IDLE)
    with inside.quota(len(list(inside.cluster.cloud.compute.servers()))):
        inside.apply(deployment("more", "600m", where={"tier": "capped"}))
        inside.seconds("the group says why it does not grow", lambda: inside.thoughts("capped").get("backoff"), 120.0)
        results.says("what is told", inside.thoughts("capped")["backoff"]["why"])
        results.holds("no server was asked for", not inside.workers("capped"), inside.workers("capped"))
    cleared = inside.seconds("a machine is there, and no pod waits", lambda: inside.running("more") == 1, 900.0)
    results.at_most("from the quota to the pod", cleared, "s", 600.0)


CHAPTERS = {
    "asked": asked,
    "by-hand": by_hand,
    "device": device,
    "zonal": zonal,
    "load": load,
    "quota": quota,
}


def _runs(inside: Inside, name: str) -> bool:
    return inside.running(name) == 1


def _has_none(inside: Inside, group: str) -> bool:
    return not inside.zones(group)


def _is_ready(inside: Inside, node: str) -> bool:
    found = inside.cluster.nodes().get(node)
    conditions = found["status"].get("conditions", []) if found is not None else []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@contextmanager
def _asking(address: str, *, clients: int = 8) -> Iterator[None]:
    """So many ask an application without a pause, until the end of the block."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                urlopen(f"http://{address}/", timeout=5).read()
            except OSError:
                ended.wait(0.2)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
