"""Bodies of requests, as OpenAPI shows them and as they are parsed. A field left out or null is Navarch's to choose."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from navarch.domain import request as asked
from navarch.domain.request import ClusterRequest, NodeGroupRequest


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Labels = dict[str, str]


class VolumeBody(_Body):
    """etcd's own disk."""

    type: str | None = Field(
        default=None, description="Volume type. Default: ssd, or the first one in every zone used."
    )
    size_gib: int | None = Field(default=None, description="Size in GiB. Default: 10.")


class NetworkBody(_Body):
    """Addresses. Immutable after creation, except api_allowed_cidrs."""

    external_network: str | None = Field(default=None, description="Where public addresses come from; name or id.")
    node_cidr: str | None = Field(default=None, description="Range of the machines. Default: 10.0.0.0/24.")
    pod_cidr: str | None = Field(
        default=None, description="Range of pods, a /24 of it for each node. Default: 10.100.0.0/16."
    )
    service_cidr: str | None = Field(default=None, description="Range of services. Default: 10.254.0.0/16.")
    subnet_id: str | None = Field(default=None, description="Not offered yet: must be null.")
    dns_servers: list[str] | None = Field(default=None, description="Resolvers of the machines. Default: the cloud's.")
    public_api: bool | None = Field(default=None, description="Only true is offered yet.")
    api_allowed_cidrs: list[str] | None = Field(
        default=None, description="Who may reach the Kubernetes API. Default: all."
    )


class ControlPlaneBody(_Body):
    """The machines that run Kubernetes itself."""

    replicas: int | None = Field(default=None, description="1, 3 or 5. Default: 1.")
    flavor: str | None = Field(
        default=None, description="At least 2 vCPU and 2048 MiB. Default: the smallest that fits."
    )
    zones: list[str] | None = Field(default=None, description="Default: the first zone for 1 replica, else all.")
    etcd_volume: VolumeBody | None = None


class TaintBody(_Body):
    """A Kubernetes taint."""

    key: str = ""
    value: str | None = None
    effect: str = Field(default="", description="NoSchedule, PreferNoSchedule or NoExecute.")


class NodeGroupSpecBody(_Body):
    """Workers that are alike."""

    flavor: str | None = Field(default=None, description="Default: the smallest that fits. Immutable yet.")
    replicas: int | None = Field(default=None, description="0 to 100. Default: 2.")
    autoscaling: Any = Field(default=None, description="Not offered yet: must be null.")
    zones: list[str] | None = Field(
        default=None, description="Spread over these. Default: the first one. Immutable yet."
    )
    labels: Labels | None = Field(default=None, description="Labels of nodes that are made from now on.")
    taints: list[TaintBody] | None = Field(default=None, description="Taints of nodes that are made from now on.")
    root_volume: Any = Field(default=None, description="Not offered yet: must be null.")
    max_surge: int | None = Field(
        default=None, description="Machines more than replicas while some are replaced. Default: 1."
    )
    max_unavailable: int | None = Field(default=None, description="Machines fewer than replicas meanwhile. Default: 0.")


class NewNodeGroupBody(NodeGroupSpecBody):
    """A node group of a new cluster."""

    name: str | None = Field(default=None, description="RFC 1123 label of up to 20 characters. Required.")


class SpecBody(_Body):
    """The wish, without node groups."""

    kubernetes_version: str | None = Field(default=None, description="One of /kaas/v1/versions. Default: the newest.")
    running: bool | None = Field(default=None, description="Only true is offered yet.")
    paused: bool | None = Field(default=None, description="Navarch keeps its hands off. Default: false.")
    network: NetworkBody | None = None
    control_plane: ControlPlaneBody | None = None
    ssh_keys: list[str] | None = Field(default=None, description="Public keys for the machines' user debian.")


class NewSpecBody(SpecBody):
    """The wish for a new cluster."""

    node_groups: list[NewNodeGroupBody] | None = Field(
        default=None, description="Default: one group named default with 2 replicas."
    )


class NewCluster(_Body):
    """A new cluster: nothing but its name is needed."""

    name: str | None = Field(
        default=None,
        description="RFC 1123 label of up to 40 characters, unique in the project. Required.",
        json_schema_extra={"examples": ["shop"]},
    )
    labels: Labels | None = None
    spec: NewSpecBody | None = None

    def asked(self) -> ClusterRequest:
        """As a value."""
        groups = self.spec.node_groups if self.spec else None
        return _cluster(self.name, self.labels, self.spec, groups)


