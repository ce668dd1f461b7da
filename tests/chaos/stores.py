"""The store as the API has it, and as a worker has it whom the invariants watch."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.chaos.database import VirtualDatabase, VirtualStore
from tests.chaos.schedule import Process

from navarch.domain.machines import Departure, Machine
from navarch.domain.spec import NodeGroup, Role
from navarch.store.contract import Claim, Stored

if TYPE_CHECKING:
    from tests.chaos.world import World


class CalmStore(VirtualStore):
    """The store as the API has it. Machines and invariants ask again and again for what did not change since."""

    def __init__(self, database: VirtualDatabase) -> None:
        super().__init__(database)
        self._session, self._read_at = database.session, -1
        self._clusters: dict[tuple[str, str | None], Stored] = {}
        self._machines: dict[str, tuple[Machine, ...]] = {}

    def cluster(self, ref: str, *, project_id: str | None) -> Stored:
        self._forget_what_is_old()
        asked = (ref, project_id)
        if asked not in self._clusters:
            self._clusters[asked] = super().cluster(ref, project_id=project_id)
        return self._clusters[asked]

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        self._forget_what_is_old()
        if removed:
            return super().machines(cluster_id, removed=True)
        if cluster_id not in self._machines:
            self._machines[cluster_id] = super().machines(cluster_id)
        return self._machines[cluster_id]

    def _forget_what_is_old(self) -> None:
        if self._read_at != self._session.writes:
            self._read_at = self._session.writes
            self._clusters.clear()
            self._machines.clear()


class WatchedStore(VirtualStore):
    """The store as one process has it; the invariants see who holds what."""

    def __init__(self, database: VirtualDatabase, world: "World", process: Process) -> None:
        super().__init__(database)
        self._world, self._process = world, process

    def claim(self, worker: str, *, lease: float) -> Claim | None:
        claim = super().claim(worker, lease=lease)
        if claim is not None:
            self._world.invariants.claimed(claim, self._process)
        return claim

    def record(self, cluster_id: str, token: int, status: Any, **more: Any) -> None:
        super().record(cluster_id, token, status, **more)
        self._world.invariants.recorded(cluster_id, token, status, self._process)

    def record_machine(self, cluster_id: str, token: int, machine: Machine) -> None:
        super().record_machine(cluster_id, token, machine)
        self._world.invariants.decided(cluster_id, machine.name, machine.role is Role.WORKER)
        self._world.invariants.lives.recorded(cluster_id, machine)

    def scale_node_group(self, cluster_id: str, token: int, group: NodeGroup, **more: Any) -> NodeGroup:
        written = super().scale_node_group(cluster_id, token, group, **more)
        self._world.invariants.scaled(written)
        return written

    def release_machine(
        self, cluster_id: str, token: int, name: str, departure: Departure, at: datetime, *, generation: int
    ) -> None:
        super().release_machine(cluster_id, token, name, departure, at, generation=generation)
        self._world.invariants.lives.released(cluster_id, name, departure)

    def forget_machine(self, cluster_id: str, token: int, name: str) -> None:
        super().forget_machine(cluster_id, token, name)
        self._world.invariants.given_up(cluster_id, name)

    def forget(self, cluster_id: str, token: int) -> None:
        super().forget(cluster_id, token)
        self._world.invariants.forgotten(cluster_id)
