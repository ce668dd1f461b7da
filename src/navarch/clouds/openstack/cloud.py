"""`OpenStackCloud`: the contract of `clouds.contract`, each step handed to the module of its noun."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import ParamSpec, TypeVar

from requests.adapters import BaseAdapter

from navarch.clouds.contract import Endpoint
from navarch.clouds.openstack import balancers, controllers, errors, identity, servers
from navarch.clouds.openstack.modules import BY_KIND, ENSURE
from navarch.clouds.openstack.observe import observe
from navarch.clouds.openstack.offer import read_offer
from navarch.clouds.openstack.patience import Patience
from navarch.clouds.openstack.quotas import read_quota
from navarch.clouds.openstack.session import OpenStackSettings, Sessions, Trace
from navarch.domain.cloud import CloudState, Resource
from navarch.domain.errors import NavarchError
from navarch.domain.needs import MEMBERS
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.offer import Offer, Quota
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step

P = ParamSpec("P")
T = TypeVar("T")
_READING_THREADS = 64  # a read that waits keeps one; where none has to, 24 serve two looks


class OpenStackCloud:
    """An OpenStack cloud. Safe to call from threads. Making one asks the cloud nothing.

    `transport` carries the requests (None: HTTPS), `readers` runs what can be read side by side (None: threads),
    `clock` dates what was read, and moments of the cloud are told by it; `patience` makes reads again (None: by this
    machine's clock)."""

    def __init__(
        self,
        settings: OpenStackSettings,
        trace: Trace | None = None,
        *,
        transport: BaseAdapter | None = None,
        readers: Executor | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._sessions = Sessions(settings, trace, transport, patience, clock)
        self._readers = readers or _Readers(_READING_THREADS, thread_name_prefix="openstack")
        authority = Path(settings.ca_file).read_text(encoding="utf-8") if settings.ca_file else ""
        self._endpoint = Endpoint(settings.auth_url, settings.region, authority)

    @property
    def endpoint(self) -> Endpoint:
        """How a cluster's controllers reach the cloud."""
        return self._endpoint

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        """Read the owner's objects once; see the contract."""
        wanted = frozenset(kind for kind in Kind if kinds is None or kind in kinds)
        return observe(self._sessions, owner, wanted, known, self._readers)

    def controller_files(
        self, cluster: Cluster, seen: Observed, password: str, offer: Offer
    ) -> Mapping[str, str] | None:
        """What the cluster's own controllers read about the cloud; see the contract."""
        return controllers.files(self._settings, self._endpoint, cluster, seen, password, offer, self._clock())

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        """Do one step; see the contract."""
        try:
            return self._carry_out(owner, step, private)
        except errors.QuotaExceeded as error:
            raise self._with_numbers(owner, error) from error
        except (KeyError, TypeError, ValueError) as error:  # an answer without what its API promises
            raise errors.unreadable("the cloud", f"do {type(step).__name__}", error) from error

    def senders(self, owner: Owner, address: str) -> tuple[str, ...]:
        """Services whose balancers send to an address; see the contract."""
        try:
            return balancers.senders(self._sessions.project(owner.project_id), owner, address)
        except (KeyError, TypeError, ValueError) as error:
            raise errors.unreadable("the cloud", "look up the members of balancers", error) from error

    def console(self, owner: Owner, server_id: str, lines: int = 50) -> str:
        """End of a machine's console output; see the contract."""
        return servers.console(self._sessions.project(owner.project_id), server_id, lines)

    def offer(self) -> Offer:
        """What the cloud offers; see the contract."""
        try:
            settings = self._settings
            own, provider = self._sessions.own(), settings.load_balancer_provider
            return read_offer(own, self._readers, self._clock(), provider, settings.owners)
        except (KeyError, TypeError, ValueError) as error:
            raise errors.unreadable("the cloud", "read the offer", error) from error

    def quota(self, project_id: str) -> Quota:
        """A project's quotas with what is used; see the contract."""
        try:
            return read_quota(self._sessions.project(project_id), self._readers, self._clock())
        except (KeyError, TypeError, ValueError) as error:
            raise errors.unreadable("the cloud", "read the quotas", error) from error

    def close(self) -> None:
        """End the threads and the connections. Not to be used afterwards."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._sessions.close()

    def _carry_out(self, owner: Owner, step: Step, private: str) -> Resource | None:
        if isinstance(step, steps.EnsureIdentity):
            return identity.ensure_identity(self._sessions, owner, private)
        if isinstance(step, steps.RenewIdentity):
            identity.remove_identity(self._sessions, step.id, step.name)
            return identity.ensure_identity(self._sessions, owner, private)
        if isinstance(step, steps.Remove) and step.kind is Kind.IDENTITY:
            identity.remove_identity(self._sessions, step.id, step.name)
            return None
        project = self._sessions.project(owner.project_id)
        match step:
            case steps.Remove(kind=kind, id=id_, name=name):
                BY_KIND[kind].remove(project, owner, id_, name)
                return None
            case steps.RestoreName(kind=kind, id=id_, name=name):
                restore = BY_KIND[kind].restore
                if restore is not None:
                    restore(project, owner, id_, name)
                return None
            case steps.CreateServer():
                return servers.create_server(project, owner, step, private)
            case steps.EnsureLoadBalancer():
                return balancers.ensure_load_balancer(project, owner, step, self._settings.load_balancer_provider)
            case _:
                made: Resource = ENSURE[type(step)](project, owner, step)
                return made

    def _with_numbers(self, owner: Owner, error: errors.QuotaExceeded) -> errors.QuotaExceeded:
        """Neutron and Octavia do not tell the figures with the refusal: ask for them."""
        if error.numbers:
            return error
        try:
            quota = self.quota(owner.project_id)
        except NavarchError:
            return error
        allowances = [allowance for name in error.resources if (allowance := quota.allowance(name)) is not None]
        numbers = "; ".join(
            f"{a.resource}: free {a.free} of {a.limit}" if a.resource != MEMBERS else f"at most {a.limit} in one group"
            for a in allowances
            if a.free is not None
        )
        return errors.QuotaExceeded(error.doing, error.resources, numbers)


class _Readers(ThreadPoolExecutor):
    """Threads that read for whoever asked: the context of the asking thread, which tells what for, goes along."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        context = copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))
