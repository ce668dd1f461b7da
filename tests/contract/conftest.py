from collections.abc import Iterator

import openstack_lab
import pytest
from stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Every cloud that claims to keep the contract stands here in turn."""
    with openstack_lab.stage() as built:
        yield built
