"""The last chapter of a cluster's story: machines go first, so that the cluster's own controllers are dead; then what
they and we made; last, when a fresh and complete look finds nothing, the row."""

from collections.abc import Iterator

from navarch.domain.openstack.resources import (
    CSI,
    NAVARCH,
    AnyResource,
    FloatingIP,
    Kind,
    LoadBalancer,
    is_going,
    made_by,
)
from navarch.domain.openstack.steps import Remove
from navarch.domain.openstack.view import View
from navarch.domain.steps import Forget, Step

_WHY = "the cluster is being deleted"


def deletion(view: View) -> Iterator[Step]:
    """Every step of it that can be taken now."""
    cloud = view.cloud

    def asked(*resources: AnyResource) -> Iterator[Step]:
        for r in resources:
            if not is_going(r):
                yield Remove(r.kind, r.id, r.name, _WHY)

    def gone(*kinds: Kind) -> bool:
        return all(kind in cloud.seen and not _left(view, kind) for kind in kinds)

    # The machines go first: a living cloud controller would put back what is removed.
    yield from asked(*cloud.of_kind(Kind.SERVER))
    yield from asked(*(b for b in cloud.of(LoadBalancer) if made_by(b) == NAVARCH or gone(Kind.SERVER)))
    yield from asked(*(f for f in cloud.of(FloatingIP) if made_by(f) == NAVARCH or gone(Kind.SERVER)))
    if gone(Kind.SERVER):
        for kind in (Kind.SERVER_GROUP, Kind.PORT, Kind.IDENTITY):
            yield from asked(*cloud.of_kind(kind))
        yield from asked(*_left(view, Kind.SNAPSHOT))
        if gone(Kind.SNAPSHOT):
            yield from asked(*_left(view, Kind.VOLUME))
    if gone(Kind.SERVER, Kind.LOAD_BALANCER, Kind.FLOATING_IP):
        yield from asked(*cloud.of_kind(Kind.ROUTER))
        if gone(Kind.PORT):
            yield from asked(*cloud.of_kind(Kind.SECURITY_GROUP))
            if gone(Kind.ROUTER):
                yield from asked(*cloud.of_kind(Kind.NETWORK))  # takes its subnet along
            if gone(Kind.NETWORK):
                yield from asked(*cloud.of_kind(Kind.SUBNET))
    if view.observed.fresh and view.complete and gone(*Kind):
        yield Forget()


def leftovers(view: View) -> tuple[tuple[Kind, str], ...]:
    """(kind, name) of every object that a deletion still has to see gone, about in the order of their going."""
    return tuple((kind, r.name or r.id) for kind in reversed(Kind) for r in _left(view, kind))


def _left(view: View, kind: Kind) -> tuple[AnyResource, ...]:
    """What deletion must see gone of a kind: not the volumes of claims that the user keeps."""
    seen = view.cloud.of_kind(kind)
    return tuple(r for r in seen if made_by(r) != CSI) if view.cluster.keep_volumes else seen
