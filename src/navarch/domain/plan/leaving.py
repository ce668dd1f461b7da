"""A machine that is to go, in order: its pods move, then its server goes, then its Node and what is left of it, then
its record.

One of the control plane is taken out of the API's balancer once its pods have moved, leaves etcd where its place goes
for good, and is stopped before it is removed: it ends its API server, hands etcd's leadership on and ends etcd itself.
One that is dead is not waited for: its server goes, and only then what ran there is ended for Kubernetes, too."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from navarch.domain.health import Checkup, State, is_unheard
from navarch.domain.infrastructure import Existence, Infrastructure
from navarch.domain.machines import Departure, Machine
from navarch.domain.observed import Observed
from navarch.domain.plan.control_plane import quorum_without
from navarch.domain.plan.power import power
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import (
    DeleteNode,
    DrainNode,
    EmptyNode,
    ForgetMachine,
    ForgetMember,
    RemoveMember,
    Step,
)

_CONTROL_PLANE_DRAINS_FOR = timedelta(minutes=10)


def leave(
    cluster: Cluster, machine: Machine, observed: Observed, cloud: Infrastructure, now: datetime
) -> Iterator[Step]:
    """The next steps of a machine that is to go."""
    view, kube = cloud.machine(machine), observed.kube
    node = kube.node(machine.name) if kube is not None else None
    if view.existence in (Existence.UNKNOWN, Existence.LEAVING):
        return  # whoever removes it: there is nobody left who could move its pods in order
    if view.exists:
        if not view.reachable:
            yield from cloud.remove(machine, "it lost its port")
        elif is_unheard(cluster, machine, node, power(cluster, now).since, now):
            yield from cloud.remove(machine, "its node is dead")
        elif view.existence is Existence.STOPPED and machine.role is Role.WORKER:
            yield from cloud.remove(machine, "it is off")  # nothing runs there that could end in order
        elif kube is None and machine.joined and view.existence in (Existence.RUNNING, Existence.CHANGING):
            return  # its pods must be moved first, and the Kubernetes API does not answer
        elif node is not None:
            yield DrainNode(machine.name, drain_deadline(cluster, machine), _forced(cluster, machine))
        elif machine.role is Role.CONTROL_PLANE and machine.joined:
            yield from _stop_and_remove(cluster, machine, observed, cloud)
        else:
            yield from cloud.remove(machine, _why(machine))
        return
    if node is not None:  # not drained: somebody else removed the machine, or it was dead
        yield DeleteNode(machine.name)
    for_good = _goes_for_good(cluster, machine)
    if for_good or (view.data_lost and not is_alone(observed)):
        steps = end_membership(machine, observed)
        if steps is None or steps:
            yield from steps or ()
            return
    remains = tuple(cloud.remains(machine, for_good=for_good))
    yield from remains
    if node is None and not remains:
        yield ForgetMachine(machine.name)


def hold(
    cluster: Cluster, machine: Machine, observed: Observed, cloud: Infrastructure, now: datetime
) -> Iterator[Step]:
    """The next steps of a machine that was given up and is kept for a look: nothing runs on it any more."""
    view = cloud.machine(machine)
    node = observed.kube.node(machine.name) if observed.kube is not None else None
    if node is None:
        return
    if not is_unheard(cluster, machine, node, power(cluster, now).since, now):
        if not node.drained:
            deadline = machine.kept_at + _drain_time(cluster, machine) if machine.kept_at is not None else None
            yield EmptyNode(machine.name, deadline, _forced(cluster, machine))
    elif view.existence is Existence.RUNNING:
        yield from cloud.stop(machine)  # it may still write to its volumes
    elif view.existence in (Existence.STOPPED, Existence.FAILED, Existence.ABSENT):
        yield DeleteNode(machine.name)


def start_anew(checkups: Iterable[Checkup], observed: Observed, cloud: Infrastructure) -> Iterator[Step]:
    """The next steps of machines that were to go on as the members of etcd that earlier machines of their places were,
    and whose data are gone: the members leave etcd, and the machines become new ones."""
    for checkup in checkups:
        if checkup.state is not State.COMING or not checkup.view.data_lost or is_alone(observed):
            continue
        if checkup.view.existence is Existence.ABSENT:
            yield from end_membership(checkup.machine, observed) or ()
        elif checkup.view.existence not in (Existence.UNKNOWN, Existence.LEAVING):
            yield from cloud.remove(checkup.machine, "its data are gone")


def forgotten_nodes(observed: Observed) -> Iterator[Step]:
    """Nodes of machines that are gone."""
    record = observed.record
    gone = {m.name for m in record.machines if m.removed} - {m.name for m in record.live}
    for node in observed.kube.nodes if observed.kube is not None else ():
        if node.name in gone:
            yield DeleteNode(node.name)


def drain_deadline(cluster: Cluster, machine: Machine) -> datetime | None:
    """Until when pods on a machine that is to go are given time; None: for ever."""
    return machine.removing_at + _drain_time(cluster, machine) if machine.removing_at is not None else None


def _drain_time(cluster: Cluster, machine: Machine) -> timedelta:
    group = cluster.group(machine.group)
    return timedelta(seconds=group.spec.drain_timeout_seconds) if group is not None else _CONTROL_PLANE_DRAINS_FOR


def _forced(cluster: Cluster, machine: Machine) -> bool:
    group = cluster.group(machine.group)
    return group.spec.force_drain if group is not None else True  # what runs there is Navarch's


def _stop_and_remove(cluster: Cluster, machine: Machine, observed: Observed, cloud: Infrastructure) -> Iterator[Step]:
    """Of a machine of the control plane without pods."""
    view, alone, for_good = cloud.machine(machine), is_alone(observed), _goes_for_good(cluster, machine)
    in_the_way = view.serves or quorum_without(machine.name, observed, for_good=for_good)
    if view.existence is Existence.RUNNING and not alone and in_the_way:
        return  # the balancer lets it go first; a member that broke while pods moved comes back first
    if for_good:
        steps = end_membership(machine, observed)
        if steps is None or steps:
            yield from steps or ()
            return
    if view.existence is Existence.RUNNING:
        yield from cloud.stop(machine)
    elif view.existence is Existence.STOPPED:
        data = tuple(cloud.save_data(machine)) if alone else ()
        yield from data or cloud.remove(machine, _why(machine))
    elif view.existence in (Existence.FAILED, Existence.ASIDE):
        yield from cloud.remove(machine, _why(machine))


def end_membership(machine: Machine, observed: Observed) -> tuple[Step, ...] | None:
    """What has to be done before nobody takes this machine for a member of etcd; None: it is not known."""
    members = observed.kube.etcd if observed.kube is not None else None
    if members is None:
        return None
    addresses = {machine.member_address, machine.facts.address} - {""}
    found = next((m for m in members if m.name == machine.name or m.address in addresses), None)
    if found is not None:
        return (RemoveMember(machine.name, found.id),)
    return (ForgetMember(machine.name),) if machine.member_volume else ()


def is_alone(observed: Observed) -> bool:
    return len([m for m in observed.record.live if m.role is Role.CONTROL_PLANE]) == 1


def _goes_for_good(cluster: Cluster, machine: Machine) -> bool:
    """Whether its member leaves etcd with it. One that was too many goes so also where its place is wanted again: as a
    member that stops it may be one that etcd cannot do without, and none comes while it leaves."""
    too_many = machine.departure is Departure.SCALE_DOWN or machine.serial >= cluster.spec.control_plane.replicas
    return machine.role is Role.CONTROL_PLANE and too_many


def _why(machine: Machine) -> str:
    if machine.departure in (Departure.REPAIR, Departure.ROLLOUT):
        return "another takes its place"
    return "it is not needed any longer"
