"""What the chapters have: Navarch on the lab, node images of both versions, and a customer who makes clusters."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from demo.customer import Shop
from demo.stack import Stack, command, find_lab
from demo.steps import StepFailed, Teller, until
from tests.e2e.clusters import Cluster
from tests.e2e.lab_customer import LabCustomer, customer

from proofs.lifecycle import nodes
from proofs.lifecycle.probers import Answers, probing

OLD, NEW = "1.36.3", "1.37.2"
FOLDER = Path(os.environ.get("NAVARCH_PROOF_STATE", "/var/lib/navarch-proof"))
CONTROL_PLANE_FLAVOR, FLAVOR, OTHER_FLAVOR = "m1.medium", "m1.small", "c1.small"
WEB = Path(__file__).with_name("web.yaml")
LIMIT = 1800.0  # seconds for whatever a cluster is asked for; more is a hang
_CUSTOMER = "beta"
_DEMO = Path(__file__).parents[2] / "demo"
_BRIEF = "--request-timeout=2s"  # of a question that is asked again and again
_ALIVE = ("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", "/api/v1/nodes")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Scene:
    """`keep`: clusters stay when their chapter ends, for a look."""

    tell: Teller
    customer: LabCustomer
    keep: bool = False

    @contextmanager
    def cluster(self, name: str, *options: str) -> Iterator[Cluster]:
        """A Ready cluster, made with these options of `navarch cluster create`, and deleted at the end. None of an
        earlier run is left. Its events are kept in the log folder."""
        cluster = Cluster(name, self.customer)
        self.customer.kubeconfig(name).unlink(missing_ok=True)
        if cluster.exists():
            self._delete(cluster)
        flavors = ("--control-plane-flavor", CONTROL_PLANE_FLAVOR, "--flavor", FLAVOR)
        with self.tell.step(f"navarch cluster create {name} {' '.join(options)}"):
            self.customer.must("cluster", "create", name, *flavors, *options, "--wait", timeout=LIMIT)
        try:
            yield cluster
        finally:
            events = self.customer.navarch("cluster", "events", name)
            (self.tell.folder / f"{name}-events.txt").write_text(events.out + events.err)
            if not self.keep:
                self._delete(cluster)
            cluster.close()

    def navarch(self, *words: str) -> float:
        """Run a command, which has to work. Seconds that it took."""
        began = monotonic()
        with self.tell.step(f"navarch {' '.join(words)}"):
            self.customer.must(*words, timeout=4 * LIMIT)
        return monotonic() - began

    def web(self, cluster: Cluster) -> str:
        """Have what the probers ask, with both replicas available. Gives its public address."""
        web = Shop(cluster.kubectl, WEB)
        with self.tell.step("two replicas of a web application, behind a balancer"):
            web.deploy()
            web.wait()
            address = web.address()
            web.read(address)
        return address

    @contextmanager
    def probing(self, cluster: Cluster, address: str, during: str) -> Iterator[Answers]:
        """Both probers ask meanwhile; `during`: what happens, in words."""
        name = "-".join([cluster.name, *re.findall(r"\w+", during)])
        with probing(cluster.kubectl, address, self.tell.folder, name) as answers:
            yield answers

    def _delete(self, cluster: Cluster) -> None:
        self.navarch("cluster", "delete", cluster.name, "--yes", "--wait", "--timeout", "30m")


@contextmanager
def scene(tell: Teller, *, keep: bool, versions: tuple[str, ...] = (OLD, NEW)) -> Iterator[Scene]:
    """Have the lab, the images of these versions and Navarch; a second time that takes seconds. Navarch is stopped at
    the end, unless its clusters are kept. Raises StepFailed with what to do."""
    if os.geteuid() != 0:
        raise StepFailed("it must run as root: the lab makes network namespaces and machines")
    tell.run(
        "PostgreSQL's programs", [str(_DEMO / "install-packages")], remedy="apt-get must be able to install packages."
    )
    for what, word in (("the lab's packages and services", "install"), ("a one-machine OpenStack", "up")):
        tell.run(what, [command("navarch-lab"), word], remedy="`navarch-lab status` shows each service and its log.")
    lab = find_lab()
    for version in versions:
        tell.run(
            f"Kubernetes {version}, its node image, and that in Glance (what is not built yet takes 20 minutes)",
            [command("navarch-images"), "register", version, "--cloud", "admin"],
            remedy="See the log; it goes on where it stopped.",
            env=lab.environment("admin"),
        )
    # Navarch begins an upgrade as soon as it may: what is measured is not when a cluster's turn is.
    stack = Stack(FOLDER, lab, worker={"upgrades_spread_minutes": 0})
    stack.prepare()
    stack.stop(database=False)  # of a run whose clusters were kept: it may be of other sources
    try:
        with tell.step("Navarch: PostgreSQL, API, worker"):
            stack.start()
        folder = FOLDER / "customer"
        folder.mkdir(exist_ok=True)
        made = Scene(tell, customer(stack, _CUSTOMER, folder), keep)
        with tell.step(f"offered are {', '.join(versions)}"):
            until("navarch versions lists them", lambda: offered(made.customer) >= {*versions}, seconds=180, every=2)
        yield made
    finally:
        if not keep:
            stack.stop()


def offered(customer: LabCustomer) -> set[str]:
    """Versions that can be had; none while the cloud's offer was not read yet."""
    answer = customer.navarch("versions", "-o", "json")
    return set() if answer.code else {version["kubernetes_version"] for version in answer.json}


def asked(ask: Callable[[], Value]) -> Value | None:
    """What is answered; None where nobody answers, which is to be expected while machines are away."""
    try:
        return ask()
    except (StepFailed, subprocess.TimeoutExpired):
        return None


def alive(cluster: Cluster, since: datetime) -> set[str]:
    """Nodes that are Ready and have spoken since then; none while the API is silent."""

    def ask() -> set[str]:
        # As it is, which needs one request alone: kubectl looks first at what kinds there are.
        leases, there = (json.loads(cluster.kubectl.run("get", "--raw", path, _BRIEF))["items"] for path in _ALIVE)
        return nodes.alive(there, leases, since)

    return asked(ask) or set()


def is_ready(cluster: Cluster) -> bool:
    """Whether Navarch calls it Ready, with all machines, none leaving and none beside those that are wanted."""
    status = cluster.shown()["status"]
    counted = status["machines"]
    machines: list[Any] = list(cluster.api.machines(cluster.name))
    staying = [m for m in machines if not m.get("removing")]
    return bool(
        status["phase"] == "Ready"
        and counted["ready"] == counted["desired"] == len(machines) == len(staying) == len(cluster.servers())
    )


def settled(cluster: Cluster) -> None:
    """Wait until that is so."""
    until(
        f"cluster {cluster.name} is Ready, and of its machines none is leaving",
        lambda: is_ready(cluster),
        seconds=LIMIT,
    )
