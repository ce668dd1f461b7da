"""Add-ons of the catalogue in the story of their cluster: when something is done about them, and what."""

from collections.abc import Iterator
from datetime import datetime

from navarch.domain.chosen import Hold
from navarch.domain.neighbours import awaited
from navarch.domain.observed import Observed, Wanted
from navarch.domain.plan.decisions import Decisions, decide
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Cluster
from navarch.domain.steps import InstallChosen, RemoveChosen, Step, TestChosen


def steps(cluster: Cluster, observed: Observed, wanted: Wanted, decided: Decisions) -> Iterator[Step]:
    """What the cluster chose of the catalogue. What somebody changed or removed is applied again."""
    kube = observed.kube
    if kube is None or _held(observed, wanted, decided) is not None:
        return
    lost = {seen.name for seen in kube.chosen if seen.lost}
    for wish in observed.record.chosen:
        mark = wish.mark(cluster.spec.kubernetes_version)
        if awaited(wish, observed.record.chosen):
            continue
        if wish.leaving:
            yield RemoveChosen(wish.name)
        elif wish.status.applied != mark or wish.name in lost:
            yield InstallChosen(wish.name, mark)
        elif wish.to_test:
            yield TestChosen(wish.name)


def hold(cluster: Cluster, observed: Observed, wanted: Wanted, now: datetime) -> Hold | None:
    """Why the plan does nothing about them now; None: it does."""
    if cluster.deleting:
        return Hold("the cluster is being deleted", ends_pods=True)
    if cluster.spec.paused:
        return Hold("the cluster is paused: nothing is done about it")
    cloud = infrastructure(cluster, observed, now, wanted)
    return _held(observed, wanted, decide(cluster, observed, wanted, cloud, now))


def _held(observed: Observed, wanted: Wanted, decided: Decisions) -> Hold | None:
    """Of a cluster that is neither being deleted nor paused: the add-ons that every cluster has come first, and while
    an upgrade is in the way of what is inside, nothing is changed there."""
    if not decided.running:
        return Hold("the cluster is stopped, or stops", ends_pods=True)
    if observed.kube is None:
        return Hold("the Kubernetes API does not answer")
    if decided.obstacles:
        return Hold(f"an upgrade of the cluster waits: {decided.held}")
    if not wanted.addons:
        return Hold("what every cluster has is not known yet, and is applied first")
    missing = [name for name, _ in wanted.missing(observed.kube)]
    return Hold(f"what every cluster has is applied first: {', '.join(missing)}") if missing else None
