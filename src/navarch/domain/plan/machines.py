"""Which machines there are to be, and which of them are lost: another takes the place of each."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from navarch.domain import names
from navarch.domain.infrastructure import Existence, Infrastructure, MachineView
from navarch.domain.machines import MAKES_A_MEMBER, Machine, template_of
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, Role, zone_of
from navarch.domain.steps import RecordMachine, ReleaseMachine, Step

LISTS_LAG = timedelta(seconds=30)  # how old a list may be: what a machine said since then outweighs all of them
REPORT_DEADLINE = timedelta(minutes=4)  # a machine that runs must have reported in by then
BOOT_DEADLINE = timedelta(minutes=10)  # and have joined by then
LATE_SERVER_IS_KEPT = timedelta(minutes=5)  # after it failed or was due: long enough to look at its console
ERROR_SERVER_IS_KEPT = timedelta(seconds=60)  # at least: long enough to read its fault
ERROR_SERVER_IS_KEPT_AT_MOST = timedelta(minutes=5)


def machines(cluster: Cluster, observed: Observed, cloud: Infrastructure, now: datetime) -> Iterator[Step]:
    """Decisions to have machines and to give up lost ones, and what each of the others lacks."""
    yield from _decisions(cluster, observed)
    for machine in observed.record.live:
        if machine.removing:
            continue
        view = cloud.machine(machine)
        if _is_lost(machine, view, now) or _has_no_node(machine, view, observed, now):
            yield ReleaseMachine(machine.name)
        elif _failed_for_good(machine, view, now) and _is_silent_worker(machine, observed):
            yield ReleaseMachine(machine.name)  # one of the control plane may have dear data: people decide
        else:
            yield from cloud.keep(machine, rebuild=_rebuild(machine, view, now))


def _decisions(cluster: Cluster, observed: Observed) -> Iterator[Step]:
    owner, control_plane, live = names.owner(cluster), cluster.spec.control_plane, observed.record.live
    have = {m.name for m in live}
    template = template_of(cluster, names.CONTROL_PLANE_GROUP)
    for place in range(control_plane.replicas):
        name = names.control_plane_machine(owner, place)
        if name not in have:
            zone = zone_of(control_plane.zones, place)
            yield RecordMachine(name, Role.CONTROL_PLANE, names.CONTROL_PLANE_GROUP, place, zone, template)
    for group in cluster.node_groups:
        missing = group.wanted - len([m for m in live if m.group == group.name and not m.removing])
        last = max((m.serial for m in observed.record.machines if m.group == group.name), default=0)
        template = template_of(cluster, group.name)
        for serial in range(last + 1, last + 1 + missing):
            name, zone = names.worker_machine(owner, group.name, serial), zone_of(group.spec.zones, serial - 1)
            yield RecordMachine(name, Role.WORKER, group.name, serial, zone, template)


def _is_lost(machine: Machine, view: MachineView, now: datetime) -> bool:
    """Whether another machine has to take its place: its server is gone, or it is a worker that cannot be reached."""
    if not machine.joined or _spoke_just_now(machine, now):
        return False
    return view.existence is Existence.ABSENT or (machine.role is Role.WORKER and not view.reachable)


def _has_no_node(machine: Machine, view: MachineView, observed: Observed, now: datetime) -> bool:
    """Whether it is a worker whose Node somebody removed: its kubelet registers when it starts, and never again. One of
    the control plane may have dear data: people decide."""
    kube = observed.kube
    if kube is None or not machine.joined or machine.role is not Role.WORKER or _spoke_just_now(machine, now):
        return False
    starts = view.exists and view.existence is not Existence.RUNNING  # and so registers soon
    return not starts and kube.node(machine.name) is None


def _failed_for_good(machine: Machine, view: MachineView, now: datetime) -> bool:
    return machine.joined and view.existence is Existence.FAILED and _kept_long_enough(machine, view, now)


def _is_silent_worker(machine: Machine, observed: Observed) -> bool:
    """Whether it is a worker of whose node Kubernetes, which answers, hears nothing."""
    node = observed.kube.node(machine.name) if observed.kube is not None else None
    return observed.kube is not None and machine.role is Role.WORKER and not (node is not None and node.ready)


def _rebuild(machine: Machine, view: MachineView, now: datetime) -> str:
    """Why the server of a machine that never became a node is removed for another one; empty: it is not."""
    if machine.joined:
        return ""
    if view.existence is Existence.FAILED and _kept_long_enough(machine, view, now):
        return "it could not be built"
    if view.existence in (Existence.RUNNING, Existence.STOPPED) and _never_joins(machine, view, now):
        return "it did not become a node; another is made"
    return ""


def _never_joins(machine: Machine, view: MachineView, now: datetime) -> bool:
    """Whether a machine had its time, and its data can be of no use to anybody: one that may run an etcd member is left
    to people, however late it is."""
    reports = machine.reports_since(view.created_at)
    if any(report.step in MAKES_A_MEMBER for report in reports) or view.created_at is None:
        return False
    failed = next((report for report in reports if report.state == "failed"), None)
    since = failed.at if failed is not None else view.created_at + BOOT_DEADLINE
    return now - since >= LATE_SERVER_IS_KEPT


def _kept_long_enough(machine: Machine, view: MachineView, now: datetime) -> bool:
    """A server in ERROR: the longer this machine was tried for in vain, the less often a full cloud is asked."""
    if view.created_at is None:
        return True
    tried_for = view.created_at - machine.created_at
    kept = min(max(tried_for / 2, ERROR_SERVER_IS_KEPT), ERROR_SERVER_IS_KEPT_AT_MOST)
    return now - view.created_at >= kept


def _spoke_just_now(machine: Machine, now: datetime) -> bool:
    return any(now - report.at < LISTS_LAG for report in machine.boot)
