"""What is too much. Machines over a group's number go in order: their pods move, then the server goes, then its Node
and what is left of it, then the record; and groups that were asked to go."""

from collections.abc import Iterator

from navarch.domain.infrastructure import Existence, Infrastructure
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.steps import DeleteNode, DrainNode, ForgetMachine, ForgetNodeGroup, ReleaseMachine, Step


def scale_down(cluster: Cluster, observed: Observed, cloud: Infrastructure) -> Iterator[Step]:
    """Every step of it that can be taken now."""
    live = observed.record.live
    for group in cluster.node_groups:
        yield from _surplus(group, live)
        if group.deletion_requested_at is not None and all(m.group != group.name for m in live):
            remains = cloud.group_remains(group)
            if remains is not None:
                yield from remains or (ForgetNodeGroup(group.name),)
    for machine in live:
        if machine.removing:
            yield from _leave(machine, observed, cloud)
    yield from _forgotten_nodes(observed, cloud)


def _surplus(group: NodeGroup, live: tuple[Machine, ...]) -> Iterator[Step]:
    staying = [m for m in live if m.group == group.name and not m.removing]
    extra = len(staying) - group.wanted
    # those that never joined first, then the youngest
    for machine in sorted(staying, key=lambda m: (m.joined, -m.serial))[: max(0, extra)]:
        yield ReleaseMachine(machine.name)


def _leave(machine: Machine, observed: Observed, cloud: Infrastructure) -> Iterator[Step]:
    """The next step of a machine that is to go."""
    view, kube = cloud.machine(machine), observed.kube
    node = kube.node(machine.name) if kube is not None else None
    if view.existence in (Existence.UNKNOWN, Existence.LEAVING):
        return  # whoever removes it: there is nobody left who could move its pods in order
    if view.exists:
        if kube is None and machine.joined and view.reachable:
            return  # its pods must be moved first, and the Kubernetes API does not answer
        if node is not None and view.reachable:
            yield DrainNode(machine.name)
        else:
            yield from cloud.remove(machine, "it is not needed any longer" if view.reachable else "it lost its port")
        return
    if node is not None:  # not drained: somebody else removed the machine
        yield DeleteNode(machine.name)
    remains = tuple(cloud.remains(machine))
    yield from remains
    if node is None and not remains:
        yield ForgetMachine(machine.name)


def _forgotten_nodes(observed: Observed, cloud: Infrastructure) -> Iterator[Step]:
    """Nodes of machines that are gone."""
    record = observed.record
    gone = {m.name for m in record.machines if m.removed} - {m.name for m in record.live}
    for node in observed.kube.nodes if observed.kube is not None else ():
        if node.name in gone:
            yield DeleteNode(node.name)
