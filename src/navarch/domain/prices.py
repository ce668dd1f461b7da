"""What a cluster costs by the prices that its operator gave: an estimate for whoever plans, and no bill."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from navarch.domain.offer import Offer
from navarch.domain.spec import Cluster, VolumeSpec

HOURS_A_MONTH = Decimal(730)
ANY = "*"
"""Stands for every name that has no price of its own."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In `currency`. `flavors`: (name or id, an hour of a machine); `volumes`: (type, a GiB for a month); `balancer`
    and `floating_address`: an hour of one. None: it was not said. A name may be `ANY`."""

    currency: str
    flavors: tuple[tuple[str, Decimal], ...] = ()
    volumes: tuple[tuple[str, Decimal], ...] = ()
    balancer: Decimal | None = None
    floating_address: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What `count` of a kind cost in a month; None: that was not said. `kind`: flavor, volume, load balancer or
    floating address; `name` is a flavor's, or a volume's type; `count` of volumes is in GiB."""

    kind: str
    name: str
    count: int
    monthly: Decimal | None


@dataclass(frozen=True, slots=True)
class Price:
    """What a cluster costs while all of its machines run: `monthly` and `hourly` of what has a price; `lines` say of
    what. A month is 730 hours. `monthly_before`: as it is now; None: it is not there yet."""

    currency: str
    lines: tuple[Line, ...]
    monthly_before: Decimal | None = None

    @property
    def monthly(self) -> Decimal:
        """Of all that has a price."""
        return sum((line.monthly for line in self.lines if line.monthly is not None), Decimal(0))

    @property
    def hourly(self) -> Decimal:
        """The same for an hour."""
        return self.monthly / HOURS_A_MONTH

    @property
    def unpriced(self) -> tuple[str, ...]:
        """What has no price, and is not in the sums."""
        return tuple(f"{line.kind} {line.name}".strip() for line in self.lines if line.monthly is None)


def price_of(cluster: Cluster, offer: Offer, prices: Prices | None, before: Cluster | None = None) -> Price | None:
    """What a cluster would cost, and what it does `before` a change; None where the operator gave no prices. What
    Services and claims have is not known beforehand, and is not in it."""
    if prices is None:
        return None
    earlier = None if before is None else Price(prices.currency, tuple(_lines(before, offer, prices))).monthly
    return Price(prices.currency, tuple(_lines(cluster, offer, prices)), earlier)


def _lines(cluster: Cluster, offer: Offer, prices: Prices) -> Iterator[Line]:
    """Machines and volumes that are alike are one line."""
    plane = cluster.spec.control_plane
    alike = [(plane.flavor, plane.root_volume, plane.replicas)]
    alike += [(group.spec.flavor, group.spec.root_volume, group.wanted) for group in cluster.node_groups]
    machines: dict[str, int] = {}
    volumes: dict[str, int] = {}

    def take(volume: VolumeSpec | None, count: int) -> None:
        if volume is not None:
            volumes[volume.type] = volumes.get(volume.type, 0) + volume.size_gib * count

    take(plane.etcd_volume, plane.replicas)
    for flavor, root, count in alike:
        machines[flavor] = machines.get(flavor, 0) + count
        take(root, count)
    for name, count in machines.items():
        if count:
            known = offer.flavor(name)
            names = (name,) if known is None else (name, known.name, known.id)
            yield Line("flavor", name, count, _times(_of(prices.flavors, *names), count * HOURS_A_MONTH))
    for name, gib in volumes.items():
        if gib:
            yield Line("volume", name, gib, _times(_of(prices.volumes, name), Decimal(gib)))
    yield Line("load balancer", "", 1, _times(prices.balancer, HOURS_A_MONTH))
    yield Line("floating address", "", 1, _times(prices.floating_address, HOURS_A_MONTH))


def _of(known: tuple[tuple[str, Decimal], ...], *names: str) -> Decimal | None:
    prices = dict(known)
    return next((prices[name] for name in (*names, ANY) if name in prices), None)


def _times(price: Decimal | None, count: Decimal) -> Decimal | None:
    return None if price is None else price * count
