"""Drift: what a cluster needs is taken away by hand, one thing after the other, through OpenStack's own APIs. Each time
the cluster's conditions say what is wrong, and Navarch puts it back by itself.

`make test` tells of the three that replace the most; `make proof-stories` of all (mark `proof`).

A cluster that is Ready is looked at every two and a half minutes. The stories do not wait for that, unless
NAVARCH_E2E_UNHURRIED is set: then the sample application's page is asked five times a second through its Service's
public address, and the table of docs/operate/drift.md is printed, with how long it did not answer.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from demo.customer import Shop
from demo.stack import command
from demo.steps import StepFailed, until
from tests.e2e.clusters import Cluster

UNHURRIED = "NAVARCH_E2E_UNHURRIED" in os.environ
pytestmark = pytest.mark.timeout(1200)


class Conditions:
    """What a cluster's conditions say, asked three times a second."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop, self.phase = Event(), ""
        self.said = list[tuple[float, str, str]]()  # when, reason, words
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def first_since(self, moment: float) -> tuple[str, str] | None:
        """Reason and words of the first condition since then that was not True; of several, of drift."""
        said = [(at, reason, words) for at, reason, words in self.said if at > moment]
        return min(((r, w) for at, r, w in said if at == said[0][0]), key=lambda s: s[0] != "Drifted", default=None)

    def _watch(self) -> None:
        while not self._stop.wait(0.3):
            status: Any = self._cluster.shown()["status"]
            now = monotonic()
            held = [c for c in status["conditions"] if c["status"] != "True" and c["type"] != "Ready"]
            self.said += [(now, c["reason"], c["message"]) for c in held]
            self.phase = status["phase"]


class Page:
    """A client of the sample application, five times a second."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/api"
        self._stop, self._failed = Event(), list[tuple[float, float]]()
        self._thread = Thread(target=self._ask_and_ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def silent_since(self, moment: float) -> float:
        """Seconds since then in which it did not answer, asked and not answered in a second."""
        sleep(2)  # a last failure shows
        return sum(end - max(start, moment) for start, end in self._failed if end > moment)

    def _ask_and_ask(self) -> None:
        last_answer = monotonic()
        while not self._stop.wait(max(0.0, 0.2 - (monotonic() - last_answer))):
            done = subprocess.run(["curl", "-s", "-m", "1", "-o", "/dev/null", "-f", self._url], check=False)
            now = monotonic()
            if done.returncode:
                self._failed.append((last_answer, now))
            last_answer = now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault: the condition that told of it, and whether the application's pods went on untouched."""

    reason: str
    words: str
    pods_went_on: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A Ready cluster with the sample application in it, and who watches both. `page` only where nobody hurries."""

    cluster: Cluster
    conditions: Conditions
    page: Page | None
    rows: list[str]

    @property
    def shop(self) -> Shop:
        return self.cluster.application

    def busy(self) -> str:
        """The machine where the application runs."""
        (node,) = self.shop.nodes()
        return node

    def after(
        self, fault: str, deed: Callable[[], object], *, felt: Callable[[], bool], back: Callable[[], bool]
    ) -> Outcome:
        """Do it, wait until OpenStack (or Kubernetes) shows it everywhere (`felt`), and see it put back: the cluster
        Ready again and `back` true."""
        pods, began = self._pods(), monotonic()
        deed()
        until(f"{fault}: it is felt", felt, seconds=90, every=0.2)
        if not UNHURRIED:
            self.cluster.look_now()

        def told() -> tuple[str, str] | None:
            return self.conditions.first_since(began)

        def over() -> bool:
            return self.conditions.phase == "Ready" and back()

        try:
            reason, words = until(f"{fault}: the conditions say so", told, seconds=200, every=0.1)
            until(f"{fault}: put back", over, seconds=300)
        except StepFailed as failure:
            failure.add_note(self._explained())
            raise
        put_back = monotonic() - began
        self.cluster.renew_kubeconfig()  # the address in it may be another now
        self.shop.wait()
        self.shop.read(self.shop.address())
        if self.page is not None:
            named, silent = words.replace(self.cluster.stem, self.cluster.name), self.page.silent_since(began)
            self.rows.append(f"| {fault} | `{reason}`: {named} | {put_back:.0f} | {silent:.0f} |")
        return Outcome(reason, words, self._pods() == pods)

    def _pods(self) -> set[tuple[str, int]]:
        """The application's pods: id, and how often their containers were started again."""
        pods = self.cluster.kubectl.get("pods", "-n", "shop", "-l", "app=web")["items"]
        return {(p["metadata"]["uid"], sum(c["restartCount"] for c in p["status"]["containerStatuses"])) for p in pods}

    def _explained(self) -> str:
        """What the operator's command says about the cluster at this moment, and what its events say."""
        stack = self.cluster.customer.stack
        words = [command("navarch-server"), "--config", str(stack.settings), "explain", self.cluster.name]
        explained = subprocess.run(words, capture_output=True, text=True, check=False)
        return self.cluster.explained(f"{explained.stdout}{explained.stderr}")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[str]]:
    """Those of the table in docs/operate/drift.md."""
    found: list[str] = []
    yield found
    if UNHURRIED:
        head = (
            "| removed by hand | the conditions said | put back after s | page silent s |",
            "| --- | --- | --- | --- |",
        )
        print("\n" + "\n".join([*head, *found]))


