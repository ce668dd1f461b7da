"""A worker's parts for tests: real keys and a real database, and a cloud that refuses everything."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from structlog.contextvars import get_contextvars
from tests.integration.api_fixtures import OFFER, SEALER, WORKERS_SEALER

from navarch.addons.client import KubernetesClusters
from navarch.bootstrap.tickets import MachineTokens
from navarch.clouds.contract import Cloud, Endpoint
from navarch.domain.cloud import CloudState, Resource
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.offer import Offer, Quota
from navarch.domain.rehearsal import nothing_yet
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step
from navarch.reconcile.clock import Clock
from navarch.reconcile.dependencies import Dependencies, JoinEndpoint
from navarch.reconcile.runtime import Threads
from navarch.store.contract import WorkerStore


@dataclass
class FullCloud:
    """A cloud whose project has no quota left: it can be read, and makes nothing. `told`: for which requests it was
    asked to."""

    told: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("https://keystone.example.org/v3", "RegionOne")

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        return nothing_yet().cloud

    def controller_files(
        self, cluster: Cluster, seen: Observed, password: str, offer: Offer
    ) -> Mapping[str, str] | None:
        return None

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        self.told.append(get_contextvars().get("request_id", ""))
        raise Permanent(
            f"Cannot do {type(step).__name__}: the project's quota for networks is used up",
            reason="QuotaExceeded",
            responsible=Responsible.PROJECT_ADMIN,
            remedy="Raise the project's quota for networks.",
        )

    def senders(self, owner: Owner, address: str) -> tuple[str, ...]:
        return ()

    def console(self, owner: Owner, server_id: str, lines: int = 50) -> str:
        return ""

    def offer(self) -> Offer:
        return OFFER

    def quota(self, project_id: str) -> Quota:
        return Quota()


def make_dependencies(store: WorkerStore, cloud: Cloud) -> Dependencies:
    """What a worker works with on that cloud."""
    runtime = Threads()
    return Dependencies(
        cloud=cloud,
        addons=KubernetesClusters(),
        store=store,
        sealer=SEALER,
        workers_sealer=WORKERS_SEALER,
        join=JoinEndpoint("https://kaas.example.org:9443", "", MachineTokens(b"r" * 32)),
        api_source_cidrs=(),
        runtime=runtime,
        clock=Clock(runtime.now),
    )
