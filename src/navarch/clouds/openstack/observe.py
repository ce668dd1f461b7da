"""One look at everything of an owner: each kind by its own requests, in parallel. What could not be read is None."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from navarch.clouds.openstack import balancers, errors, identity, networks, ports, security_groups, servers, volumes
from navarch.clouds.openstack.session import Project, Sessions
from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.observed import FIELD_OF_KIND, CloudState, Kind, Resource, Trouble
from navarch.domain.spec import Owner

_Read = Callable[[], tuple[Resource, ...]]
_Answer = tuple[tuple[Resource, ...] | None, Trouble | None]
_READERS: dict[Kind, Callable[[Project, Owner], tuple[Resource, ...]]] = {  # the slowest first
    Kind.SERVER: servers.read_servers,
    Kind.LOAD_BALANCER: balancers.read_load_balancers,
    Kind.VOLUME: volumes.read_volumes,
    Kind.ROUTER: networks.read_routers,
    Kind.SECURITY_GROUP: security_groups.read_security_groups,
    Kind.PORT: ports.read_ports,
    Kind.NETWORK: networks.read_networks,
    Kind.SUBNET: networks.read_subnets,
    Kind.FLOATING_IP: ports.read_floating_ips,
    Kind.SERVER_GROUP: servers.read_server_groups,
    Kind.SNAPSHOT: volumes.read_snapshots,
}


def observe(sessions: Sessions, owner: Owner, kinds: frozenset[Kind], executor: Executor) -> CloudState:
    """See `clouds.contract.Cloud.observe`."""
    asked: dict[Kind, Future[_Answer]] = {}
    found: dict[Kind, _Answer] = {}
    if Kind.IDENTITY in kinds:
        asked[Kind.IDENTITY] = executor.submit(
            _attempt, Kind.IDENTITY, lambda: identity.read_identities(sessions, owner)
        )
    wanted = [kind for kind in _READERS if kind in kinds]
    try:
        # Once for all kinds: while Keystone is down they would each wait for it, one after another.
        project = sessions.project(owner.project_id)
    except NavarchError as error:
        found.update({kind: (None, trouble(error, kind)) for kind in wanted})
    else:
        for kind in wanted:
            asked[kind] = executor.submit(_attempt, kind, partial(_READERS[kind], project, owner))
    found.update({kind: answer.result() for kind, answer in asked.items()})
    fields: dict[str, Any] = {FIELD_OF_KIND[kind]: resources for kind, (resources, _) in found.items()}
    troubles = tuple(failed for _, failed in found.values() if failed is not None)
    return CloudState(**fields, trouble=troubles)


def trouble(error: NavarchError, subject: str) -> Trouble:
    """An error as what a condition says of it."""
    if isinstance(error, Permanent):
        return Trouble(error.reason, error.message, subject, str(error.responsible), error.remedy)
    reason = error.reason if isinstance(error, Temporary) else "CloudNotAnswering"
    return Trouble(reason, str(error), subject)


def _attempt(kind: Kind, read: _Read) -> _Answer:
    try:
        return read(), None
    except NavarchError as error:
        return None, trouble(error, kind)
    except (KeyError, TypeError, ValueError) as error:  # an answer without what its API promises
        return None, trouble(errors.unreadable("the cloud", f"look up {kind}s", error), kind)