@pytest.fixture
def scene(one: Cluster, rows: list[str]) -> Iterator[Scene]:
    page = Page(one.application.address()) if UNHURRIED else None
    conditions = Conditions(one)
    until("the cluster is Ready", lambda: conditions.phase == "Ready", seconds=60)
    yield Scene(one, conditions, page, rows)
    conditions.stop()
    if page is not None:
        page.stop()


def test_a_worker_is_replaced_and_the_application_moves(scene: Scene) -> None:
    one, lost = scene.cluster, scene.busy()
    server = one.server(lost.removeprefix(f"{one.stem}-"))

    def felt() -> bool:
        port = one.port(lost)
        return lost not in one.workers() and (port is None or not port.device_id)

    def replaced() -> bool:
        return lost not in (workers := one.workers()) and len(workers) == 2

    deed = partial(one.cloud.compute.delete_server, server)
    outcome = scene.after("the worker with the application", deed, felt=felt, back=replaced)
    assert outcome.reason == "Drifted"
    assert lost.removeprefix(one.stem) in outcome.words
    assert set(one.nodes()) == {f"{one.stem}-cp-0", *one.workers()}, (
        "the lost one's Node is gone, the new one's is there"
    )


@pytest.mark.proof
def test_a_worker_that_lost_its_port_is_replaced(scene: Scene) -> None:
    one, lost = scene.cluster, scene.busy()
    admin = one.customer.stack.lab.connect("admin")  # Neutron lets no customer delete a port in use
    port = one.port(lost)

    def felt() -> bool:
        server = one.server(lost.removeprefix(f"{one.stem}-"))
        return one.port(lost) is None and (server is None or not server.addresses)

    def replaced() -> bool:
        ports = {p.name for p in one.cloud.network.ports() if "-default-" in p.name}
        return lost not in ports and one.workers() == ports and len(ports) == 2

    deed = partial(admin.network.delete_port, port)
    outcome = scene.after("the port of the worker with the application", deed, felt=felt, back=replaced)
    assert outcome.reason == "Drifted"


@pytest.mark.proof
def test_a_security_group_rule_is_written_again(scene: Scene) -> None:
    network = scene.cluster.cloud.network
    (group,) = network.security_groups(name=f"{scene.cluster.stem}-sg-worker")

    def vxlan() -> list[Any]:
        rules = network.security_group_rules(security_group_id=group.id, direction="ingress")
        return [r for r in rules if r.port_range_min == 4789]

    (rule,) = vxlan()
    outcome = scene.after(
        "the workers' rule for pod traffic",
        partial(network.delete_security_group_rule, rule),
        felt=lambda: not vxlan(),
        back=lambda: len(vxlan()) == 1,
    )
    assert outcome.reason == "Drifted"
    assert outcome.pods_went_on


@pytest.mark.proof
def test_the_balancers_member_comes_back(scene: Scene) -> None:
    balancers = scene.cluster.cloud.load_balancer
    (pool,) = balancers.pools(loadbalancer_id=scene.cluster.balancer().id)

    def members() -> list[Any]:
        return list(balancers.members(pool.id))

    def felt() -> bool:
        return not members() and bool(scene.cluster.balancer().provisioning_status == "ACTIVE")

    (member,) = members()
    outcome = scene.after(
        "the member of the API's balancer",
        partial(balancers.delete_member, member.id, pool.id),
        felt=felt,
        back=lambda: len(members()) == 1,
    )
    assert outcome.reason == "Drifted"
    assert outcome.pods_went_on


