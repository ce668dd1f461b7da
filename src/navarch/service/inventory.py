"""What a cluster has in its cloud, and what would become of it were the cluster deleted. Workers look; here it is only
told."""

from dataclasses import dataclass, replace
from datetime import datetime

from navarch.domain import providers
from navarch.domain.inventory import CloudObject, Inventory
from navarch.domain.spec import Cluster
from navarch.service.access import ANY, Access, Generations
from navarch.service.clusters import deletable

_FRESH_SECONDS = 30.0  # a dry run of a deletion shows no older picture, where a worker can look


@dataclass(frozen=True, slots=True)
class Belongings:
    """The objects of a cluster as a worker saw them at `seen_at` (None: none has looked yet); of the kinds in `unread`,
    which could not be read then, as they were seen before. The cluster says whether volumes are kept."""

    cluster: Cluster
    objects: tuple[CloudObject, ...]
    seen_at: datetime | None
    unread: tuple[str, ...]


def belongings(access: Access, reference: str) -> Belongings:
    """What a cluster has, as it was seen last. Raises Missing, Unreadable."""
    cluster = access.cluster(reference).cluster
    return _belongings(cluster, access.service.store.inventory(cluster.id))


def plan_deletion(
    access: Access, reference: str, *, keep_volumes: bool = False, generations: Generations = ANY
) -> Belongings:
    """What `clusters.delete` would take and leave, seen within the last half minute where a worker can look. Raises as
    it does."""
    cluster = deletable(access, reference, generations).cluster
    if not cluster.deleting:  # what was asked first holds
        cluster = replace(cluster, keep_volumes=keep_volumes)
    with access.service.waits.place(cluster.project_id) as wait:
        seconds = access.service.settings.quota_wait if wait else 0.0
        seen = access.service.store.inventory(cluster.id, max_age=_FRESH_SECONDS, wait=seconds)
    return _belongings(cluster, seen)


def _belongings(cluster: Cluster, seen: Inventory | None) -> Belongings:
    if seen is None:
        return Belongings(cluster, (), None, providers.KINDS)
    return Belongings(cluster, seen.objects(providers.KINDS), seen.seen_at, seen.unread)
