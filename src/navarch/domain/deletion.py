"""The last chapter of a cluster's story: machines go first, so that the cluster's own controllers are dead; then what
they and we made; last, when a fresh and complete look finds nothing, the row."""

from collections.abc import Iterator

from navarch.domain.observed import CloudState, Kind, Observed, Resource, is_going
from navarch.domain.spec import Cluster
from navarch.domain.steps import Forget, Remove, Step


def deletion(cluster: Cluster, observed: Observed) -> Iterator[Step]:
    """Every step of a deletion that can be taken now."""
    cloud = observed.cloud

    def asked(kind: Kind) -> Iterator[Step]:
        for r in cloud.of(kind):
            if not is_going(r):
                yield Remove(kind, r.id, r.name, "the cluster is being deleted")

    def gone(*kinds: Kind) -> bool:
        return all(cloud.knows(k) and not _left(cluster, cloud, k) for k in kinds)

    # The machines go first: a living cloud controller would put back what is removed.
    yield from asked(Kind.SERVER)
    for balancer in cloud.load_balancers or ():
        if (balancer.made_by == "navarch" or gone(Kind.SERVER)) and not is_going(balancer):
            yield Remove(Kind.LOAD_BALANCER, balancer.id, balancer.name, "the cluster is being deleted")
    for address in cloud.floating_ips or ():
        if address.made_by == "navarch" or gone(Kind.SERVER):
            yield Remove(Kind.FLOATING_IP, address.id, address.name, "the cluster is being deleted")
    if gone(Kind.SERVER):
        yield from asked(Kind.SERVER_GROUP)
        yield from asked(Kind.PORT)
        yield from asked(Kind.IDENTITY)
        for kind in (Kind.SNAPSHOT, Kind.VOLUME):
            for resource in _left(cluster, cloud, kind):
                if not is_going(resource) and (kind is Kind.SNAPSHOT or gone(Kind.SNAPSHOT)):
                    yield Remove(kind, resource.id, resource.name, "the cluster is being deleted")
    if gone(Kind.SERVER, Kind.LOAD_BALANCER, Kind.FLOATING_IP):
        yield from asked(Kind.ROUTER)
        if gone(Kind.PORT):
            yield from asked(Kind.SECURITY_GROUP)
            if gone(Kind.ROUTER):
                yield from asked(Kind.NETWORK)  # takes its subnet along
            if gone(Kind.NETWORK):
                yield from asked(Kind.SUBNET)
    if observed.fresh and cloud.complete and gone(*Kind):
        yield Forget()


def left_over(cluster: Cluster, cloud: CloudState) -> tuple[tuple[Kind, str], ...]:
    """(kind, name) of every object that a deletion still has to see gone, about in the order of their going."""
    return tuple((kind, r.name or r.id) for kind in reversed(Kind) for r in _left(cluster, cloud, kind))


def _left(cluster: Cluster, cloud: CloudState, kind: Kind) -> tuple[Resource, ...]:
    """What deletion must see gone of a kind: not the volumes of claims that the user keeps."""
    seen = cloud.of(kind)
    if not cluster.keep_volumes:
        return seen
    if kind is Kind.VOLUME:
        return tuple(v for v in cloud.volumes or () if v.made_by == "navarch")
    return () if kind is Kind.SNAPSHOT else seen
