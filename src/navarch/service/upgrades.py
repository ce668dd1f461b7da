"""Which versions of Kubernetes a cluster can be given, and what is in the way of each."""

from dataclasses import dataclass

from navarch.domain.change import in_the_way_of
from navarch.domain.offer import Release, version_order
from navarch.domain.upgrades import Circumstances, Obstacle
from navarch.service.access import Access
from navarch.store.contract import Stored


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A version above the cluster's, the node image that its machines would be made from, and what is in the way."""

    release: Release
    obstacles: tuple[Obstacle, ...]


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
    return tuple(
        Upgrade(release, in_the_way_of(cluster, release.kubernetes_version, offer, quota, seen=seen))
        for release in sorted(above, key=lambda r: version_order(r.kubernetes_version), reverse=True)
    )


def circumstances(access: Access, stored: Stored) -> Circumstances:
    """What a change of version is held against. Raises Unavailable."""
    return Circumstances(stored.status, access.service.store.machines(stored.cluster.id))
