"""Drift: what a cluster needs is taken away by hand, one thing after the other, through OpenStack's own APIs. Each time
the cluster's conditions say what is wrong, Navarch puts it back by itself, and the sample application's page is asked
five times a second through its Service's public address: how long did it not answer?

A cluster that is Ready is looked at every two and a half minutes. The test does not wait for that, unless
NAVARCH_E2E_UNHURRIED is set: that is how the table of docs/operate/drift.md was measured.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from actors import Customer
from demo.customer import Shop
from demo.stack import command
from demo.steps import StepFailed, until

from navarch.client.connect import connect
from navarch.store.local_postgres import LocalPostgres

NAME = "drift"
UNHURRIED = "NAVARCH_E2E_UNHURRIED" in os.environ
NOTICED_BY_OPENSTACK = 6.0  # seconds in which Nova, Neutron and Octavia have told each other
A_HICCUP = 3.0  # seconds; the machine under the lab has other things to do, too
pytestmark = pytest.mark.timeout(1200)


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
        return sum(end - max(start, moment) for start, end in self._failed if end > moment)

    def _ask_and_ask(self) -> None:
        last_answer = monotonic()
        while not self._stop.wait(max(0.0, 0.2 - (monotonic() - last_answer))):
            done = subprocess.run(["curl", "-s", "-m", "1", "-o", "/dev/null", "-f", self._url], check=False)
            now = monotonic()
            if done.returncode:
                self._failed.append((last_answer, now))
            last_answer = now


class Conditions:
    """What the cluster's conditions say, looked at three times a second."""

    def __init__(self, customer: Customer) -> None:
        environment = {**os.environ, **customer.stack.environment(customer.name)}
        self._navarch = connect(environ=environment)
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
            status: Any = self._navarch.cluster(NAME)["status"]
            now = monotonic()
            held = [c for c in status["conditions"] if c["status"] != "True" and c["type"] != "Ready"]
            self.said += [(now, c["reason"], c["message"]) for c in held]
            self.phase = status["phase"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of the table; times in seconds."""

    fault: str
    reason: str
    words: str
    put_back: float
    silent: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A Ready cluster of 1+2 with the sample application in it, and those who watch both."""

    customer: Customer
    stem: str
    page: Page
    conditions: Conditions
    shop: Shop
    outcomes: list[Outcome] = field(default_factory=list)

    def after(self, fault: str, deed: Callable[[], object], *, back: Callable[[], bool]) -> Outcome:
        """Do it, and see it put back: the cluster Ready again and `back` true."""
        began = monotonic()
        deed()
        if not UNHURRIED:
            sleep(NOTICED_BY_OPENSTACK)
            self.look_now()
        said = until(f"{fault}: the conditions say so", lambda: self.conditions.first_since(began), seconds=90)

        def over() -> bool:
            return self.conditions.phase == "Ready" and back()

        try:
            until(f"{fault}: put back", over, seconds=240)
        except StepFailed as failure:
            failure.add_note(self.explained())
            raise
        put_back = monotonic() - began
        self.customer.kubectl(NAME)  # has its kubeconfig, or gets a new one
        self.shop.wait()
        sleep(2)  # a last failure of the page shows
        reason, words = said
        outcome = Outcome(fault, reason, words.replace(self.stem, NAME), put_back, self.page.silent_since(began))
        self.outcomes.append(outcome)
        return outcome

    def look_now(self) -> None:
        """As if the time between two looks were over."""
        database = LocalPostgres(self.customer.stack.folder / "postgres")
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute("UPDATE clusters SET next_look_at = now(), stirred = true")
            connection.execute("NOTIFY navarch_work")

    def explained(self) -> str:
        """What the operator's command says about the cluster at this moment, and what its events say."""
        stack = self.customer.stack
        words = [command("navarch-server"), "--config", str(stack.settings), "explain", NAME]
        explained = subprocess.run(words, capture_output=True, text=True, check=False)
        events = self.customer.navarch("cluster", "events", NAME)
        return f"{explained.stdout}{explained.stderr}\n{events.out[-6000:]}"

    @property
    def cloud(self) -> Any:
        return self.customer.cloud()

    def server(self, suffix: str) -> Any:
        """Nova's record of a machine, None if there is none."""
        return next((s for s in self.cloud.compute.servers() if s.name == f"{self.stem}-{suffix}"), None)

    def busy(self) -> str:
        """The machine where the application runs."""
        (node,) = self.shop.nodes()
        return node

    def workers(self) -> set[str]:
        return {s.name for s in self.cloud.compute.servers() if "-default-" in s.name}


@pytest.fixture(scope="module")
def scene(alpha: Customer) -> Iterator[Scene]:
    alpha.must("cluster", "create", NAME, "--workers", "2", "--wait", "--timeout", "400")
    shop = Shop(alpha.kubectl(NAME))
    shop.deploy()
    shop.wait()
    page, conditions = Page(shop.address()), Conditions(alpha)
    shop.read(shop.address())
    scene = Scene(alpha, f"{NAME}-{alpha.cluster(NAME)['id'][:8]}", page, conditions, shop)
    until("the cluster is Ready", lambda: conditions.phase == "Ready", seconds=60)
    yield scene
    page.stop()
    conditions.stop()
    print(f"\n{table(scene.outcomes)}")
    alpha.must("cluster", "delete", NAME, "--yes", "--wait", timeout=300)
    assert alpha.left() == []


def table(outcomes: list[Outcome]) -> str:
    """As in docs/operate/drift.md."""
    rows = [f"| {o.fault} | `{o.reason}`: {o.words} | {o.put_back:.0f} | {o.silent:.0f} |" for o in outcomes]
    return "\n".join(
        [
            "| removed by hand | the conditions said | put back after s | page silent s |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
    )


def test_a_worker_is_replaced_and_the_application_moves(scene: Scene) -> None:
    lost = scene.busy()
    server = scene.server(lost.removeprefix(f"{scene.stem}-"))

    def replaced() -> bool:
        return lost not in (workers := scene.workers()) and len(workers) == 2

    outcome = scene.after(
        "the worker with the application", partial(scene.cloud.compute.delete_server, server), back=replaced
    )
    assert outcome.reason == "Drifted"
    assert lost.removeprefix(scene.stem) in outcome.words
    nodes = {n["metadata"]["name"] for n in scene.customer.kubectl(NAME).get("nodes")["items"]}
    assert nodes == {f"{scene.stem}-cp-0", *scene.workers()}, "the lost one's Node is gone, the new one's is there"


def test_a_worker_that_lost_its_port_is_replaced(scene: Scene) -> None:
    lost = scene.busy()
    admin = scene.customer.stack.lab.connect("admin")  # Neutron lets no customer delete a port in use
    port = admin.network.find_port(lost)

    def replaced() -> bool:
        ports = {p.name for p in scene.cloud.network.ports() if "-default-" in p.name}
        return lost not in ports and scene.workers() == ports and len(ports) == 2

    outcome = scene.after(
        "the port of the worker with the application", partial(admin.network.delete_port, port), back=replaced
    )
    assert outcome.reason == "Drifted"


def test_a_security_group_rule_is_written_again(scene: Scene) -> None:
    group = scene.cloud.network.find_security_group(f"{scene.stem}-sg-worker")

    def vxlan() -> list[Any]:
        rules = scene.cloud.network.security_group_rules(security_group_id=group.id, direction="ingress")
        return [r for r in rules if r.port_range_min == 4789]

    (rule,) = vxlan()
    outcome = scene.after(
        "the workers' rule for pod traffic",
        partial(scene.cloud.network.delete_security_group_rule, rule),
        back=lambda: len(vxlan()) == 1,
    )
    assert outcome.reason == "Drifted"
    assert outcome.silent < A_HICCUP


def test_the_balancers_member_comes_back(scene: Scene) -> None:
    def members() -> list[tuple[str, str]]:
        balancer = scene.cloud.load_balancer.find_load_balancer(f"{scene.stem}-api")
        (pool,) = scene.cloud.load_balancer.pools(loadbalancer_id=balancer.id)
        return [(m.id, pool.id) for m in scene.cloud.load_balancer.members(pool.id)]

    ((member, pool),) = members()
    outcome = scene.after(
        "the member of the API's balancer",
        partial(scene.cloud.load_balancer.delete_member, member, pool),
        back=lambda: len(members()) == 1,
    )
    assert outcome.reason == "Drifted"
    assert outcome.silent < A_HICCUP


def test_the_balancer_comes_back_at_the_address_that_every_kubelet_knows(scene: Scene) -> None:
    def address() -> str | None:
        found = scene.cloud.load_balancer.find_load_balancer(f"{scene.stem}-api")
        return found.vip_address if found else None

    before, url = address(), scene.customer.cluster(NAME)["status"]["api_url"]
    balancer = scene.cloud.load_balancer.find_load_balancer(f"{scene.stem}-api")
    outcome = scene.after(
        "the API's balancer",
        partial(scene.cloud.load_balancer.delete_load_balancer, balancer, cascade=True),
        back=lambda: address() == before,
    )
    assert outcome.reason == "Drifted"
    assert outcome.silent < A_HICCUP
    assert scene.customer.cluster(NAME)["status"]["api_url"] == url
    assert scene.customer.kubectl(NAME).get("nodes")["items"]


def test_a_floating_address_comes_back_and_a_new_kubeconfig_works(scene: Scene) -> None:
    (address,) = (a for a in scene.cloud.network.ips() if a.description.startswith(f"{scene.stem}-api "))

    def there() -> bool:
        return any(a.port_id and a.description == address.description for a in scene.cloud.network.ips())

    # Neutron lets only administrators choose an address, and Navarch is none: kubeconfigs name the old one.
    (scene.customer.folder / f"{NAME}.kubeconfig").unlink()
    outcome = scene.after("the API's floating address", partial(scene.cloud.network.delete_ip, address), back=there)
    assert outcome.reason == "Drifted"
    assert outcome.silent < A_HICCUP
    assert scene.customer.kubectl(NAME).get("nodes")["items"]


def test_the_etcd_volume_is_attached_again(scene: Scene) -> None:
    name = f"{scene.stem}-etcd-0"
    (volume,) = (v for v in scene.cloud.block_storage.volumes() if v.name == name)
    server = scene.server("cp-0")

    def attached() -> bool:
        return bool(scene.cloud.block_storage.get_volume(volume.id).status == "in-use")

    outcome = scene.after(
        "the attachment of the etcd volume",
        partial(scene.cloud.compute.delete_volume_attachment, server, volume.id),
        back=attached,
    )
    assert outcome.reason in ("StoppingMachine", "Drifted")
    assert outcome.silent < A_HICCUP


def test_a_control_plane_machine_is_made_anew_on_the_data_of_the_old_one(scene: Scene) -> None:
    kubectl, server = scene.customer.kubectl(NAME), scene.server("cp-0")
    kubectl.run("create", "configmap", "kept", "--from-literal=word=still-here")

    def another() -> bool:
        found = scene.server("cp-0")
        return found is not None and found.id != server.id

    outcome = scene.after(
        "the only control-plane machine", partial(scene.cloud.compute.delete_server, server), back=another
    )
    assert outcome.reason == "Drifted"
    assert outcome.silent < A_HICCUP
    assert kubectl.get("configmap", "kept")["data"] == {"word": "still-here"}

    def provider() -> str | None:  # the cloud controller, which has only just started, writes it once and for good
        return kubectl.get("node", server.name)["spec"].get("providerID")

    said = until("the new Node's provider id", provider, seconds=60)
    assert said.endswith(f"/{scene.server('cp-0').id}"), "not the Node of the lost machine"


def test_a_worker_whose_node_somebody_deleted_is_replaced(scene: Scene) -> None:
    """Its kubelet would register anew only when it starts. This is the worker without the application: Kubernetes takes
    the volumes of a Node that went by hand away only after six minutes."""
    (lost,) = scene.workers() - {scene.busy()}

    def replaced() -> bool:
        return lost not in (workers := scene.workers()) and len(workers) == 2

    outcome = scene.after(
        "the Node of a worker",
        partial(scene.customer.kubectl(NAME).run, "delete", "node", lost, "--wait=false"),
        back=replaced,
    )
    assert outcome.reason == "Drifted"
    assert lost.removeprefix(scene.stem) in outcome.words
