from collections.abc import Iterator

import openstack_lab
import pytest
import simulated
import simulated_process
from openstack_lab import OpenStackStage
from stage import Stage


@pytest.fixture(
    scope="session", params=["simulator", "simulator process", pytest.param("openstack", marks=pytest.mark.lab)]
)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Every cloud that claims to keep the contract stands here in turn."""
    if request.param == "simulator":
        yield simulated.SimulatedStage()
    elif request.param == "simulator process":
        with simulated_process.stage() as built:
            yield built
    else:
        yield request.getfixturevalue("openstack")


@pytest.fixture(scope="session")
def openstack() -> Iterator[OpenStackStage]:
    """The laboratory's."""
    with openstack_lab.stage() as built:
        yield built
