from collections.abc import Iterator

import openstack_lab
import pytest
import simulated
from openstack_lab import OpenStackStage
from stage import Stage


@pytest.fixture(scope="session", params=["simulator", pytest.param("openstack", marks=pytest.mark.lab)])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Every cloud that claims to keep the contract stands here in turn."""
    if request.param == "simulator":
        yield simulated.SimulatedStage()
    else:
        yield request.getfixturevalue("openstack")


@pytest.fixture(scope="session")
def openstack() -> Iterator[OpenStackStage]:
    """The laboratory's."""
    with openstack_lab.stage() as built:
        yield built
