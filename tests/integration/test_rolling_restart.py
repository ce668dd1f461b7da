"""Processes are restarted one after another, as in an upgrade, while customers go on working: nothing is lost."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from demo.steps import until
from tests.integration.api_fixtures import OFFER, plenty
from tests.integration.full_cloud import FullCloud, make_dependencies
from tests.integration.simulated_region import CLOUD, PASSWORD, SITE
from tests.integration.some_values import a_cluster

from navarch.clouds.openstack import OpenStackCloud
from navarch.domain.cloud import Resource
from navarch.domain.names import control_plane_machine, owner, worker_machine
from navarch.domain.openstack.names import etcd_volume, network
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step
from navarch.operate.keys import make_certificates, make_keys
from navarch.reconcile.worker import Worker
from navarch.simulator import marks
from navarch.simulator.installed import install, project_id
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.openstack.transport import Transport
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
_ROOT = Path(__file__).parents[2]
_STARTS_WITHIN = 60.0
_ENDS_WITHIN = 60.0


@dataclass
class Process:
    """An API process on a port of its own."""

    command: list[str]
    port: int
    trusted: ssl.SSLContext
    running: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=_ROOT)
        until(f"an answer at port {self.port}", self._answers, seconds=_STARTS_WITHIN, every=0.1)

    def _answers(self) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, self.log.read_text()
        try:
            httpx.get(f"https://127.0.0.1:{self.port}/healthz", verify=self.trusted, trust_env=False)
        except httpx.HTTPError:
            return False
        return True

    def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(_ENDS_WITHIN)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    make_keys(folder)
    make_certificates(folder, ("127.0.0.1",))
    (folder / "cloud.password").write_text("secret")
    return folder


MakeProcess = Callable[..., Process]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def make_process(dsn: str, keys: Path, tmp_path: Path) -> Iterator[MakeProcess]:
    """Makes API processes that are not started yet, and ends what runs of them."""
    made: list[Process] = []
    trusted = ssl.create_default_context(cafile=str(keys / "ca.crt"))

    def make(quota_wait: float = 0.0, command: Callable[[int], list[str]] | None = None) -> Process:
        port = free_port()
        own = [sys.executable, "-m", "tests.integration.api_process", dsn, str(port), str(keys), str(quota_wait)]
        made.append(Process(command(port) if command else own, port, trusted, log=tmp_path / f"{port}.log"))
        return made[-1]

    yield make
    for process in made:
        if process.running is not None and process.running.poll() is None:
            process.running.kill()
            process.running.wait()


class Customer(threading.Thread):
    """Asks for one cluster after the other, each at whichever process answers, until told to stop."""

    def __init__(self, number: int, processes: list[Process]) -> None:
        super().__init__(daemon=True)
        self._number, self._processes = number, processes
        self.enough = threading.Event()
        self.accepted: dict[str, str] = {}
        self.unexpected: list[str] = []

    def run(self) -> None:
        count = 0
        while not self.enough.is_set():
            self._ask_for(f"c{self._number}-{count}")
            count += 1
            self.enough.wait(0.05)  # the processes under test share this machine

    def _ask_for(self, name: str) -> None:
        headers = {"X-Auth-Token": "ann", "Idempotency-Key": str(uuid4())}
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for process in self._processes:
                url = f"https://127.0.0.1:{process.port}/kaas/v1/clusters"
                try:
                    answer = httpx.post(
                        url, json={"name": name}, headers=headers, verify=process.trusted, trust_env=False, timeout=15
                    )
                except httpx.TransportError:
                    continue  # restarting: the same request, with the same key, to the other
                if answer.status_code == 202:
                    self.accepted[name] = answer.json()["id"]
                else:
                    self.unexpected.append(f"{answer.status_code} {answer.text}")
                return
        self.unexpected.append(f"{name}: nobody answered")


def everybody_gets_more(customers: list[Customer]) -> None:
    """Wait until each customer has two more clusters than now, or an answer that it must not get."""
    goals = [(customer, len(customer.accepted) + 2) for customer in customers]
    until(
        "two more clusters for everybody",
        lambda: all(len(c.accepted) >= goal or c.unexpected for c, goal in goals),
        seconds=60,
        every=0.05,
    )


def test_every_request_is_answered_once_while_the_api_processes_are_restarted(
    make_process: MakeProcess, store: PostgresStore
) -> None:
    store.write_offer(OFFER)
    store.write_quota("alpha", plenty())
    processes = [make_process(), make_process()]
    for process in processes:
        process.start()
    customers = [Customer(n, processes if n % 2 else processes[::-1]) for n in range(3)]
    for customer in customers:
        customer.start()
    everybody_gets_more(customers)
    for process in processes:
        process.stop()
        process.start()
        everybody_gets_more(customers)
    for customer in customers:
        customer.enough.set()
        customer.join(30)
    assert [u for c in customers for u in c.unexpected] == []
    accepted = {name: id_ for c in customers for name, id_ in c.accepted.items()}
    assert {s.cluster.name: s.cluster.id for s in store.clusters(project_id="alpha", limit=10_000).clusters} == accepted


def test_a_request_under_way_is_answered_by_a_process_that_was_asked_to_end(
    make_process: MakeProcess, store: PostgresStore
) -> None:
    store.write_offer(OFFER)
    process = make_process(quota_wait=1.5)  # nobody reads the quota: the request waits so long for one who does
    process.start()
    answers: list[httpx.Response] = []

    def ask() -> None:
        url = f"https://127.0.0.1:{process.port}/kaas/v1/clusters"
        headers = {"X-Auth-Token": "ann"}
        answers.append(
            httpx.post(url, json={"name": "shop"}, headers=headers, verify=process.trusted, trust_env=False, timeout=15)
        )

    asking = threading.Thread(target=ask)
    asking.start()
    until("the request has come as far as waiting", lambda: bool(store.take_wanted_quotas()), seconds=60, every=0.02)
    process.stop()
    asking.join(10)
    assert [a.status_code for a in answers] == [202]
    assert store.cluster("shop", project_id="alpha").cluster.id == answers[0].json()["id"]


@pytest.fixture
def settings(keys: Path, dsn: str, tmp_path: Path) -> Callable[[int], Path]:
    """Writes the settings of a server that listens at that port."""

    def write(port: int) -> Path:
        path = tmp_path / "navarch.toml"
        path.write_text(
            f"""
            [api]
            public_url = "https://127.0.0.1:{port}"
            password_file = "{keys}/cloud.password"
            listen = "127.0.0.1"
            port = {port}
            machines_listen = "127.0.0.1"
            machines_port = {free_port()}
            certificate = "{keys}/api.crt"
            key = "{keys}/api.key"
            certificate_ca = "{keys}/ca.crt"
            [cloud]
            auth_url = "https://127.0.0.1:9/v3"
            password_file = "{keys}/cloud.password"
            [keys]
            sealing_file = "{keys}/sealing.key"
            report_file = "{keys}/report.key"
            worker_file = "{keys}/worker.key"
            [catalogue]
            renderer = "{sys.executable}"  # a program that is there: nothing is rendered
            [database]
            dsn = "{dsn}"
            [worker]
            metrics_listen = ""
            """
        )
        return path

    return write


def server(settings: Path, *words: str) -> list[str]:
    program = "from navarch.main import run; run()"
    return [sys.executable, "-c", program, "--config", str(settings), *words]


def test_the_server_ends_in_order_when_it_is_asked_to(
    make_process: MakeProcess, settings: Callable[[int], Path]
) -> None:
    """Also the worker in it: else what it holds would wait for its lease to end."""
    process = make_process(command=lambda port: server(settings(port), "all"))
    process.start()
    assert process.stop() == 0
    events = [json.loads(line)["event"] for line in process.log.read_text().splitlines() if line.startswith("{")]
    assert events[-1] == "stopped"


def test_a_further_api_has_a_port_of_its_own_and_the_same_settings(
    make_process: MakeProcess, settings: Callable[[int], Path]
) -> None:
    first = make_process(command=lambda port: server(settings(port), "api"))
    shared = settings(first.port)
    second = make_process(
        command=lambda port: server(shared, "api", "--port", str(port), "--machines-port", str(free_port()))
    )
    for process in (first, second):
        process.start()
    assert [process.stop() for process in (first, second)] == [0, 0]


class SlowCloud(FullCloud):
    """Refuses when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        self.let_go.wait(60)
        return super().carry_out(owner, step, private=private)


