"""Beginning what nobody asked for: an automatic upgrade is a change of the wish by the worker that holds the cluster.

It is written with its entry in the timeline in one transaction, fenced by the lease's token and by the generation that
was looked at. So it is begun once: whoever looks next sees a cluster that was given the newer release. Where a person
changed the cluster meanwhile their word holds, and what is due then is found by looking again.
"""

from dataclasses import replace
from datetime import datetime
from math import inf

from navarch.domain import conditions
from navarch.domain.change import admit_release
from navarch.domain.errors import NavarchError
from navarch.domain.offer import Offer, Release
from navarch.domain.status import Event, Status
from navarch.domain.upgrades import Circumstances
from navarch.domain.upkeep import Upkeep, short_of, upkeep
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.lease import Lease
from navarch.store.contract import Claim, Stale


def keep_up(
    dependencies: Dependencies, claim: Claim, lease: Lease, seen: Circumstances, offer: Offer, now: datetime
) -> tuple[Status, float]:
    """Begin what is due. `seen`: the judgement of this cycle, and the machines. Gives the judgement with what is to be
    said of it, and the seconds until there is more to do. Raises LeaseLost, Unavailable."""
    cluster, known = claim.cluster, claim.status.condition(conditions.UP_TO_DATE)
    found = upkeep(cluster, seen, known, offer, now, spread=dependencies.upgrades_spread)
    if found is not None and found.begin is not None:
        found = _begin(dependencies, claim, lease, found, found.begin, offer, seen, now)
    after = (found.at - now).total_seconds() if found is not None and found.at is not None else inf
    return conditions.with_upkeep(seen.status, found, cluster, claim.status, now), after if after > 0 else inf


def _begin(
    dependencies: Dependencies,
    claim: Claim,
    lease: Lease,
    found: Upkeep,
    release: Release,
    offer: Offer,
    seen: Circumstances,
    now: datetime,
) -> Upkeep:
    cluster = claim.cluster
    try:
        quota = dependencies.cloud.quota(cluster.project_id)
    except NavarchError:
        return found  # looked at again, as every cluster is
    short = short_of(cluster, release, offer, quota, seen)
    if short is not None:
        return Upkeep(short)
    after, _ = admit_release(cluster, release, offer, quota, seen=seen)
    after = replace(after, spec=replace(after.spec, automatic_since=now), request_id="")
    lease.check()
    try:
        dependencies.store.change_wish(
            after, claim.token, generation=cluster.generation, event=_event(claim, release, now)
        )
    except Stale:
        pass  # somebody asked for something at the same moment: the cluster is looked at again at once
    return found


def _event(claim: Claim, release: Release, now: datetime) -> Event:
    cluster, window = claim.cluster, claim.cluster.spec.maintenance
    was, allowed = cluster.spec.release, " within its maintenance window" if window is not None else ""
    message = (
        f"Navarch upgrades the cluster from {was.kubernetes_version} ({was.image_name}) to "
        f"{release.kubernetes_version} ({release.image_name}){allowed}: its user has it do so (automatic_upgrades)"
    )
    return Event(now, "AutomaticUpgrade", message, cluster.name, generation=cluster.generation + 1)
