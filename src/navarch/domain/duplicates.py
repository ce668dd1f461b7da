"""Two objects of one name: a create whose answer was lost, or a list that lagged, may have left a second one. The one
that others use is ours, the other goes. Of the API's balancers that is the one with the address that machines were
told; of its floating addresses, the one on that balancer."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from navarch.domain import names
from navarch.domain.observed import (
    FIELD_OF_KIND,
    KIND_OF_TYPE,
    CloudState,
    FloatingIP,
    Kind,
    LoadBalancer,
    Network,
    Observed,
    Port,
    Resource,
    Router,
    SecurityGroup,
    Server,
    Subnet,
    Volume,
    is_going,
)
from navarch.domain.spec import Owner
from navarch.domain.steps import Remove

_KINDS = (
    Kind.NETWORK,
    Kind.ROUTER,
    Kind.SECURITY_GROUP,
    Kind.SERVER_GROUP,
    Kind.PORT,
    Kind.VOLUME,
    Kind.SERVER,
)


def used_first(cloud: CloudState) -> CloudState:
    """The same, with what others use before what nobody does: whoever looks for a name finds the one that is ours. Of
    the networks that is the one with the router."""
    if cloud.networks is not None:
        cloud = replace(cloud, networks=tuple(sorted(cloud.networks, key=lambda n: _use_of_network(cloud, n))))
    changed: dict[str, Any] = {
        FIELD_OF_KIND[kind]: tuple(sorted(cloud.of(kind), key=lambda r: not _in_use(cloud, r)))
        for kind in _KINDS
        if kind is not Kind.NETWORK and cloud.knows(kind)
    }
    return replace(cloud, **changed)


def own_network(cloud: CloudState, owner: Owner) -> tuple[Network | None, Subnet | None]:
    """The cluster's network and the subnet on it, if seen. `cloud` as `used_first` gives it."""
    name = names.network(owner)
    network = next((n for n in cloud.networks or () if n.name == name), None)
    named = (s for s in cloud.subnets or () if s.name == name)
    return network, next((s for s in named if network is not None and s.network_id == network.id), None)


def api_balancer(seen: Observed, owner: Owner) -> LoadBalancer | None:
    """The balancer of the Kubernetes API, if seen. Once its address is known, one with another is not it; one that is
    going may have none any more."""
    known, name = seen.api_internal_address, names.api_load_balancer(owner)
    ours = [b for b in seen.cloud.load_balancers or () if b.name == name]
    if known:
        ours = [b for b in ours if b.vip_address in (known, "")]
    return min(ours, key=lambda b: b.vip_address != known, default=None)


def api_floating_ip(seen: Observed, owner: Owner) -> FloatingIP | None:
    """The floating address of the Kubernetes API, if seen."""
    name, balancer = names.api_load_balancer(owner), api_balancer(seen, owner)
    ours = [f for f in seen.cloud.floating_ips or () if f.name == name]
    vip = balancer.vip_port_id if balancer is not None else None
    known = seen.api_public_address
    return min(ours, key=lambda f: (vip is None or f.port_id != vip, f.address != known), default=None)


def second_ones(seen: Observed, owner: Owner) -> Iterator[Remove]:
    """A removal for each second object of a name that nobody uses. `seen.cloud` as `used_first` gives it."""
    cloud = seen.cloud
    for chosen, all_of_them in (
        (api_balancer(seen, owner), cloud.load_balancers),
        (api_floating_ip(seen, owner), cloud.floating_ips),
    ):
        for other in all_of_them or ():
            if chosen is not None and other.name == chosen.name and other.id != chosen.id and not is_going(other):
                yield Remove(KIND_OF_TYPE[type(other)], other.id, other.name, "there are two of it")
    for kind in _KINDS:
        ours: set[str] = set()
        for resource in cloud.of(kind):
            if not resource.name.startswith(owner.stem):
                continue
            if resource.name in ours and not _in_use(cloud, resource):
                yield Remove(kind, resource.id, resource.name, "there are two of it")
            ours.add(resource.name)


def _use_of_network(cloud: CloudState, network: Network) -> tuple[bool, bool, bool]:
    """The less, the more it is used: what is not reached through the router is of no use to anybody."""
    subnets = {s.id for s in cloud.subnets or () if s.network_id == network.id}
    routed = any(subnets & set(router.subnet_ids) for router in cloud.routers or ())
    return not routed, all(p.network_id != network.id for p in cloud.ports or ()), not subnets


def _in_use(cloud: CloudState, resource: Resource) -> bool:
    """Whether others use it, as far as is known: where that could not be read, they may. The first network is ours."""
    match resource:
        case Port(server_id=server) | Volume(server_id=server):
            return server is not None
        case Server(status=status):
            return status != "ERROR"
        case Network(id=network_id):
            return cloud.ports is None or any(p.network_id == network_id for p in cloud.ports)
        case Router(subnet_ids=subnets):
            if not cloud.networks or cloud.subnets is None:
                return bool(subnets)
            return any(s.id in subnets for s in cloud.subnets if s.network_id == cloud.networks[0].id)
        case SecurityGroup(id=group_id):
            return cloud.ports is None or any(group_id in p.security_group_ids for p in cloud.ports)
        case _:
            return False
