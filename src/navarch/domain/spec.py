"""What a person asked for. Parsed and admitted once, never validated again."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from navarch.domain.offer import Release

API_PORT = 6443


class Role(StrEnum):
    """What a machine is for."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A Cinder volume: its type and its size in GiB."""

    type: str
    size_gib: int


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Addresses of a cluster. Immutable after creation, except `api_allowed_cidrs`.

    `external_network` is what people call it, `external_network_id` what it is, whatever it is called later.
    `api_allowed_cidrs` empty means: from everywhere. `dns_servers` empty means: the cloud's own.
    """

    external_network: str
    external_network_id: str
    node_cidr: str = "10.0.0.0/24"
    pod_cidr: str = "10.100.0.0/16"
    service_cidr: str = "10.254.0.0/16"
    subnet_id: str | None = None
    dns_servers: tuple[str, ...] = ()
    public_api: bool = True
    api_allowed_cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlPlaneSpec:
    """`replicas` places, spread over `zones` in order: place p is in zones[p % len(zones)]."""

    flavor: str
    etcd_volume: VolumeSpec
    replicas: int = 1
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taint:
    """A Kubernetes taint; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class NodeGroupSpec:
    """Workers that are alike. Worker number n is in zones[n % len(zones)]. `labels` are (key, value) pairs, sorted."""

    flavor: str
    replicas: int = 2
    zones: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    max_surge: int = 1
    max_unavailable: int = 0


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A node group as a resource: its own generation, so that it can be changed without touching the cluster's spec."""

    name: str
    spec: NodeGroupSpec
    generation: int = 1
    deletion_requested_at: datetime | None = None

    @property
    def wanted(self) -> int:
        """How many machines: none once it is to go."""
        return 0 if self.deletion_requested_at is not None else self.spec.replicas


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """The wish. Every default is filled in when it is admitted. `release`: the node image that machines of this
    version are made from, and what it holds: what is offered to others later does not change it."""

    kubernetes_version: str
    release: Release
    network: NetworkSpec
    control_plane: ControlPlaneSpec
    paused: bool = False
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as asked for: identity, wish, node groups. What is seen is `Observed`, what is judged is `Status`.
    `region`: the cloud's region that it is made in."""

    id: str
    name: str
    project_id: str
    spec: ClusterSpec
    created_at: datetime
    node_groups: tuple[NodeGroup, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    generation: int = 1
    updated_at: datetime | None = None
    deletion_requested_at: datetime | None = None
    keep_volumes: bool = False
    created_by: str = ""
    request_id: str = ""
    region: str = ""

    @property
    def wanted(self) -> int:
        """How many machines, those of the control plane among them."""
        return self.spec.control_plane.replicas + sum(group.wanted for group in self.node_groups)

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for it to go."""
        return self.deletion_requested_at is not None

    def group(self, name: str) -> NodeGroup | None:
        """The node group of that name, or None."""
        return next((g for g in self.node_groups if g.name == name), None)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose objects: the project they live in and the cluster they belong to. `stem` begins every object's name."""

    project_id: str
    cluster_id: str
    stem: str = field(default="")


def zone_of(zones: tuple[str, ...], index: int) -> str:
    """Zone of the machine with this place or number."""
    return zones[index % len(zones)]
