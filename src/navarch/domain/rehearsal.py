"""Rehearsal: carry out a plan in imagination, to its end. Serves `dry_run`, and tests that read the story as a log."""

from dataclasses import replace
from datetime import datetime

from navarch.domain import names
from navarch.domain.cloud import CloudState
from navarch.domain.infrastructure import Existence
from navarch.domain.kube import KubeState, Node
from navarch.domain.observed import Observed, Wanted
from navarch.domain.openstack.resources import RESOURCES
from navarch.domain.plan import plan
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Cluster
from navarch.domain.steps import Forget, ForgetNodeGroup, Step

_ROUNDS = 500


def nothing_yet() -> Observed:
    """A look at a project where nothing of the cluster exists."""
    return Observed(cloud=CloudState.showing(RESOURCES))


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
    for _ in range(_ROUNDS):
        seen = time_passes(cluster, seen, now)
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


def time_passes(cluster: Cluster, seen: Observed, now: datetime) -> Observed:
    """What is on its way in the cloud has arrived; machines that run have joined; once the first one of the control
    plane has, the Kubernetes API answers; add-ons that were applied are available."""
    seen = replace(seen, cloud=infrastructure(cluster, seen, now).settled())
    if cluster.deleting:
        return seen
    cloud = infrastructure(cluster, seen, now)
    running = {m.name for m in seen.record.live if cloud.machine(m).existence is Existence.RUNNING}
    for name in running:
        seen = seen.with_machine(name, joined=True)
    if names.control_plane_machine(names.owner(cluster), 0) not in running:
        return seen
    kube = seen.kube or KubeState(version=cluster.spec.kubernetes_version)
    leaving = {m.name for m in seen.record.live if m.removing}
    known = {n.name for n in kube.nodes}
    nodes = (*kube.nodes, *(Node(name, ready=True) for name in sorted(running - known - leaving)))
    addons = tuple(replace(a, available=True, message="") for a in kube.addons)
    return replace(seen, kube=replace(kube, nodes=nodes, addons=addons))