class Silent:
    """A log that nobody reads."""

    def info(self, event: str, **values: object) -> None: ...

    warning = exception = info


def test_a_worker_that_is_asked_to_end_finishes_its_cycles_and_keeps_nothing(store: PostgresStore, dsn: str) -> None:
    for n in range(6):
        store.create_cluster(a_cluster(name=f"c{n}"))

    def held() -> int:
        return store.fleet().claimed

    def judged() -> int:
        with psycopg.connect(dsn) as connection:
            found = connection.execute("SELECT count(*) FROM clusters WHERE status ? 'conditions'").fetchone()
        assert found is not None
        return int(found[0])

    for name, judged_by_now in (("before", 3), ("after", 6)):
        cloud = SlowCloud()
        worker = Worker(make_dependencies(store, cloud), Silent(), name=name, threads=3, calls=6)
        worker.start()
        until("each of its threads holds a cluster", lambda: held() == 3, seconds=60, every=0.02)
        ending = threading.Thread(target=worker.stop)
        ending.start()
        cloud.let_go.set()
        ending.join(60)
        assert held() == 0
        assert judged() >= judged_by_now


@pytest.fixture
def services() -> Iterator[Services]:
    """A simulated OpenStack whose time passes as ours does, ten times as fast."""
    installed = install(Timeline(datetime.now(UTC)), SITE, PASSWORD)
    installed.let_in("alpha", "alpha")
    region, enough = installed.region, threading.Event()

    def tick() -> None:
        while not enough.wait(0.05):
            with region.lock:
                region.timeline.advance(region.timeline.now + 0.5)

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    yield Services(region)
    enough.set()
    ticking.join()


