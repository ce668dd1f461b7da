"""End to end: Navarch's own processes on the lab, real machines, customers with the ordinary commands.

Two clusters serve every story (`clusters.py`): `one`, the guide's own with one control-plane machine and two workers,
and `three`, with three control-plane machines and a worker. Which story comes when: `order.py`. How to add one:
docs/develop/README.md.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.stack import Stack, find_lab
from tests.e2e.clusters import Cluster
from tests.e2e.guide import follow
from tests.e2e.lab_customer import LabCustomer, customer
from tests.e2e.order import arrange, is_destructive, used

FOLDER = Path(os.environ.get("NAVARCH_E2E_STATE", "/var/lib/navarch-e2e"))
KEEP = "NAVARCH_E2E_KEEP" in os.environ  # leave the clusters for the next run, and use those of the last


def pytest_configure(config: pytest.Config) -> None:
    """The mark of stories."""
    config.addinivalue_line("markers", "destructive: does not give its cluster back as it took it; comes last")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of stories."""
    arrange(items)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Navarch on the lab."""
    running = Stack(FOLDER, find_lab())
    running.prepare()
    running.stop(database=False)  # of an earlier run that was killed
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The customers'."""
    return tmp_path_factory.mktemp("customer")


@pytest.fixture(scope="session")
def alpha(stack: Stack, folder: Path) -> LabCustomer:
    """Who has cluster `one`."""
    return customer(stack, "alpha", folder)


@pytest.fixture(scope="session")
def beta(stack: Stack, folder: Path) -> LabCustomer:
    """Who has cluster `three`, in another project."""
    return customer(stack, "beta", folder)


@pytest.fixture(scope="session")
def reader(stack: Stack, folder: Path) -> LabCustomer:
    """Who may only look at what alpha has."""
    return customer(stack, "alpha-reader", folder)


@pytest.fixture(scope="session")
def clusters(request: pytest.FixtureRequest, alpha: LabCustomer, beta: LabCustomer) -> Iterator[dict[str, Cluster]]:
    """Those that the stories of this run need. `three` goes on being made while the first stories use `one`."""
    made = {"one": Cluster("shop", alpha), "three": Cluster("three", beta)}
    for cluster in made.values():
        if not KEEP:
            gone(cluster)
    needed = {name: cluster for name, cluster in made.items() if used(request.session.items, name)}
    if "three" in needed and not there(made["three"]):
        beta.must("cluster", "create", "three", "--control-plane-replicas", "3", "--workers", "1", "--no-wait")
    if "one" in needed and not there(made["one"]):
        follow(alpha, 1)
        follow(alpha, 2)
    yield needed
    if not KEEP:
        for cluster in needed.values():
            gone(cluster)


def there(cluster: Cluster) -> bool:
    """Whether Navarch has a cluster of that name."""
    return any(found["name"] == cluster.name for found in cluster.api.clusters())


def gone(cluster: Cluster) -> None:
    """Have none of that name: one may be there of a run that was killed."""
    if there(cluster):
        cluster.customer.must("cluster", "delete", cluster.name, "--yes", "--wait", timeout=400)


def lent(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Take it, and look at it when it comes back."""
    cluster.take()
    yield cluster
    if not is_destructive(request.node):
        cluster.give_back(request.node.nodeid)


@pytest.fixture
def one(clusters: dict[str, Cluster], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A Ready cluster of one control-plane machine and two workers, to be given back Ready, with the same wish, and all
    of its nodes taking pods."""
    yield from lent(clusters["one"], request)


@pytest.fixture
def three(clusters: dict[str, Cluster], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The same with three control-plane machines, one in each zone, and one worker."""
    yield from lent(clusters["three"], request)
