"""What a cluster takes of a project's quotas, and whether it is there."""

from collections import Counter
from dataclasses import dataclass

from navarch.domain.errors import FieldError
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster, NodeGroup, VolumeSpec, surge

# Beside one port a machine: the router's interface, the network's metadata, the API balancer and its health monitor.
_OTHER_PORTS = 4
MEMBERS = "server_group_members"
"""The quota of servers in one server group: it is not used up by several, and a larger group needs more of it."""
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
    needs = Counter(
        networks=1,
        subnets=1,
        routers=1,
        ports=_OTHER_PORTS,
        security_groups=2,
        floating_ips=1,
        load_balancers=1,
        server_groups=1 + len(groups),
    )
    needs += _volumes(control_plane.etcd_volume, control_plane.replicas)
    needs += _machines(control_plane.flavor, control_plane.root_volume, control_plane.replicas, offer)
    for group in groups:
        needs += _machines(group.spec.flavor, group.spec.root_volume, group.spec.replicas, offer)
    needs[MEMBERS] = _largest_group(cluster)
    return needs


def needs_of_change(old: Cluster, new: Cluster, offer: Offer) -> Counter[str]:
    """What a changed cluster takes more than before at the most, while machines are replaced or in the end."""
    needs = needs_of(new, offer)
    needs.subtract(needs_of(old, offer))
    needs[MEMBERS] = _largest_group(new) if _largest_group(new) > _largest_group(old) else 0
    rolled = [(old.group(group.name), group) for group in new.node_groups if is_rolled(old, new, group.name)]
    # At first the new ones are beside all of the old, in the end the last of the old beside all of the new.
    first = _at_once([_surge(group, group, offer) for _, group in rolled], new.spec.groups_at_once)
    last = _at_once([_surge(before, group, offer) for before, group in rolled if before], new.spec.groups_at_once)
    last.update(needs)
    return +(Counter(needs) | first | last)


def needs_of_another(group: NodeGroup, offer: Offer) -> Counter[str]:
    """What is taken while one machine of a node group is replaced."""
    return _machines(group.spec.flavor, group.spec.root_volume, min(1, surge(group.spec)), offer)


def is_rolled(old: Cluster, new: Cluster, name: str) -> bool:
    """Whether machines of a node group are replaced by a change."""
    before, after = old.group(name), new.group(name)
    if before is None or after is None or after.deletion_requested_at is not None:
        return False
    made_from = [
        (group.spec.flavor, group.spec.root_volume, (group.spec.release or cluster.spec.release).image_id)
        for cluster, group in ((old, before), (new, after))
    ]
    return made_from[0] != made_from[1] or not set(before.spec.zones) <= set(after.spec.zones)


def _largest_group(cluster: Cluster) -> int:
    """How many machines there may be at once in one server group, while some are being replaced."""
    groups = (g.spec.replicas + surge(g.spec) for g in cluster.node_groups if g.deletion_requested_at is None)
    return max(cluster.spec.control_plane.replicas, *groups, 0)


def _at_once(needs: list[Counter[str]], groups: int) -> Counter[str]:
    """The most that so many of these groups can take side by side."""
    resources = {resource for need in needs for resource in need}
    return Counter({r: sum(sorted((need[r] for need in needs), reverse=True)[:groups]) for r in resources})


def _surge(made_as: NodeGroup, group: NodeGroup, offer: Offer) -> Counter[str]:
    """What the machines take that are more than the group's replicas while some are replaced."""
    count = min(surge(group.spec), group.spec.replicas)
    return _machines(made_as.spec.flavor, made_as.spec.root_volume, count, offer)


def _machines(flavor_name: str, root_volume: VolumeSpec | None, count: int, offer: Offer) -> Counter[str]:
    needs, flavor = Counter(instances=count, ports=count), offer.flavor(flavor_name)
    if flavor is not None:
        needs += Counter(cores=count * flavor.vcpus, ram=count * flavor.ram_mib)
    return needs + (_volumes(root_volume, count) if root_volume is not None else Counter())


def _volumes(volume: VolumeSpec, count: int) -> Counter[str]:
    needs = Counter(volumes=count, gigabytes=count * volume.size_gib)
    # Cinder also keeps quotas for each type, where an operator sets them.
    needs[f"volumes_{volume.type}"] = count
    needs[f"gigabytes_{volume.type}"] = count * volume.size_gib
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
    return tuple(FieldError(f"quota.{need.resource}", _words(need)) for need in compared if need.short)


def _words(need: Need) -> str:
    if need.resource == MEMBERS:
        return (
            f"{need.needed} machines in one node group at once, while some are replaced; {need.limit} are allowed: "
            "have the quota raised, or ask for several smaller node groups"
        )
    return (
        f"{need.needed}{_space(need.unit)} needed, {need.free}{_space(need.unit)} free "
        f"(limit {need.limit}, used {need.used}): have the quota raised, or ask for fewer or smaller machines"
    )


def _space(unit: str) -> str:
    return f" {unit}" if unit else ""
