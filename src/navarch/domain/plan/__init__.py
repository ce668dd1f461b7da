"""The story of a cluster: from what is wanted and what is seen to what is done next.

`plan` is pure and has no memory. It returns every step that can be taken now, so that what does not depend on each
other is done at once; what comes later is found by planning again. Read top to bottom:

    paused           nothing
    being deleted    everything goes, machines first (the provider's order)
    otherwise        keys; what machines stand on (the provider's)
                     machines: decided (recorded), made, kept; one that is lost is released (`plan.machines`)
                     the API's address; add-ons, as soon as the Kubernetes API answers
                     what is too much: drained, removed, forgotten (`plan.scale_down`)
                     what is there twice, names changed by others (the provider's)

What was changed by hand (drift) needs no story of its own: what is missing is made, whoever removed it. Only what
others hold on to is made as it was: the addresses that machines, kubelets and kubeconfigs know.
"""

from collections.abc import Iterator
from datetime import datetime

from navarch.domain.observed import Observed, Wanted
from navarch.domain.plan.machines import machines
from navarch.domain.plan.scale_down import scale_down
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Cluster
from navarch.domain.steps import ApplyAddon, EnsureSecrets, Step


def plan(cluster: Cluster, observed: Observed, wanted: Wanted, *, now: datetime) -> tuple[Step, ...]:
    """Every step that can be taken now."""
    cloud = infrastructure(cluster, observed, now, wanted)
    if cluster.deleting:
        return tuple(cloud.deletion())
    if cluster.spec.paused:
        return ()
    steps = (
        *(() if observed.record.secrets_ready else (EnsureSecrets(),)),
        *cloud.foundations(),
        *machines(cluster, observed, cloud, now),
        *cloud.open_endpoint(),
        *_addons(observed, wanted),
        *scale_down(cluster, observed, cloud),
        *cloud.tidy(),
    )
    # Clouds look for an object by its name before they make one: what lost its name gets it back first.
    nameless = cloud.nameless()
    return tuple(step for step in steps if step.makes is None or step.subject not in nameless)


def _addons(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    if observed.kube is None:
        return
    applied = {a.name: a.digest for a in observed.kube.addons}
    for name, digest in wanted.addons:
        if applied.get(name) != digest:
            yield ApplyAddon(name, digest)
