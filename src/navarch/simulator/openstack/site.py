"""What an operator has set up in a region: flavors, zones, volume types, external networks, images, quotas, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Flavor:
    """A machine size: MiB of memory, GiB of disk. `only_for`: names of the projects that may use it; empty: all.
    `extra_specs` are the operator's own."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    only_for: tuple[str, ...] = ()
    extra_specs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeType:
    """`zones`: where its volumes can be made; empty for everywhere. `only_for`: names of the projects that may use it;
    empty: all."""

    name: str
    zones: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalNetwork:
    """A network to the outside with one subnet."""

    id: str
    name: str
    cidr: str


@dataclass(frozen=True, slots=True)
class Image:
    """`min_disk` in GiB, `min_ram` in MiB; `properties` are the operator's own."""

    id: str
    name: str
    min_disk: int = 0
    min_ram: int = 0
    properties: Mapping[str, str] = field(default_factory=dict)
    visibility: str = "public"
    status: str = "active"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the services' configuration files bound, by their defaults. The pages are the most objects in one answer
    of a list; 0: there is no such bound. Tokens live for `token_seconds`. `choose_floating_address`: whether members
    may ask for a certain floating address, which Neutron's policy gives to administrators and managers alone."""

    nova_page: int = 1000
    neutron_page: int = 0
    cinder_page: int = 1000
    octavia_page: int = 1000
    glance_page: int = 25
    token_seconds: float = 3600.0
    choose_floating_address: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A region as it is before anybody uses it. `quotas` are those of every project, by the services' own words (as
    `instances`, `network`, `gigabytes`, `load_balancer`); what is not named is unlimited. `volume_zones` are Cinder's,
    empty for the same as Nova's. `keeps_deleted_servers`: for ever, instead of Nova's reclaim_instance_interval."""

    flavors: tuple[Flavor, ...] = ()
    zones: tuple[str, ...] = ("nova",)
    volume_zones: tuple[str, ...] = ()
    volume_types: tuple[VolumeType, ...] = ()
    external_networks: tuple[ExternalNetwork, ...] = ()
    images: tuple[Image, ...] = ()
    balancer_providers: tuple[str, ...] = ("ovn", "amphora")
    quotas: Mapping[str, int] = field(default_factory=lambda: {"server_group_members": 10, "metadata_items": 128})
    limits: Limits = field(default_factory=Limits)
    keeps_deleted_servers: bool = False
    region: str = "RegionOne"
    url: str = "https://cloud.invalid"

    @property
    def zones_of_volumes(self) -> tuple[str, ...]:
        """Cinder's."""
        return self.volume_zones or self.zones
