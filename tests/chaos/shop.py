"""A cluster with an autoscaled node group, for the stories about that."""

from dataclasses import replace

from tests.chaos.customers import PROJECTS
from tests.chaos.world import World

from navarch.domain.machines import Machine
from navarch.domain.spec import Autoscaling, NodeGroup, NodeGroupSpec
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.pods import Workload

LIMITS = Autoscaling(1, 6)
WEB = Workload("web", 1, at_least=1, requests=(("cpu", 800), ("memory", 256 << 20)))  # one on each machine


class Shop:
    """A cluster whose one node group may have as many machines as `limits` say, and has `workers`; default: the
    fewest. Users deploy there."""

    def __init__(self, world: World, name: str, limits: Autoscaling = LIMITS, workers: int | None = None) -> None:
        self.world, workers = world, limits.min if workers is None else workers
        self.id = world.customers.create(name, PROJECTS[0], workers=workers)
        (group,) = self.groups()
        changed = replace(group, spec=replace(group.spec, replicas=workers, autoscaling=limits))
        world.api.change_node_group(self.id, changed, generation=group.generation)
        assert world.run_until(world.invariants.settled, 600.0)

    @property
    def inside(self) -> Kubernetes:
        cluster = self.world.guests.cluster(self.id)
        assert cluster is not None
        return cluster

    def add_group(self, name: str, flavor: str, limits: Autoscaling, zones: tuple[str, ...] = ("z1",)) -> None:
        """Another node group, which has no machine yet."""
        spec = NodeGroupSpec(flavor, 0, zones, autoscaling=limits)
        self.world.api.add_node_group(self.id, NodeGroup(name, spec))

    def fix(self) -> None:
        """The number of the first group's machines is people's again."""
        first = self.groups()[0]
        fixed = replace(first, spec=replace(first.spec, autoscaling=None))
        self.world.api.change_node_group(self.id, fixed, generation=first.generation)

    def groups(self) -> tuple[NodeGroup, ...]:
        return self.world.api.cluster(self.id, project_id=None).cluster.node_groups

    def workers(self, group: str = "") -> list[Machine]:
        machines = (m for m in self.world.api.machines(self.id) if m.role.value == "worker" and not m.removing)
        return [m for m in machines if group in ("", m.group)]

    def waiting(self) -> int:
        return len(self.inside.pods_seen().waiting)

    def told(self, reason: str) -> list[str]:
        return [s.event.message for s in self.world.api.events(self.id, limit=5000) if s.event.reason == reason]
