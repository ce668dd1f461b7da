"""One look at everything of an owner: each kind by its own requests, in parallel. A kind that could not be read is
not in it."""

from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from functools import partial

from navarch.clouds.openstack import errors, identity
from navarch.clouds.openstack.handlers import Found
from navarch.clouds.openstack.modules import BY_KIND
from navarch.clouds.openstack.session import Sessions
from navarch.domain.cloud import CloudState, Trouble
from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.observed import KnownObject
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Owner

_Answer = tuple[Found | None, Trouble | None]
_SLOWEST_FIRST = (Kind.SERVER, Kind.LOAD_BALANCER, Kind.VOLUME, Kind.ROUTER, Kind.SECURITY_GROUP)


def observe(
    sessions: Sessions, owner: Owner, kinds: frozenset[Kind], known: Collection[KnownObject], executor: Executor
) -> CloudState:
    """See `clouds.contract.Cloud.observe`."""
    asked: dict[Kind, Future[_Answer]] = {}
    found: dict[Kind, _Answer] = {}
    if Kind.IDENTITY in kinds:
        asked[Kind.IDENTITY] = executor.submit(
            _attempt, Kind.IDENTITY, lambda: Found(identity.read_identities(sessions, owner))
        )
    wanted = sorted(kinds & BY_KIND.keys(), key=lambda k: (k not in _SLOWEST_FIRST, k))
    try:
        # Once for all kinds: while Keystone is down they would each wait for it, one after another.
        project = sessions.project(owner.project_id)
    except NavarchError as error:
        found.update({kind: (None, trouble(error, kind)) for kind in wanted})
    else:
        for kind in wanted:
            ids = frozenset(k.id for k in known if k.kind == kind.value)
            asked[kind] = executor.submit(_attempt, kind, partial(BY_KIND[kind].read, project, owner, ids))
    found.update({kind: answer.result() for kind, answer in asked.items()})
    return CloudState(
        seen={kind: read.resources for kind in Kind if kind in found and (read := found[kind][0]) is not None},
        trouble=tuple(failed for kind in Kind if kind in found and (failed := found[kind][1]) is not None),
        astray=tuple(pair for read, _ in found.values() if read is not None for pair in read.astray),
    )


def trouble(error: NavarchError, subject: str) -> Trouble:
    """An error as what a condition says of it."""
    if isinstance(error, Permanent):
        return Trouble(error.reason, error.message, subject, str(error.responsible), error.remedy)
    reason = error.reason if isinstance(error, Temporary) else "CloudNotAnswering"
    return Trouble(reason, str(error), subject)


def _attempt(kind: Kind, read: Callable[[], Found]) -> _Answer:
    try:
        return read(), None
    except NavarchError as error:
        return None, trouble(error, kind)
    except (KeyError, TypeError, ValueError) as error:  # an answer without what its API promises
        return None, trouble(errors.unreadable("the cloud", f"look up {kind}s", error), kind)
