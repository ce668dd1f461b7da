"""The story of a cluster: from what is wanted and what is seen to what is done next.

`plan` is pure and has no memory. It returns every step that can be taken now, so that what does not depend on each
other is done at once; what comes later is found by planning again. Read top to bottom:

    paused           nothing
    being deleted    everything goes, machines first (the provider's order)
    to be stopped    pods end, workers are switched off, then the control plane (`plan.stopping`)
    otherwise        keys; what machines stand on (the provider's)
                     which machines there are to be, and which go (`plan.decisions`: the control plane's places one at a
                     time, node groups as many at once as they allow)
                     what each machine lacks (`plan.machines`), the API's address, add-ons, kubeconfigs that were
                     revoked, what each Node lacks
                     machines that go, in order, and members of etcd that lost their data (`plan.leaving`)
                     what is there twice, names changed by others (the provider's)

One rollout serves all that replaces machines: another version, image, flavor or zone, and repair. A machine is replaced
and never changed. What was changed by hand (drift) needs no story of its own: what is missing is made, whoever removed
it. Only what others hold on to is made as it was: the addresses that machines, kubelets and kubeconfigs know.
"""

from collections.abc import Iterator
from datetime import datetime

from navarch.domain.health import State
from navarch.domain.infrastructure import Infrastructure
from navarch.domain.observed import Observed, Wanted
from navarch.domain.plan import certificates, chosen
from navarch.domain.plan import decisions as deciding
from navarch.domain.plan.control_plane import serving
from navarch.domain.plan.decisions import Decisions
from navarch.domain.plan.leaving import forgotten_nodes, hold, leave, start_anew
from navarch.domain.plan.machines import machines
from navarch.domain.plan.nodes import nodes
from navarch.domain.plan.stopping import note, stop
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Cluster
from navarch.domain.steps import (
    ApplyAddon,
    EnsureSecrets,
    ForgetNodeGroup,
    RevokeKubeconfigs,
    Step,
)


def plan(cluster: Cluster, observed: Observed, wanted: Wanted, *, now: datetime) -> tuple[Step, ...]:
    """Every step that can be taken now."""
    cloud = infrastructure(cluster, observed, now, wanted)
    if cluster.deleting:
        return tuple(cloud.deletion())
    if cluster.spec.paused:
        return ()
    decided = deciding.decide(cluster, observed, wanted, cloud, now)
    running = decided.running
    steps = (
        *(() if observed.record.secrets_ready else (EnsureSecrets(),)),
        *cloud.foundations(),
        *deciding.steps(cluster, decided, observed),
        *machines(decided.staying, cloud, running=running, now=now),
        *cloud.open_endpoint(serving(observed.record.live, observed)),
        *(_addons(observed, wanted) if running and not decided.obstacles else ()),
        *_revocations(observed),
        *chosen.steps(cluster, observed, wanted, decided),
        *nodes(cluster, decided.checkups, observed, now, running=running),
        *_departures(cluster, decided, observed, cloud, now),
        *start_anew(decided.checkups, observed, cloud),
        *(() if running else stop(cluster, decided, observed, cloud, now)),
        *note(decided),
        *(certificates.note(observed, now) if running else ()),
        *cloud.tidy(),
    )
    # Clouds look for an object by its name before they make one: what lost its name gets it back first.
    nameless = cloud.nameless()
    return tuple(step for step in steps if step.makes is None or step.subject not in nameless)


def _addons(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    if observed.kube is not None:
        for name, digest in wanted.missing(observed.kube):
            yield ApplyAddon(name, digest)


def _revocations(observed: Observed) -> Iterator[Step]:
    """Nothing else is waited for: what was revoked may be in the wrong hands. Also where it is refused by now, and that
    is not written down."""
    revoked = observed.record.revoked
    if observed.kube is not None and (observed.record.revoking or set(revoked) - set(observed.kube.refused)):
        yield RevokeKubeconfigs(revoked)


def _departures(
    cluster: Cluster, decided: Decisions, observed: Observed, cloud: Infrastructure, now: datetime
) -> Iterator[Step]:
    """Machines that are to go or were given up, node groups that were asked to go, Nodes of machines that are gone."""
    live = observed.record.live
    for group in cluster.node_groups:
        if group.deletion_requested_at is not None and all(m.group != group.name for m in live):
            remains = cloud.group_remains(group)
            if remains is not None:
                yield from remains or (ForgetNodeGroup(group.name),)
    for checkup in decided.checkups:
        if checkup.state is State.LEAVING:
            yield from leave(cluster, checkup.machine, observed, cloud, now)
        elif checkup.state is State.KEPT:
            yield from hold(cluster, checkup.machine, observed, cloud, now)
    yield from forgotten_nodes(observed)