class ClusterPatch(_Body):
    """A merge patch (RFC 7396) of a cluster. What can be changed yet: labels, spec.paused,
    spec.network.api_allowed_cidrs. Node groups are resources of their own."""

    name: str | None = Field(default=None, description="Immutable.")
    labels: Labels | None = None
    spec: SpecBody | None = None

    def asked(self) -> ClusterRequest:
        """As a value."""
        return _cluster(self.name, self.labels, self.spec, None)


class NewNodeGroup(_Body):
    """A new node group."""

    name: str | None = Field(default=None, description="RFC 1123 label of up to 20 characters. Required.")
    spec: NodeGroupSpecBody | None = None

    def asked(self) -> NodeGroupRequest:
        """As a value."""
        return _group(self.name, self.spec or NodeGroupSpecBody())


class NodeGroupPatch(NewNodeGroup):
    """A merge patch (RFC 7396) of a node group: replicas, labels, taints, max_surge, max_unavailable."""

    name: str | None = Field(default=None, description="Immutable.")


class NewKubeconfig(_Body):
    """Which certificate: a role, or groups of one's own choice."""

    role: Literal["admin", "edit", "view"] | None = Field(
        default=None, description="Default: admin, where no groups are given."
    )
    groups: list[str] | None = Field(
        default=None, description="Kubernetes groups, in place of a role. Not system: ones."
    )
    ttl_seconds: int | None = Field(default=None, description="300 to 2592000. Default: 28800.")


class Boot(_Body):
    """What the machine knows of its own start."""

    model_config = ConfigDict(extra="ignore")

    cloud_init_at: str | float | None = None
    uptime_seconds: float | None = None


class JoinBody(_Body):
    """A machine shows its ticket."""

    model_config = ConfigDict(extra="ignore")

    machine: Annotated[str, Field(min_length=1, max_length=63)]
    ticket: Annotated[str, Field(min_length=1, max_length=200)]
    nonce: Annotated[str, Field(min_length=16, max_length=200)]
    boot: Boot | None = None


class ReportBody(_Body):
    """A machine says how a step of its boot goes."""

    model_config = ConfigDict(extra="ignore", strict=False)

    machine: Annotated[str, Field(min_length=1, max_length=63)]
    phase: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")]
    state: Literal["started", "done", "failed"]
    at: Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
    seconds: Annotated[float, Field(ge=0, le=1e7)] = 0.0
    log: str = ""


def _pairs(labels: Mapping[str, str] | None) -> asked.Pairs:
    return tuple((labels or {}).items())


def _some(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _group(name: str | None, body: NodeGroupSpecBody) -> NodeGroupRequest:
    return NodeGroupRequest(
        name=name,
        flavor=body.flavor,
        replicas=body.replicas,
        zones=_some(body.zones),
        labels=None if body.labels is None else _pairs(body.labels),
        taints=None
        if body.taints is None
        else tuple(asked.TaintRequest(t.key, t.effect, t.value or "") for t in body.taints),
        autoscaling=body.autoscaling is not None,
        root_volume=body.root_volume is not None,
        max_surge=body.max_surge,
        max_unavailable=body.max_unavailable,
    )


def _cluster(
    name: str | None,
    labels: Labels | None,
    spec: SpecBody | None,
    groups: list[NewNodeGroupBody] | None,
) -> ClusterRequest:
    spec = spec or SpecBody()
    network, control_plane = spec.network or NetworkBody(), spec.control_plane or ControlPlaneBody()
    etcd = control_plane.etcd_volume or VolumeBody()
    return ClusterRequest(
        name=name,
        labels=_pairs(labels),
        kubernetes_version=spec.kubernetes_version,
        running=spec.running,
        paused=spec.paused,
        network=asked.NetworkRequest(
            external_network=network.external_network,
            node_cidr=network.node_cidr,
            pod_cidr=network.pod_cidr,
            service_cidr=network.service_cidr,
            subnet_id=network.subnet_id,
            dns_servers=_some(network.dns_servers),
            public_api=network.public_api,
            api_allowed_cidrs=_some(network.api_allowed_cidrs),
        ),
        control_plane=asked.ControlPlaneRequest(
            replicas=control_plane.replicas,
            flavor=control_plane.flavor,
            zones=_some(control_plane.zones),
            etcd_volume=asked.VolumeRequest(etcd.type, etcd.size_gib),
        ),
        ssh_keys=_some(spec.ssh_keys),
        node_groups=None if groups is None else tuple(_group(g.name, g) for g in groups),
    )
