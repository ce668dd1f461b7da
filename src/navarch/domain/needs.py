"""What a cluster takes of a project's quotas, and whether it is there."""

from collections import Counter
from dataclasses import dataclass

from navarch.domain.errors import FieldError
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster

# Beside one port a machine: the router's interface, the network's metadata, the API balancer and its health monitor.
_OTHER_PORTS = 4
_UNITS = {"ram": "MiB", "gigabytes": "GiB"}


@dataclass(frozen=True, slots=True)
class Need:
    """How much of one quota is needed, against what there is. `free`, `limit` and `used` are None where that is not
    known or not limited."""

    resource: str
    needed: int
    free: int | None = None
    limit: int | None = None
    used: int | None = None
    unit: str = ""

    @property
    def short(self) -> bool:
        """Whether there is too little."""
        return self.free is not None and self.needed > self.free


def needs_of(cluster: Cluster, offer: Offer) -> Counter[str]:
    """What the whole cluster takes, by the names of `Quota`; a flavor that is not in the offer counts nothing."""
    control_plane, groups = cluster.spec.control_plane, cluster.node_groups
    machines = [(control_plane.flavor, control_plane.replicas), *((g.spec.flavor, g.spec.replicas) for g in groups)]
    etcd, count = control_plane.etcd_volume, sum(number for _, number in machines)
    needs = Counter(
        instances=count,
        volumes=control_plane.replicas,
        gigabytes=control_plane.replicas * etcd.size_gib,
        networks=1,
        subnets=1,
        routers=1,
        ports=count + _OTHER_PORTS,
        security_groups=2,
        floating_ips=1,
        load_balancers=1,
        server_groups=1 + len(groups),
    )
    # Cinder also keeps quotas for each type, where an operator sets them.
    needs[f"volumes_{etcd.type}"] = control_plane.replicas
    needs[f"gigabytes_{etcd.type}"] = control_plane.replicas * etcd.size_gib
    for name, number in machines:
        flavor = offer.flavor(name)
        if flavor is not None:
            needs["cores"] += number * flavor.vcpus
            needs["ram"] += number * flavor.ram_mib
    return needs


def compare(needs: Counter[str], quota: Quota | None) -> tuple[Need, ...]:
    """Each need against the quota. Quotas of one volume type are listed only where the project has them."""
    compared = []
    for resource, needed in needs.items():
        allowance = quota.allowance(resource) if quota is not None else None
        if allowance is None and resource.startswith(("volumes_", "gigabytes_")):
            continue
        unit = (allowance.unit if allowance else "") or _UNITS.get(resource.partition("_")[0], "")
        if allowance is None or allowance.free is None:
            compared.append(Need(resource, needed, unit=unit))
        else:
            compared.append(Need(resource, needed, allowance.free, allowance.limit, allowance.used, unit))
    return tuple(need for need in compared if need.needed > 0)


def shortages(compared: tuple[Need, ...]) -> tuple[FieldError, ...]:
    """A refusal for each need that there is too little for: which, needed, free."""
    return tuple(
        FieldError(
            f"quota.{need.resource}",
            f"{need.needed}{_space(need.unit)} needed, {need.free}{_space(need.unit)} free "
            f"(limit {need.limit}, used {need.used}): have the quota raised, or ask for fewer or smaller machines",
        )
        for need in compared
        if need.short
    )


def _space(unit: str) -> str:
    return f" {unit}" if unit else ""
