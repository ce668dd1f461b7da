"""What the plan and the judge ask of a provider of infrastructure about one cluster. `domain.openstack` keeps it.

Neutral: a machine, its existence, the API's endpoint. What these are made of, and in which order, is the provider's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.finding import Finding
from navarch.domain.machines import Machine
from navarch.domain.spec import NodeGroup
from navarch.domain.steps import Step


class Existence(StrEnum):
    """Where a machine's life in the cloud is."""

    UNKNOWN = "unknown"  # could not be read
    ABSENT = "absent"
    BUILDING = "building"
    RUNNING = "running"
    STOPPED = "stopped"
    CHANGING = "changing"  # the cloud is at it: starting, stopping, rebooting
    FAILED = "failed"
    ASIDE = "aside"  # set aside by somebody, and runs again when somebody says so
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class MachineView:
    """A machine as the cloud shows it. `word` is the cloud's own for its state, `fault` its reason for a failure.
    `reachable`: it has its address, or may get it back; False: it runs cut off from all others. `serves`: the endpoint
    sends requests to it. `data_lost`: it had data of the control plane, and the disk that held them is gone. `resumes`:
    the command that has a machine run again which was set aside. `addresses`: all of its own, those among them that
    people gave it."""

    existence: Existence
    id: str = ""
    word: str = ""
    zone: str = ""
    fault: str = ""
    created_at: datetime | None = None
    reachable: bool = True
    serves: bool = False
    data_lost: bool = False
    resumes: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether there is a server, in whatever state."""
        return self.existence not in (Existence.UNKNOWN, Existence.ABSENT)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The Kubernetes API's addresses: inside the cluster's network, which machines are told, and for people. Empty:
    none yet. `passes`: whether it passes traffic; None: there is none that could."""

    internal_address: str = ""
    public_address: str = ""
    passes: bool | None = None


class Infrastructure(Protocol):
    """One cluster's infrastructure as it was seen, and the steps towards what is wanted of it."""

    @property
    def cloud(self) -> CloudState:
        """What was seen; of two objects of a name, the one that is used first."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """Where the API is."""
        ...

    @property
    def mtu(self) -> int | None:
        """Of the machines' network, in bytes; None: not known yet."""
        ...

    @property
    def complete(self) -> bool:
        """Whether everything could be read, so that what is not here is not there."""
        ...

    def ours(self) -> Iterator[Resource]:
        """What Navarch made: not what the cluster's own controllers did."""
        ...

    def machine(self, machine: Machine) -> MachineView:
        """A machine in the cloud."""
        ...

    def missing(self) -> Iterator[Finding]:
        """What is missing of foundations and endpoint, in the order in which it comes to be."""
        ...

    def lost_data(self) -> tuple[str, ...]:
        """Names of the disks that held data of the control plane and are gone."""
        ...

    def foundations(self) -> Iterator[Step]:
        """What machines stand on, as far as it is missing or changed."""
        ...

    def keep(self, machine: Machine, *, running: bool = True, rebuild: str = "") -> Iterator[Step]:
        """What a machine lacks: its address, its server, its disks, and its power if it is to be `running`. `rebuild`:
        why its server, which never became a node, is removed for another one; empty: it is not."""
        ...

    def open_endpoint(self, serving: frozenset[str]) -> Iterator[Step]:
        """The API's address, as far as it is missing or changed. `serving`: names of the machines that requests are
        sent to."""
        ...

    def stop(self, machine: Machine) -> Iterator[Step]:
        """Switch a machine off, and let it end what it runs."""
        ...

    def save_data(self, machine: Machine) -> Iterator[Step]:
        """Save the data of the control plane that a machine holds, unless they were since it was decided that it
        goes."""
        ...

    def remove(self, machine: Machine, why: str) -> Iterator[Step]:
        """Take away a machine's server."""
        ...

    def remains(self, machine: Machine, *, for_good: bool) -> Iterator[Step]:
        """Take away what is left once its server is gone, but, unless it is `for_good`, what the next machine of its
        place takes over."""
        ...

    def group_remains(self, group: NodeGroup) -> tuple[Step, ...] | None:
        """The same of a node group without machines; None: it could not be read."""
        ...

    def tidy(self) -> Iterator[Step]:
        """Take away what is there twice, and what is left of machines and groups that were given up."""
        ...

    def nameless(self) -> frozenset[str]:
        """Names of ours that an object of ours does not have at the moment: somebody gave it another."""
        ...

    def deletion(self) -> Iterator[Step]:
        """Take everything away; last, when a fresh and complete look finds nothing, forget the cluster."""
        ...

    def leftovers(self) -> tuple[tuple[StrEnum, str], ...]:
        """(kind, name) of every object that a deletion still has to see gone, about in the order of their going."""
        ...

    def unsettled(self, *, soon: bool = False) -> frozenset[StrEnum]:
        """Kinds of which something is on its way, and worth another look; `soon`: or will be in a few seconds."""
        ...

    def settled(self) -> CloudState:
        """What would be seen if everything on its way had arrived. For rehearsals."""
        ...
