"""One look at a cluster: what was seen now, and what was written down before. What is wanted is not here: that is the
cluster's spec, and `Wanted`."""

from dataclasses import dataclass, field, replace
from typing import Any

from navarch.domain.chosen import Chosen
from navarch.domain.cloud import CloudState
from navarch.domain.credentials import FIRST, Credentials
from navarch.domain.kube import KubeState
from navarch.domain.machines import Machine
from navarch.domain.obstacles import Survey


@dataclass(frozen=True, slots=True, order=True)
class KnownObject:
    """An object in the cloud that is ours: `kind` and `name` say what for. Neither a lost mark nor another name makes
    it somebody else's."""

    kind: str
    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is written down of a cluster beside its wish and its status.

    `machines` holds those that are gone, too. `objects`: the cloud's objects that were ours when last looked at.
    `secrets_ready`: keys and certificates of the cluster exist. `api_internal_address` and `api_public_address` are
    those the Kubernetes API had when it was last seen with one (empty: never): should they be lost, the same ones are
    asked for. `revoked`: ids of kubeconfigs that were revoked and have not ended; `revoking`: of those among
    them that the cluster was not seen to refuse. `credentials`: of the cluster's controllers. `chosen`: the add-ons
    that it chose of the catalogue.
    """

    machines: tuple[Machine, ...] = ()
    objects: tuple[KnownObject, ...] = ()
    secrets_ready: bool = False
    api_internal_address: str = ""
    api_public_address: str = ""
    revoked: tuple[str, ...] = ()
    revoking: tuple[str, ...] = ()
    credentials: Credentials = FIRST
    chosen: tuple[Chosen, ...] = ()

    @property
    def live(self) -> tuple[Machine, ...]:
        """Machines that are not gone."""
        return tuple(m for m in self.machines if not m.removed)

    def machine(self, name: str) -> Machine | None:
        """The machine of that name, gone or not."""
        return next((m for m in self.machines if m.name == name), None)


@dataclass(frozen=True, slots=True)
class Observed:
    """One look. `kube` is None while the Kubernetes API does not answer; `kube_trouble` then says why. `consoles`:
    (machine, end of its console) of machines that are overdue. `fresh`: nothing was done since the look, so that what
    is not here is gone. `survey`: what an upgrade would meet in the cluster, as it was last asked for."""

    cloud: CloudState
    record: Record = field(default_factory=Record)
    kube: KubeState | None = None
    kube_trouble: str = ""
    consoles: tuple[tuple[str, str], ...] = ()
    survey: Survey | None = None
    fresh: bool = True

    def with_cloud(self, cloud: CloudState) -> "Observed":
        """As if this had been seen of the cloud, and something had been done since the look."""
        return replace(self, cloud=cloud, fresh=False)

    def with_record(self, **fields: Any) -> "Observed":
        """As if these had been written down."""
        return replace(self, record=replace(self.record, **fields))

    def with_machine(self, name: str, **fields: Any) -> "Observed":
        """As if this had been written down of a machine."""
        machines = tuple(replace(m, **fields) if m.name == name else m for m in self.record.machines)
        return self.with_record(machines=machines)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this Navarch wants of a cluster beside its spec. `addons`: (name, digest) of what it would apply, in the
    order to apply; empty while not known. `api_source_cidrs`: from where Navarch itself reaches Kubernetes APIs."""

    addons: tuple[tuple[str, str], ...] = ()
    api_source_cidrs: tuple[str, ...] = ()

    def missing(self, kube: KubeState) -> tuple[tuple[str, str], ...]:
        """The add-ons that are not applied as they would be now."""
        applied = {addon.name: addon.digest for addon in kube.addons}
        return tuple((name, digest) for name, digest in self.addons if applied.get(name) != digest)
