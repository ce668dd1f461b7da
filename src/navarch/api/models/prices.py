"""What things cost, as OpenAPI shows it. See `models.responses`."""

from navarch.service.wish import Shown


class PriceLineView(Shown):
    """What `count` of a kind cost in a month. `kind`: flavor, volume, load balancer or floating address; `name` is a
    flavor's, or a volume's type; of volumes `count` is in GiB. `monthly` null: nobody said."""

    kind: str
    name: str
    count: int
    monthly: str | None


class PriceView(Shown):
    """An estimate by the prices that the operator gave, while all machines run, without what Services and claims have;
    no bill. Amounts are decimal numbers in `currency`. A month is 730 hours. `monthly_before`: of the cluster as it is
    now; null: it is not there yet. `unpriced`: what has no price, and is not in the sums."""

    currency: str
    monthly: str
    hourly: str
    monthly_before: str | None
    lines: list[PriceLineView]
    unpriced: list[str]