def test_the_balancer_comes_back_at_the_address_that_every_kubelet_knows(scene: Scene) -> None:
    one, balancer = scene.cluster, scene.cluster.balancer()
    before, url = balancer.vip_address, one.shown()["status"]["api_url"]

    def address() -> str | None:
        found = one.balancer()
        return found.vip_address if found else None

    def felt() -> bool:
        return address() is None and balancer.vip_port_id not in {port.id for port in one.cloud.network.ports()}

    outcome = scene.after(
        "the API's balancer",
        partial(one.cloud.load_balancer.delete_load_balancer, balancer, cascade=True),
        felt=felt,
        back=lambda: address() == before,
    )
    assert outcome.reason == "Drifted"
    assert outcome.pods_went_on
    assert one.shown()["status"]["api_url"] == url
    assert one.nodes()


@pytest.mark.proof
def test_a_floating_address_comes_back_and_a_new_kubeconfig_works(scene: Scene) -> None:
    one, network = scene.cluster, scene.cluster.cloud.network
    (address,) = (a for a in network.ips() if a.description.startswith(f"{one.stem}-api "))

    def there() -> bool:
        return any(a.port_id and a.description == address.description for a in network.ips())

    def felt() -> bool:
        return address.id not in {a.id for a in network.ips()}

    # Neutron lets only administrators choose an address, and Navarch is none: kubeconfigs name the old one.
    outcome = scene.after("the API's floating address", partial(network.delete_ip, address), felt=felt, back=there)
    assert outcome.reason == "Drifted"
    assert outcome.pods_went_on
    assert one.nodes()


@pytest.mark.proof
def test_the_etcd_volume_is_attached_again(scene: Scene) -> None:
    one, storage = scene.cluster, scene.cluster.cloud.block_storage
    (volume,) = (v for v in storage.volumes() if v.name == f"{one.stem}-etcd-0")
    server = one.server("cp-0")

    def status() -> str:
        return str(storage.get_volume(volume.id).status)

    outcome = scene.after(
        "the attachment of the etcd volume",
        partial(one.cloud.compute.delete_volume_attachment, server, volume.id),
        felt=lambda: status() == "available" and not list(one.cloud.compute.volume_attachments(server)),
        back=lambda: status() == "in-use",
    )
    assert outcome.reason in ("StoppingMachine", "Drifted")
    assert outcome.pods_went_on


def test_a_control_plane_machine_is_made_anew_on_the_data_of_the_old_one(scene: Scene) -> None:
    one, server = scene.cluster, scene.cluster.server("cp-0")
    (volume,) = (v for v in one.cloud.block_storage.volumes() if v.name == f"{one.stem}-etcd-0")
    one.kubectl.run("create", "configmap", "kept", "--from-literal=word=still-here")

    def felt() -> bool:
        return one.server("cp-0") is None and one.cloud.block_storage.get_volume(volume.id).status == "available"

    def another() -> bool:
        found = one.server("cp-0")
        return found is not None and found.id != server.id

    deed = partial(one.cloud.compute.delete_server, server)
    try:
        outcome = scene.after("the only control-plane machine", deed, felt=felt, back=another)
        assert one.kubectl.get("configmap", "kept")["data"] == {"word": "still-here"}
    finally:
        one.kubectl.run("delete", "configmap", "kept")
    assert outcome.reason == "Drifted"
    assert outcome.pods_went_on

    def provider() -> str | None:  # the cloud controller, which has only just started, writes it once and for good
        found: str | None = one.kubectl.get("node", server.name)["spec"].get("providerID")
        return found

    said = until("the new Node's provider id", provider, seconds=120)
    assert said.endswith(f"/{one.server('cp-0').id}"), "not the Node of the lost machine"


@pytest.mark.proof
def test_a_worker_whose_node_somebody_deleted_is_replaced(scene: Scene) -> None:
    """Its kubelet would register anew only when it starts. This is the worker without the application: Kubernetes takes
    the volumes of a Node that went by hand away only after six minutes."""
    one = scene.cluster
    (lost,) = one.workers() - {scene.busy()}

    def replaced() -> bool:
        return lost not in (workers := one.workers()) and len(workers) == 2

    outcome = scene.after(
        "the Node of a worker",
        partial(one.kubectl.run, "delete", "node", lost, "--wait=false"),
        felt=lambda: lost not in one.nodes(),
        back=replaced,
    )
    assert outcome.reason == "Drifted"
    assert lost.removeprefix(one.stem) in outcome.words
