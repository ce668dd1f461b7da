"""Two objects of one name: a create whose answer was lost, or a list that lagged, may have left a second one. The one
that others use is ours, the other goes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from navarch.domain.observed import (
    FIELD_OF_KIND,
    CloudState,
    Kind,
    Network,
    Port,
    Resource,
    Router,
    SecurityGroup,
    Server,
    Volume,
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
    """The same, with what others use before what nobody does: whoever looks for a name finds the one that is ours."""
    changed: dict[str, Any] = {
        FIELD_OF_KIND[kind]: tuple(sorted(cloud.of(kind), key=lambda r: not _in_use(cloud, r)))
        for kind in _KINDS
        if cloud.knows(kind)
    }
    return replace(cloud, **changed)


def second_ones(cloud: CloudState, owner: Owner) -> Iterator[Remove]:
    """A removal for each second object of a name that nobody uses. `cloud` as `used_first` gives it."""
    for kind in _KINDS:
        ours: set[str] = set()
        for resource in cloud.of(kind):
            if not resource.name.startswith(owner.stem):
                continue
            if resource.name in ours and not _in_use(cloud, resource):
                yield Remove(kind, resource.id, resource.name, "there are two of it")
            ours.add(resource.name)


def _in_use(cloud: CloudState, resource: Resource) -> bool:
    match resource:
        case Port(server_id=server) | Volume(server_id=server):
            return server is not None
        case Server(status=status):
            return status != "ERROR"
        case Network(id=network_id):
            return any(s.network_id == network_id for s in cloud.subnets or ())
        case Router(subnet_ids=subnets):
            return bool(subnets)
        case SecurityGroup(id=group_id):
            return any(group_id in p.security_group_ids for p in cloud.ports or ())
        case _:
            return False
