"""What a worker works with."""

from dataclasses import dataclass, field
from datetime import timedelta

from navarch.addons.contract import Addons
from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import MachineTokens
from navarch.bootstrap.vault import PASSWORD, SECRETS, early_password, open_password, open_secrets
from navarch.charts.rendering import Renderer
from navarch.clouds.contract import Cloud
from navarch.reconcile.clock import Clock
from navarch.reconcile.metrics import WorkerMetrics
from navarch.reconcile.runtime import Runtime
from navarch.store.contract import WorkerStore


@dataclass(frozen=True, slots=True)
class JoinEndpoint:
    """Where machines ask for their configuration: URL, the PEM of the CA that signed its certificate, and what issues
    the tickets that are taken there."""

    url: str
    ca: str
    tokens: MachineTokens = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What steps are carried out with. `workers_sealer`: see `bootstrap.vault`. `api_source_cidrs`: from where this
    Navarch reaches clusters' APIs. `upgrades_spread`: over how long the beginnings of clusters' automatic upgrades are
    spread. `renderer`: of the charts of chosen add-ons; None: this installation has none."""

    cloud: Cloud
    addons: Addons
    store: WorkerStore
    sealer: Sealer
    workers_sealer: Sealer
    join: JoinEndpoint
    api_source_cidrs: tuple[str, ...]
    runtime: Runtime
    clock: Clock
    metrics: WorkerMetrics = field(default_factory=WorkerMetrics)
    upgrades_spread: timedelta = timedelta(minutes=30)
    renderer: Renderer | None = None


def read_secrets(dependencies: Dependencies, cluster_id: str) -> ClusterSecrets | None:
    """A cluster's keys, or None where they were not made yet."""
    sealed = dependencies.store.sealed(cluster_id, SECRETS)
    return None if sealed is None else open_secrets(dependencies.sealer, cluster_id, sealed)


def read_password(dependencies: Dependencies, cluster_id: str) -> str | None:
    """The password of a cluster's own Keystone user, or None where it was not made yet."""
    sealed = dependencies.store.sealed(cluster_id, PASSWORD)
    if sealed is not None:
        return open_password(dependencies.workers_sealer, cluster_id, sealed)
    sealed = dependencies.store.sealed(cluster_id, SECRETS)
    return None if sealed is None else early_password(dependencies.sealer, cluster_id, sealed)
