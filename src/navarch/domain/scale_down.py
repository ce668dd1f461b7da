"""The last chapter of a plan: what is too much. Machines over a group's number go in order: their pods move, then the
server goes, then its Node and port, then the record; and what is left of groups and machines that were given up."""

from collections.abc import Iterator

from navarch.domain import names
from navarch.domain.duplicates import second_ones
from navarch.domain.observed import Kind, Machine, Observed, Server, is_going, named
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.domain.steps import DeleteNode, DrainNode, ForgetMachine, ForgetNodeGroup, ReleaseMachine, Remove, Step


def scale_down(cluster: Cluster, observed: Observed) -> Iterator[Step]:
    """Every step of it that can be taken now. Of two objects of one name in `observed.cloud` the one that is used comes
    first (`duplicates.used_first`)."""
    live = tuple(m for m in observed.machines if not m.removed)
    for group in cluster.node_groups:
        yield from _surplus(cluster, group, observed, live)
    for machine in live:
        if machine.removing:
            yield from _retire(machine, observed)
    if observed.kube is not None and observed.cloud.servers is not None:
        gone = {m.name for m in observed.machines if m.removed} - {m.name for m in live}
        for node in observed.kube.nodes:
            if node.name in gone:
                yield DeleteNode(node.name)
    yield from _orphans(cluster, observed, live)
    yield from second_ones(observed, names.owner(cluster))


def is_cut_off(server: Server) -> bool:
    """Whether it runs without any port."""
    return server.status == "ACTIVE" and not server.addresses


def _surplus(cluster: Cluster, group: NodeGroup, observed: Observed, live: tuple[Machine, ...]) -> Iterator[Step]:
    staying = [m for m in live if m.group == group.name and not m.removing]
    extra = len(staying) - group.wanted
    # those that never joined first, then the youngest
    for machine in sorted(staying, key=lambda m: (m.joined, -m.serial))[: max(0, extra)]:
        yield ReleaseMachine(machine.name)
    if group.deletion_requested_at is None or any(m.group == group.name for m in live):
        return
    groups = observed.cloud.server_groups
    spread = named(groups, names.server_group(names.owner(cluster), group.name))
    if spread is not None:
        yield Remove(Kind.SERVER_GROUP, spread.id, spread.name, "its node group was deleted")
    elif groups is not None:
        yield ForgetNodeGroup(group.name)


def _retire(machine: Machine, observed: Observed) -> Iterator[Step]:
    kube, cloud = observed.kube, observed.cloud
    if cloud.servers is None or cloud.ports is None:
        return
    node = kube is not None and any(n.name == machine.name for n in kube.nodes)
    server = named(cloud.servers, machine.name)
    if server is not None:
        if is_going(server):
            return  # whoever removes it: there is nobody left who could move its pods in order
        cut_off = is_cut_off(server)  # nor there
        if kube is None and machine.joined and not cut_off:
            return  # its pods must be moved first, and the Kubernetes API does not answer
        if node and not cut_off:
            yield DrainNode(machine.name)
        else:
            why = "it lost its port" if cut_off else "it is not needed any longer"
            yield Remove(Kind.SERVER, server.id, server.name, why)
        return
    if node:  # not drained: somebody else removed the machine
        yield DeleteNode(machine.name)
    port = named(cloud.ports, machine.name)
    if machine.role is Role.CONTROL_PLANE:
        port = None  # stays, as the volume does: its address is that of the place's etcd member
    if port is not None:
        yield Remove(Kind.PORT, port.id, port.name, "its machine is gone")
    if not node and port is None:
        yield ForgetMachine(machine.name)


def _orphans(cluster: Cluster, observed: Observed, live: tuple[Machine, ...]) -> Iterator[Step]:
    """What is left of node groups and machines that are given up: a list that lagged did not show it then."""
    cloud, owner = observed.cloud, names.owner(cluster)
    groups = {names.server_group(owner, g) for g in (names.CONTROL_PLANE_GROUP, *(g.name for g in cluster.node_groups))}
    for spread in cloud.server_groups or ():
        if spread.name not in groups:
            yield Remove(Kind.SERVER_GROUP, spread.id, spread.name, "its node group was deleted")
    if cloud.servers is None or cloud.ports is None:
        return
    places = range(cluster.spec.control_plane.replicas)
    wanted = {m.name for m in live} | {names.control_plane_machine(owner, place) for place in places}
    for server in cloud.servers:
        if server.name not in wanted and not is_going(server):
            yield Remove(Kind.SERVER, server.id, server.name, "its machine was given up")
    for port in cloud.ports:
        if port.name not in wanted and port.server_id is None:
            yield Remove(Kind.PORT, port.id, port.name, "its machine was given up")
