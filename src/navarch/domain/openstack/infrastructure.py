"""`OpenStack`: the contract of `domain.infrastructure`, each question handed to the module of its chapter."""

from collections.abc import Iterator
from datetime import datetime

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.finding import Finding
from navarch.domain.infrastructure import Endpoint, MachineView
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed, Wanted
from navarch.domain.openstack import deletion, endpoint, findings, foundations, machines, tidy, waiting
from navarch.domain.openstack.resources import NAVARCH, Kind, made_by
from navarch.domain.openstack.view import View
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.steps import Step


class OpenStack:
    """One cluster in OpenStack."""

    def __init__(self, cluster: Cluster, observed: Observed, wanted: Wanted, now: datetime) -> None:
        self._view = View.of(cluster, observed, wanted, now)

    @property
    def cloud(self) -> CloudState:
        return self._view.cloud

    @property
    def endpoint(self) -> Endpoint:
        return self._view.endpoint

    @property
    def mtu(self) -> int | None:
        return self._view.network.mtu if self._view.network is not None else None

    @property
    def complete(self) -> bool:
        return self._view.complete

    def ours(self) -> Iterator[Resource]:
        return (r for kind in Kind for r in self._view.cloud.of_kind(kind) if made_by(r) == NAVARCH)

    def machine(self, machine: Machine) -> MachineView:
        return self._view.machine(machine)

    def missing(self) -> Iterator[Finding]:
        return findings.missing(self._view)

    def lost_data(self) -> tuple[str, ...]:
        return self._view.lost_data()

    def foundations(self) -> Iterator[Step]:
        return foundations.foundations(self._view)

    def keep(self, machine: Machine, *, running: bool = True, rebuild: str = "") -> Iterator[Step]:
        return machines.keep(self._view, machine, running=running, rebuild=rebuild)

    def open_endpoint(self, serving: frozenset[str]) -> Iterator[Step]:
        return endpoint.open_endpoint(self._view, serving)

    def stop(self, machine: Machine) -> Iterator[Step]:
        return machines.stop(self._view, machine)

    def save_data(self, machine: Machine) -> Iterator[Step]:
        return machines.save_data(self._view, machine)

    def remove(self, machine: Machine, why: str) -> Iterator[Step]:
        return machines.remove(self._view, machine, why)

    def remains(self, machine: Machine, *, for_good: bool) -> Iterator[Step]:
        return machines.remains(self._view, machine, for_good=for_good)

    def group_remains(self, group: NodeGroup) -> tuple[Step, ...] | None:
        return tidy.group_remains(self._view, group)

    def tidy(self) -> Iterator[Step]:
        return tidy.tidy(self._view)

    def nameless(self) -> frozenset[str]:
        return tidy.nameless(self._view)

    def deletion(self) -> Iterator[Step]:
        return deletion.deletion(self._view)

    def leftovers(self) -> tuple[tuple[Kind, str], ...]:
        return deletion.leftovers(self._view)

    def unsettled(self, *, soon: bool = False) -> frozenset[Kind]:
        return waiting.unsettled(self._view, soon=soon)

    def settled(self) -> CloudState:
        return waiting.settled(self._view.cloud)
