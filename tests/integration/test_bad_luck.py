"""Bad luck and bad input in a simulated region: the real API, worker, PostgreSQL and command line; processes that are
killed, a database that is away, clusters that are deleted while they are made, and requests that cannot be met."""

import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from demo.steps import until
from tests.customer import Customer

from navarch.domain.openstack.resources import Kind
from navarch.playground.region import Playground, Wanted
from navarch.simulator.client import Simulator
from navarch.simulator.wire import Census

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
PROJECT = "alpha"


@dataclass(frozen=True, slots=True)
class Place:
    """A Navarch before a simulated region, and its one customer."""

    playground: Playground
    simulator: Simulator
    customer: Customer

    def count(self, kind: Kind) -> int:
        """How many of a kind there are in the region."""
        return dict(self.simulator.census().objects)[kind.value]

    def nodes(self) -> int:
        """How many nodes are Ready."""
        return self.simulator.census().nodes

    def things(self) -> dict[str, int]:
        """What there is in the region, by kind."""
        return {kind: count for kind, count in self.simulator.census().objects if count}

    def status(self, path: str) -> int:
        """HTTP status of what the API answers."""
        trusted = ssl.create_default_context(cafile=str(self.playground.keys / "ca.crt"))
        return httpx.get(self.playground.url + path, verify=trusted, trust_env=False, timeout=60).status_code

    def wait(self, what: str, so: Callable[[], bool]) -> None:
        until(what, so, seconds=120, every=0.05)

    def kill(self, name: str) -> None:
        """Have a process die without a word, and start it anew. Leases that it held end at once: their time is not what
        is looked at here."""
        self.playground.kill(name)
        with psycopg.connect(self.playground.postgres.dsn, autocommit=True) as connection:
            connection.execute("UPDATE clusters SET lease_until = now() WHERE lease_until IS NOT NULL")
        self.playground.start_process(name)


@pytest.fixture(scope="module")
def running() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="nv-luck-"))  # pytest's own folders are closed to user postgres
    folder.chmod(0o755)
    playground = Playground(folder, Wanted(projects=(PROJECT,), boot_seconds=2.0, speed=2.0))
    playground.start()
    simulator = Simulator(str(playground.socket))
    try:
        yield Place(playground, simulator, Customer(PROJECT, playground.environment(PROJECT)))
    finally:
        simulator.close()
        playground.stop()
        shutil.rmtree(folder)


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    """An empty region, which is empty again afterwards."""
    assert running.things() == {}
    yield running
    for cluster in running.customer.must("cluster", "list", "-o", "json").json:
        running.customer.must("cluster", "delete", cluster["name"], "--yes", "--wait")
    assert running.things() == {}


def test_every_mistake_is_named_at_once_and_nothing_is_made(place: Place) -> None:
    answer = place.customer.navarch(
        "cluster", "create", "Not_A_Name", "--version", "9.9.9", "--control-plane-replicas", "2",
        "--control-plane-flavor", "m1.tiny", "--node-group", "name=web,flavor=nope,replicas=1,zones=z9",
        "--external-network", "nowhere", "--etcd-volume-type", "tape",
        "--node-cidr", "10.0.0.0/24", "--pod-cidr", "10.0.0.0/16", "--no-wait",
    )  # fmt: skip
    assert answer.code == 4, answer.out + answer.err
    said = answer.out + answer.err
    for word in ("name", "9.9.9", "1, 3 or 5", "m1.tiny", "nope", "z9", "nowhere", "tape", "overlap"):
        assert word in said, f"{word!r} is not in:\n{said}"
    assert place.customer.must("cluster", "list", "-o", "json").json == []


def test_a_plan_changes_nothing(place: Place) -> None:
    answer = place.customer.must("cluster", "create", "thought", "--dry-run", "-o", "json")
    assert "CreateServer" in answer.out
    assert place.customer.must("cluster", "list", "-o", "json").json == []


def test_a_creation_survives_the_death_of_its_worker_three_times_and_of_the_api(place: Place) -> None:
    customer = place.customer
    customer.must("cluster", "create", "unlucky", "--workers", "2", "--no-wait")
    place.wait("its network is there", lambda: place.count(Kind.NETWORK) == 1)
    place.kill("worker-1")
    place.wait("its first machine is there", lambda: place.count(Kind.SERVER) >= 1)
    place.kill("worker-1")
    place.kill("api")
    place.wait("its first node is Ready", lambda: place.nodes() >= 1)
    place.kill("worker-1")
    customer.must("cluster", "wait", "unlucky", "--timeout", "200")
    census: Census = place.simulator.census()
    assert census.twice == ()
    assert census.nodes == 3
    made = place.things()
    assert {kind: made[kind] for kind in ("network", "router", "load balancer", "floating IP", "volume")} == {
        "network": 1, "router": 1, "load balancer": 1, "floating IP": 1, "volume": 1,
    }  # fmt: skip
    assert (made["server"], made["server group"], made["security group"]) == (3, 2, 2)


MOMENTS: dict[str, Callable[[Place], bool]] = {
    "nothing is there": lambda place: True,
    "its network is there": lambda place: place.count(Kind.NETWORK) > 0,
    "its load balancer is there": lambda place: place.count(Kind.LOAD_BALANCER) > 0,
    "its first machine is there": lambda place: place.count(Kind.SERVER) > 0,
    "its first node is Ready": lambda place: place.nodes() > 0,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cluster_deleted_while_it_is_made_leaves_nothing(place: Place, moment: str) -> None:
    place.customer.must("cluster", "create", "brief", "--workers", "1", "--no-wait")
    place.wait(moment, lambda: MOMENTS[moment](place))
    place.customer.must("cluster", "delete", "brief", "--yes", "--wait")
    assert place.things() == {}


def test_a_database_that_is_away_means_503_and_the_worker_goes_on_afterwards(place: Place) -> None:
    customer, playground = place.customer, place.playground
    customer.must("cluster", "create", "after-all", "--workers", "1", "--no-wait")
    place.wait("its network is there", lambda: place.count(Kind.NETWORK) == 1)
    playground.postgres.stop()
    try:
        assert place.status("/readyz") == 503
        assert place.status("/healthz") == 200
        playground.check()  # its processes live on
    finally:
        playground.postgres.start()
    customer.must("cluster", "wait", "after-all", "--timeout", "200")
    assert place.simulator.census().twice == ()
