"""What the conformance suite needs beside the cloud itself: a stage to play on, and ways to misbehave."""

from dataclasses import dataclass
from typing import Any, Protocol

from navarch.clouds.contract import Cloud
from navarch.domain.errors import NavarchError
from navarch.domain.openstack.resources import RESOURCES, Kind
from navarch.domain.openstack.steps import Remove
from navarch.domain.spec import Owner

BALANCED = "10.0.0.77"
"""The member of the balancer that the cluster's own controllers make."""
_REMOVED_IN_ORDER = (
    Kind.SERVER,
    Kind.FLOATING_IP,
    Kind.LOAD_BALANCER,
    Kind.PORT,
    Kind.SNAPSHOT,
    Kind.VOLUME,
    Kind.ROUTER,
    Kind.SUBNET,
    Kind.NETWORK,
    Kind.SECURITY_GROUP,
    Kind.SERVER_GROUP,
    Kind.IDENTITY,
)


@dataclass(frozen=True, slots=True)
class Props:
    """Names that are there in the cloud. `zone` has `volume_type`. `boots`: whether machines can start from
    `image_id`."""

    external_network: str
    flavor: str
    image_id: str
    volume_type: str
    zone: str
    boots: bool = True


class Stage(Protocol):
    """A cloud with two empty projects in it."""

    project_id: str
    other_project_id: str
    props: Props

    def cloud(self) -> Cloud:
        """A cloud as another process would have it: nothing shared with any other."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass in the cloud."""
        ...

    def forgetful(self) -> Cloud:
        """A cloud where each object is made, but the answer never arrives."""
        ...

    def blind(self, kind: Kind) -> Cloud:
        """A cloud where this kind cannot be read."""
        ...

    def unreachable(self) -> Cloud:
        """A cloud that does not answer at all."""
        ...

    def locked_out(self) -> Cloud:
        """A cloud that does not accept Navarch's password."""
        ...

    def foreign_network(self, name: str) -> str:
        """A network that somebody made in `project_id`; its id."""
        ...

    def foreign_port(self, network_id: str, subnet_id: str, mac_address: str) -> None:
        """A port of somebody in a network, with this MAC address."""
        ...

    def remove_foreign(self) -> None:
        """Remove such ports."""
        ...

    def meddle(self, service: str, path: str, body: dict[str, Any]) -> None:
        """Somebody who may do so changes an object of `project_id` by hand: PUT the body to the path below the version
        of that service (a type of the catalogue)."""
        ...

    def allow_networks(self, count: int) -> None:
        """Set the quota of networks of `other_project_id`, which has none; -1 for as many as before."""
        ...

    def act_as_controllers(self, owner: Owner, subnet_id: str, user_id: str, password: str, trust_id: str) -> None:
        """Make what cloud controller and CSI make for one Service with a public address and one claim with a snapshot,
        logged in as they would be. They are named service, claim and snapshot."""
        ...


def clear(stage: Stage, cloud: Cloud, owner: Owner, rounds: int = 300) -> None:
    """Remove all of an owner's objects; AssertionError if something is left."""
    refused: NavarchError | None = None
    for _ in range(rounds):
        state = cloud.observe(owner)
        left = [(kind, resource) for kind in _REMOVED_IN_ORDER for resource in state.of_kind(kind)]
        if not left and state.knows(*RESOURCES):
            return
        try:
            for kind, resource in left:
                cloud.carry_out(owner, Remove(kind, resource.id, resource.name))
        except NavarchError as error:  # what follows would be in use as well: look again
            refused = error
        stage.wait(1)
    raise AssertionError(f"still there: {left}; last refusal: {refused}; trouble: {state.trouble}")
