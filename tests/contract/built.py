"""What a test has had built in a cloud for one cluster."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.contract.stage import Stage

from navarch.clouds.contract import Cloud
from navarch.domain.cloud import CloudState, Resource
from navarch.domain.openstack.steps import CloudStep
from navarch.domain.spec import Owner

_R = TypeVar("_R", bound=Resource)


def new_owner(project_id: str) -> Owner:
    cluster_id = str(uuid.uuid4())
    return Owner(project_id, cluster_id, f"contract-{cluster_id[:8]}")


@dataclass
class Built:
    """What a cluster needs of a cloud, with the steps that made it."""

    stage: Stage
    cloud: Cloud
    owner: Owner
    made: list[tuple[CloudStep, str, Resource]] = field(default_factory=list)

    def do(self, step: CloudStep, expected: type[_R], private: str = "") -> _R:
        resource = self.cloud.carry_out(self.owner, step, private=private)
        assert isinstance(resource, expected)
        self.made.append((step, private, resource))
        return resource

    def the(self, expected: type[_R]) -> _R:
        return next(resource for _, _, resource in self.made if isinstance(resource, expected))


def until(built: Built, settled: Callable[[CloudState], bool], rounds: int = 360) -> CloudState:
    """What is seen once it is so; half a second goes by between two looks."""
    for _ in range(rounds):
        state = built.cloud.observe(built.owner)
        if settled(state):
            return state
        built.stage.wait(0.5)
    raise AssertionError(f"not settled after {rounds} looks: {state}")
