"""Which versions of Kubernetes a cluster can be given, and what is in the way of each."""

from dataclasses import dataclass

from navarch.domain.change import in_the_way_of
from navarch.domain.offer import Release, version_order
from navarch.domain.upgrades import Circumstances, Obstacle, found_inside
from navarch.service.access import Access
from navarch.store.contract import Stored


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A version above the cluster's, the node image that its machines would be made from, what is in the way, and what
    else is to be known of it before."""

    release: Release
    obstacles: tuple[Obstacle, ...]
    notes: tuple[Obstacle, ...] = ()


def upgrades(access: Access, reference: str) -> tuple[Upgrade, ...]:
    """All versions above a cluster's that are offered, newest first. Raises Missing, NotYet, and the store's
    Unreadable, Unavailable."""
    stored, offer = access.cluster(reference), access.service.offer()
    cluster = stored.cluster
    now = version_order(cluster.spec.kubernetes_version)
    above = [r for r in offer.newest_releases if version_order(r.kubernetes_version) > now]
    if not above:
        return ()
    quota, seen = access.quota(cluster.project_id), circumstances(access, stored)
    found = []
    for release in sorted(above, key=lambda r: version_order(r.kubernetes_version), reverse=True):
        version = release.kubernetes_version
        in_the_way = in_the_way_of(cluster, version, offer, quota, seen=seen)
        inside = found_inside(stored.status, version, blocking=True)
        notes = found_inside(stored.status, version, blocking=False)
        found.append(Upgrade(release, (*in_the_way, *inside), notes))
    return tuple(found)


def circumstances(access: Access, stored: Stored) -> Circumstances:
    """What a change of version is held against. Raises Unavailable."""
    return Circumstances(stored.status, access.service.store.machines(stored.cluster.id))
