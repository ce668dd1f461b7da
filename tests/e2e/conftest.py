"""End to end: Navarch's own processes on the lab, real machines, customers with the ordinary commands.

Two clusters serve every story (`lending.py`): `one`, the guide's own, with one control-plane machine and two workers,
and `three`, with three control-plane machines and a worker, which is asked for in the console by a browser. Which story
comes when: `order.py`. How to add one: docs/develop/README.md.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.stack import Stack, find_lab
from tests.browser.stage import create
from tests.e2e.browser import signed_in
from tests.e2e.clusters import Cluster
from tests.e2e.guide import follow
from tests.e2e.lab_customer import LabCustomer, customer
from tests.e2e.lending import Lent
from tests.e2e.order import HERE, arrange, is_destructive, used

FOLDER = Path(os.environ.get("NAVARCH_E2E_STATE", "/var/lib/navarch-e2e"))
TIMEOUT = 120.0  # seconds of a story that says nothing else
KEEP = "NAVARCH_E2E_KEEP" in os.environ  # leave the clusters for the next run, and use those of the last


def pytest_configure(config: pytest.Config) -> None:
    """The mark of stories."""
    config.addinivalue_line("markers", "destructive: does not give its cluster back as it took it; comes last")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of stories, and how long each may take. Its own time counts, not that of its cluster: whoever comes
    first waits until that is made, which has a bound of its own (`READY_SECONDS`)."""
    arrange(items)
    for item in items:
        if item.path.parent == HERE:
            said = item.get_closest_marker("timeout")
            seconds = said.args[0] if said else TIMEOUT
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Navarch on the lab."""
    running = Stack(FOLDER, find_lab())
    if os.environ.get("CI") == "true" and FOLDER.exists():  # CI's lab begins empty, and so does the Navarch beside it
        running.stop()
        shutil.rmtree(FOLDER)
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
def lent(request: pytest.FixtureRequest, alpha: LabCustomer, beta: LabCustomer) -> Iterator[dict[str, Lent]]:
    """The clusters that stories of this run take, by name. None of an earlier run is left, unless it is to be used."""

    def one() -> None:
        follow(alpha, 1)
        follow(alpha, 2)

    def three() -> None:
        with signed_in(beta) as page:
            create(page, "three", control_plane="3", count="1")

    every = {"one": Lent(Cluster("shop", alpha), one), "three": Lent(Cluster("three", beta), three)}
    if not KEEP:
        end(every)
    needed = {name for item in request.session.items for name in used(item)}
    yield {name: lent for name, lent in every.items() if name in needed}
    if not KEEP:
        end(every)
    for each in every.values():
        each.cluster.close()


def end(every: dict[str, Lent]) -> None:
    """Have none of them."""
    for each in every.values():
        each.end()


def lend(name: str, lent: dict[str, Lent], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Take it, and look at it when it comes back. Where it will not come back, the next is asked for, to be made
    meanwhile."""
    taken = lent[name]
    cluster = taken.take()
    if is_destructive(request.node):
        for other in lent.values():
            other.ask_for()
        yield cluster
    else:
        yield cluster
        taken.give_back(request.node.nodeid)


@pytest.fixture
def one(lent: dict[str, Lent], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A Ready cluster of one control-plane machine and two workers, to be given back Ready, with the same wish, and all
    of its nodes taking pods."""
    yield from lend("one", lent, request)


@pytest.fixture
def three(lent: dict[str, Lent], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The same with three control-plane machines, one in each zone, and one worker."""
    yield from lend("three", lent, request)
