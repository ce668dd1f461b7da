"""What the conformance suite needs beside the cloud itself: a stage to play on, and ways to misbehave."""

from dataclasses import dataclass
from typing import Protocol

from navarch.clouds.contract import Cloud
from navarch.domain.observed import Kind
from navarch.domain.spec import Owner


@dataclass(frozen=True, slots=True)
class Props:
    """Names that are there in the cloud. `zone` has `volume_type`; `image_id` need not boot."""

    external_network: str
    flavor: str
    image_id: str
    volume_type: str
    zone: str


class Stage(Protocol):
    """A cloud with two empty projects in it."""

    project_id: str
    other_project_id: str
    props: Props

    def cloud(self) -> Cloud:
        """A cloud as another process would have it: nothing shared with any other."""
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

    def allow_networks(self, count: int) -> None:
        """Set the quota of networks of `other_project_id`, which has none; -1 for as many as before."""
        ...

    def act_as_controllers(self, owner: Owner, subnet_id: str, user_id: str, password: str, trust_id: str) -> None:
        """Make what cloud controller and CSI make for one Service with a public address and one claim with a snapshot,
        logged in as they would be. They are named service, claim and snapshot."""
        ...