def test_workers_that_are_restarted_one_after_another_make_everything_once(
    store: PostgresStore, services: Services
) -> None:
    clouds: list[OpenStackCloud] = []

    def start(name: str) -> Worker:
        clouds.append(OpenStackCloud(CLOUD, transport=Transport(services)))
        worker = Worker(make_dependencies(store, clouds[-1]), Silent(), name=name, threads=2, calls=8)
        worker.start()
        return worker

    def names(kind: str) -> list[str]:
        with services.region.lock:
            return sorted(found.name for found, _, _ in marks.belonging(services.region, kind))

    clusters: list[Cluster] = []
    workers = [start("a-1"), start("b-1")]
    for n in range(6):  # while clusters come, and half-way through those that are there
        asked = a_cluster(name=f"c{n}", project_id=project_id("alpha"), created_at=datetime.now(UTC))
        clusters.append(store.create_cluster(asked).cluster)
        workers[n % 2].stop()
        workers[n % 2] = start(f"{'ab'[n % 2]}-{n}")
        until("the newest has its network", partial(lambda n: len(names("network")) > n, n), seconds=60, every=0.05)
    owners = [owner(c) for c in clusters]
    machines = sorted(
        name
        for o in owners
        for name in (control_plane_machine(o, 0), worker_machine(o, "default", 1), worker_machine(o, "default", 2))
    )
    until("every machine is there", lambda: len(names("server")) >= len(machines), seconds=60, every=0.1)
    for worker in workers:
        worker.stop()
    for cloud in clouds:
        cloud.close()
    assert names("server") == machines
    assert names("network") == sorted(network(o) for o in owners)
    assert names("volume") == sorted(etcd_volume(o, 0) for o in owners)
    assert store.fleet().claimed == 0
