"""What a person asked for, as parsed and before it is admitted. None: left to Navarch."""

from dataclasses import dataclass, field

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """See `spec.VolumeSpec`."""

    type: str | None = None
    size_gib: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkRequest:
    """See `spec.NetworkSpec`."""

    external_network: str | None = None
    node_cidr: str | None = None
    pod_cidr: str | None = None
    service_cidr: str | None = None
    subnet_id: str | None = None
    dns_servers: tuple[str, ...] | None = None
    public_api: bool | None = None
    api_allowed_cidrs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ControlPlaneRequest:
    """See `spec.ControlPlaneSpec`."""

    replicas: int | None = None
    flavor: str | None = None
    zones: tuple[str, ...] | None = None
    etcd_volume: VolumeRequest = VolumeRequest()


@dataclass(frozen=True, slots=True)
class TaintRequest:
    """See `spec.Taint`."""

    key: str = ""
    effect: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class NodeGroupRequest:
    """See `spec.NodeGroupSpec`. `autoscaling` and `root_volume`: whether something was asked for there."""

    name: str | None = None
    flavor: str | None = None
    replicas: int | None = None
    zones: tuple[str, ...] | None = None
    labels: Pairs | None = None
    taints: tuple[TaintRequest, ...] | None = None
    autoscaling: bool = False
    root_volume: bool = False
    max_surge: int | None = None
    max_unavailable: int | None = None


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """See `spec.Cluster` and `spec.ClusterSpec`."""

    name: str | None = None
    labels: Pairs = ()
    kubernetes_version: str | None = None
    running: bool | None = None
    paused: bool | None = None
    network: NetworkRequest = field(default_factory=NetworkRequest)
    control_plane: ControlPlaneRequest = field(default_factory=ControlPlaneRequest)
    ssh_keys: tuple[str, ...] | None = None
    node_groups: tuple[NodeGroupRequest, ...] | None = None
