"""End to end: Navarch's own processes on the lab, real machines, a customer with the ordinary commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import Customer
from demo.stack import Stack, find_lab

FOLDER = Path(os.environ.get("NAVARCH_E2E_STATE", "/var/lib/navarch-e2e"))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    running = Stack(FOLDER, find_lab())
    running.prepare()
    running.stop(database=False)  # of an earlier run that was killed
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("customer")


@pytest.fixture(scope="session")
def alpha(stack: Stack, folder: Path) -> Customer:
    return Customer("alpha", stack, folder)


@pytest.fixture(scope="session")
def beta(stack: Stack, folder: Path) -> Customer:
    return Customer("beta", stack, folder)


@pytest.fixture(scope="session")
def reader(stack: Stack, folder: Path) -> Customer:
    return Customer("alpha-reader", stack, folder)
