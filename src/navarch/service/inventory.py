"""What a cluster has in its cloud, and what would become of it were the cluster deleted. Workers look; here it is only
told."""

from dataclasses import dataclass, replace
from datetime import datetime

from navarch.domain import providers
from navarch.domain.inventory import CloudObject, Inventory
from navarch.domain.spec import Cluster
from navarch.domain.status import Phase
from navarch.service.access import ANY, Access, Generations
from navarch.service.clusters import deletable

# A dry run of a deletion shows no older picture, where a worker can look. While a cluster changes, workers ask for
# every kind every twenty seconds, and in between for what is on its way.
_FRESH_SECONDS, _FRESH_WHILE_CHANGING = 5.0, 30.0


@dataclass(frozen=True, slots=True)
class Belongings:
    """The objects of a cluster as a worker saw them at `seen_at` (None: none has looked yet); of the kinds in `unread`,
    which could not be read then, as they were seen before; `left_out` more are there. The cluster says whether volumes
    are kept."""

    cluster: Cluster
    objects: tuple[CloudObject, ...]
    seen_at: datetime | None
    unread: tuple[str, ...]
    left_out: int = 0


def belongings(access: Access, reference: str) -> Belongings:
    """What a cluster has, as it was seen last. Raises Missing, Unreadable."""
    cluster = access.cluster(reference).cluster
    return _belongings(cluster, access.service.store.inventory(cluster.id))


def plan_deletion(
    access: Access, reference: str, *, keep_volumes: bool = False, generations: Generations = ANY
) -> Belongings:
    """What `clusters.delete` would take and leave, as a worker sees it now, where one can look in time. Raises as
    `clusters.delete` does."""
    stored = deletable(access, reference, generations)
    cluster = stored.cluster
    if not cluster.deleting:  # what was asked first holds
        cluster = replace(cluster, keep_volumes=keep_volumes)
    with access.service.waits.place(cluster.project_id) as wait:
        seconds = access.service.settings.quota_wait if wait else 0.0
        fresh = _FRESH_SECONDS if stored.status.phase is Phase.READY else _FRESH_WHILE_CHANGING
        seen = access.service.store.inventory(cluster.id, max_age=fresh, wait=seconds)
    return _belongings(cluster, seen)


def _belongings(cluster: Cluster, seen: Inventory | None) -> Belongings:
    if seen is None:
        return Belongings(cluster, (), None, providers.KINDS)
    return Belongings(cluster, seen.objects(providers.KINDS), seen.seen_at, seen.unread, seen.left_out)
