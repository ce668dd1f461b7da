"""What a cloud offers and a project may use: what a form needs in order to offer only what works."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from navarch.domain.pods import Amounts

KUBERNETES = "kubernetes"
"""The component whose version is the release's own."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A machine size; `ram_mib` in MiB, `disk_gib` in GiB. `capacity`: extended resources that pods may ask of such a
    machine, by Kubernetes' names (as `nvidia.com/gpu`), once what announces them runs there."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    capacity: Amounts = ()


@dataclass(frozen=True, slots=True)
class VolumeType:
    """`zones`: where volumes of this type can be made."""

    name: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExternalNetwork:
    """A network that floating addresses come from."""

    id: str
    name: str
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A Kubernetes version that a node image exists for. `components` are (name, version) pairs that the image holds,
    `min_disk_gib` what its file system needs."""

    kubernetes_version: str
    image_id: str
    image_name: str
    bundle: str
    components: tuple[tuple[str, str], ...] = ()
    min_disk_gib: int = 0
    built_at: str = ""

    def component(self, name: str) -> str | None:
        """The version of a component in the image, or None."""
        return dict(self.components).get(name)

    @property
    def tags(self) -> Mapping[str, str]:
        """Which tag the container images of each component have, those of Kubernetes itself among them."""
        return {**dict(self.components), KUBERNETES: f"v{self.kubernetes_version}"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A cloud's offer, as last read. `releases`: newest version first, of one version the image built last first.
    `storage_zone`: the one zone of volumes that serves machines of every zone, empty where each zone has its own.
    `hides_clients`: behind a balancer, machines do not see who sends a request. `whole`: it lacks nothing that the
    project alone may use for which it is meant; False: that is not known."""

    flavors: tuple[Flavor, ...] = ()
    zones: tuple[str, ...] = ()
    volume_types: tuple[VolumeType, ...] = ()
    external_networks: tuple[ExternalNetwork, ...] = ()
    releases: tuple[Release, ...] = ()
    read_at: datetime | None = None
    storage_zone: str = ""
    hides_clients: bool = False
    whole: bool = True

    def beside(self, own: "Quota | None") -> "Offer":
        """With what one project alone may use; None: that is not known."""
        if own is None:
            return replace(self, whole=False)
        flavors, types = {f.name for f in self.flavors}, {t.name for t in self.volume_types}
        return replace(
            self,
            flavors=(*self.flavors, *(f for f in own.flavors if f.name not in flavors)),
            volume_types=(*self.volume_types, *(t for t in own.volume_types if t.name not in types)),
        )

    def flavor(self, name: str) -> Flavor | None:
        """The flavor of that name or id, or None."""
        return next((f for f in self.flavors if name in (f.name, f.id)), None)

    def release(self, version: str) -> Release | None:
        """What new clusters of that Kubernetes version are made from, or None."""
        return next((r for r in self.releases if r.kubernetes_version == version), None)

    @property
    def newest_releases(self) -> tuple[Release, ...]:
        """What new clusters are made from: of each version the image built last."""
        first: dict[str, Release] = {}
        for release in self.releases:
            first.setdefault(release.kubernetes_version, release)
        return tuple(first.values())

    def external_network(self, name: str) -> ExternalNetwork | None:
        """The external network of that name or id, or None."""
        return next((n for n in self.external_networks if name in (n.name, n.id)), None)


@dataclass(frozen=True, slots=True)
class Allowance:
    """One quota of a project. `limit` is -1 for unlimited; `unit` is empty for counts."""

    resource: str
    limit: int
    used: int
    unit: str = ""

    @property
    def free(self) -> int | None:
        """What is left; None for unlimited."""
        return None if self.limit < 0 else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Quota:
    """What a project may use. Its quotas: instances, cores, ram (MiB), volumes, gigabytes (GiB), networks, subnets,
    routers, ports, security_groups, security_group_rules, floating_ips, load_balancers, server_groups, snapshots; and
    server_group_members, how many servers one group may have, of which nothing counts as used. `flavors` and
    `volume_types`: those that are private, and it has access to."""

    allowances: tuple[Allowance, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    volume_types: tuple[VolumeType, ...] = ()
    read_at: datetime | None = None

    def allowance(self, resource: str) -> Allowance | None:
        """The quota of that resource, or None where the cloud has none."""
        return next((a for a in self.allowances if a.resource == resource), None)


def version_order(version: str) -> tuple[int, ...]:
    """Key that sorts versions of Kubernetes."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
