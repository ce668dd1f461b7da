from collections.abc import Iterator

import pytest
from tests.contract import openstack_lab, simulated, simulated_process
from tests.contract.openstack_lab import OpenStackStage
from tests.contract.stage import Stage


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
