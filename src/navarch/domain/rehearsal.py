"""Rehearsal: carry out a plan in imagination, to its end. Serves `dry_run`, and tests that read the story as a log."""

from dataclasses import replace
from datetime import datetime

from navarch.domain import names
from navarch.domain.infrastructure import Existence
from navarch.domain.kube import NOT_BEHIND_SERVICES, STARTING, EtcdMember, KubeState, Node
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed, Wanted
from navarch.domain.plan import plan
from navarch.domain.providers import infrastructure, nothing_there
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import Forget, ForgetNodeGroup, Step

_ROUNDS = 500


def nothing_yet() -> Observed:
    """A look at a project where nothing of the cluster exists."""
    return Observed(cloud=nothing_there())


def rehearse(
    cluster: Cluster, *, now: datetime, observed: Observed | None = None, addons: tuple[str, ...] = ()
) -> tuple[Step, ...]:
    """Every step from `observed` (None: from nothing) until there is nothing left to do, in the order taken. `addons`:
    names of those that would be applied, in their order.

    Raises RuntimeError if that never comes: a plan that does not converge is a fault of `plan`.
    """
    seen = observed if observed is not None else nothing_yet()
    wanted = Wanted(tuple((name, "imagined") for name in addons))
    taken: list[Step] = []
    kube = None
    for _ in range(_ROUNDS):
        kube = seen.kube or kube
        seen = time_passes(cluster, seen, now, kube)
        steps = plan(cluster, seen, wanted, now=now)
        if not steps:
            return tuple(taken)
        for step in steps:
            taken.append(step)
            if isinstance(step, Forget):
                return tuple(taken)
            if isinstance(step, ForgetNodeGroup):
                cluster = replace(cluster, node_groups=tuple(g for g in cluster.node_groups if g.name != step.name))
            seen = imagine(seen, step, now)
    raise RuntimeError(f"the plan of {cluster.name} does not come to an end")


def imagine(seen: Observed, step: Step, now: datetime) -> Observed:
    """What would be seen if `step` had been carried out."""
    return replace(step.after(seen, step.imagined(seen), now), fresh=True)


def time_passes(cluster: Cluster, seen: Observed, now: datetime, kube: KubeState | None = None) -> Observed:
    """What is on its way in the cloud has arrived; machines that run have joined; once the first one of the control
    plane has, the Kubernetes API answers; add-ons that were applied are available. `kube`: what it said last, where it
    did not answer meanwhile."""
    seen = replace(seen, cloud=infrastructure(cluster, seen, now).settled())
    if cluster.deleting:
        return seen
    cloud = infrastructure(cluster, seen, now)
    running = {m.name for m in seen.record.live if cloud.machine(m).existence is Existence.RUNNING}
    for name in running:
        seen = seen.with_machine(name, joined=True)
    places = [m for m in seen.record.live if m.role is Role.CONTROL_PLANE]
    if not any(m.name in running for m in places):
        return replace(seen, kube=None)
    first = seen.record.machine(names.control_plane_machine(names.owner(cluster), 0))
    if seen.kube is None and (first is None or not first.joined):
        return seen  # the first one begins
    kube = seen.kube or kube or KubeState(version=cluster.spec.kubernetes_version)
    addons = tuple(replace(a, available=True, message="") for a in kube.addons)
    return replace(
        seen, kube=replace(kube, nodes=_nodes(kube, seen, running), addons=addons, etcd=_etcd(kube, places, running))
    )


def _nodes(kube: KubeState, seen: Observed, running: set[str]) -> tuple[Node, ...]:
    """Those of machines that run are Ready; those that came up have registered."""
    known = {n.name for n in kube.nodes}
    new = sorted((m for m in seen.record.live if m.name in running - known and not m.removing), key=lambda m: m.name)
    registered = (Node(m.name, ready=True, labels=_registered(m), taints=m.template.taints) for m in new)
    return (*(replace(n, ready=n.name in running) for n in kube.nodes), *registered)


def _registered(machine: Machine) -> tuple[tuple[str, str], ...]:
    """Labels of a new node."""
    starting = ((NOT_BEHIND_SERVICES, STARTING),) if machine.role is Role.WORKER else ()
    return tuple(sorted((*machine.template.labels, *starting)))


def _etcd(kube: KubeState, places: list[Machine], running: set[str]) -> tuple[EtcdMember, ...]:
    """A member for each place that came up once; the first one that runs leads."""
    known = {m.name: m for m in kube.etcd or ()}
    came = {
        m.name: EtcdMember(m.name, m.name, m.facts.address, healthy=True)
        for m in places
        if m.name in running and not m.removing
    }
    leader = min((name for name in (came | known) if name in running), default="")
    return tuple(
        replace(member, healthy=name in running, leader=name == leader) for name, member in (came | known).items()
    )
