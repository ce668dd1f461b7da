"""What is offered to a cluster: what all may use, and what its project alone may, where it names such a thing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from navarch.domain.errors import NavarchError
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.remembered import Remembered

_KEPT, _RETRIED = timedelta(minutes=10), timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class _Known:
    own: Quota | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Offers:
    """Of each project, as known for ten minutes. Safe to use from threads."""

    dependencies: Dependencies
    _known: Remembered[_Known] = field(default_factory=Remembered)

    def to(self, cluster: Cluster, offer: Offer) -> Offer:
        """The offer to a cluster; `offer` is that to all. Where the cloud does not answer, what was known before;
        where nothing was, it is not whole, and asked for again soon."""
        flavors, types = {n for f in offer.flavors for n in (f.id, f.name)}, {t.name for t in offer.volume_types}
        if flavors >= set(_flavors(cluster)) and types >= set(_volume_types(cluster)):
            return offer
        now, known = self.dependencies.clock.now(), self._known.get(cluster.project_id)
        if known is None or now - known.at > (_KEPT if known.own is not None else _RETRIED):
            known = _Known(self._read(cluster.project_id) or (known.own if known is not None else None), now)
            self._known.put(cluster.project_id, known)
        return offer.beside(known.own)

    def _read(self, project_id: str) -> Quota | None:
        try:
            return self.dependencies.cloud.quota(project_id)
        except NavarchError:
            return None


def _flavors(cluster: Cluster) -> Iterator[str]:
    yield cluster.spec.control_plane.flavor
    yield from (group.spec.flavor for group in cluster.node_groups)


def _volume_types(cluster: Cluster) -> Iterator[str]:
    disks = (
        cluster.spec.control_plane.etcd_volume,
        cluster.spec.control_plane.root_volume,
        *(group.spec.root_volume for group in cluster.node_groups),
    )
    yield from (disk.type for disk in disks if disk is not None)
