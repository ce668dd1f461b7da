"""Answers as OpenAPI shows them. Times are RFC 3339 in UTC, sizes carry their unit in the name."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class VolumeView(BaseModel):
    """A volume's type and size."""

    type: str
    size_gib: int


class NetworkView(BaseModel):
    """Addresses of a cluster."""

    external_network: str
    subnet_id: str | None
    node_cidr: str
    pod_cidr: str
    service_cidr: str
    dns_servers: list[str]
    public_api: bool
    api_allowed_cidrs: list[str]


class ControlPlaneView(BaseModel):
    """The control plane."""

    replicas: int
    flavor: str
    zones: list[str]
    etcd_volume: VolumeView


class SpecView(BaseModel):
    """The wish, every default filled in."""

    kubernetes_version: str
    running: bool
    paused: bool
    network: NetworkView
    control_plane: ControlPlaneView
    ssh_keys: list[str]


class ConditionView(BaseModel):
    """A statement about a cluster. `responsible` says who must act, `remedy` how."""

    type: str
    status: str
    reason: str
    message: str
    responsible: str | None
    remedy: str | None
    last_transition_at: datetime | None
    deadline: datetime | None
    observed_generation: int


class CountView(BaseModel):
    """How many machines are wanted, and how many are Ready nodes."""

    desired: int
    ready: int


class StatusView(BaseModel):
    """What is seen of a cluster. `phase` is derived from the conditions, for display."""

    phase: str
    observed_generation: int
    api_url: str | None
    kubernetes_version: str | None
    machines: CountView
    ready_at: datetime | None
    conditions: list[ConditionView]


class TaintView(BaseModel):
    """A Kubernetes taint."""

    key: str
    value: str
    effect: str


class NodeGroupSpecView(BaseModel):
    """Workers that are alike."""

    flavor: str
    replicas: int
    autoscaling: None
    zones: list[str]
    labels: dict[str, str]
    taints: list[TaintView]
    root_volume: None
    max_surge: int
    max_unavailable: int


class NodeGroupView(BaseModel):
    """A node group."""

    name: str
    generation: int
    deletion_requested_at: datetime | None
    spec: NodeGroupSpecView
    status: CountView


class ClusterView(BaseModel):
    """A cluster: its wish, what is seen of it, and its node groups, which are changed at `…/node_groups`."""

    id: str
    name: str
    project_id: str
    labels: dict[str, str]
    generation: int
    created_at: datetime
    updated_at: datetime | None
    deletion_requested_at: datetime | None
    created_by: str
    spec: SpecView
    status: StatusView
    node_groups: list[NodeGroupView]


class BootReportView(BaseModel):
    """What a machine said of one step of its boot; `log` is the end of its output where it failed."""

    step: str
    state: str
    at: datetime
    seconds: float
    log: str


class MachineView(BaseModel):
    """A machine. `boot_step`: how far its boot has come. Removed ones are listed only where asked for."""

    name: str
    role: str
    group: str
    serial: int
    zone: str
    flavor: str | None
    version: str
    addresses: list[str]
    created_at: datetime
    joined: bool
    removing: bool
    removed: bool
    boot_step: str | None
    boot: list[BootReportView]


class EventView(BaseModel):
    """A line of the timeline: `reason` happened to `subject`; it began `at` and took `seconds`."""

    id: int
    at: datetime
    reason: str
    subject: str
    component: str
    message: str
    seconds: float | None
    level: str
    generation: int


class ClusterPage(BaseModel):
    """`unreadable`: ids of clusters of which nothing can be said until Navarch's operator has mended their record; they
    run on. `next`: where the list goes on, or null."""

    clusters: list[ClusterView]
    unreadable: list[str] = []
    next: str | None = None


class NodeGroupPage(BaseModel):
    """All node groups."""

    node_groups: list[NodeGroupView]
    next: str | None = None


class MachinePage(BaseModel):
    """All machines."""

    machines: list[MachineView]
    next: str | None = None


class EventPage(BaseModel):
    """`next`: where the list goes on, or null."""

    events: list[EventView]
    next: str | None = None


class KubeconfigView(BaseModel):
    """A credential that ends by itself; it is nowhere kept."""

    kubeconfig: str
    expires_at: datetime


class NeedView(BaseModel):
    """How much of a quota is needed. `free`, `limit` and `used` are null where not known or not limited."""

    resource: str
    needed: int
    free: int | None
    limit: int | None
    used: int | None
    unit: str
    short: bool


class StepView(BaseModel):
    """A step: its kind, the object it is about, and the rest."""

    kind: str
    name: str
    details: dict[str, Any]


class ChangeView(BaseModel):
    """A field that would change."""

    field: str
    before: Any
    after: Any


class PlanView(BaseModel):
    """What a request would do. `fits`: the quotas suffice, as far as they are known (`quota_known`)."""

    cluster: ClusterView
    fits: bool
    quota_known: bool
    needs: list[NeedView]
    steps: list[StepView]
    changes: list[ChangeView]


class VersionView(BaseModel):
    """A Kubernetes version that can be asked for, and what its node image holds."""

    kubernetes_version: str
    image_id: str
    image_name: str
    built_at: str
    min_disk_gib: int
    components: dict[str, str]


class VersionPage(BaseModel):
    """Newest first."""

    versions: list[VersionView]
    next: str | None = None


class FlavorView(BaseModel):
    """A machine size, and what it is large enough for."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    control_plane: bool
    worker: bool


class FlavorPage(BaseModel):
    """Smallest first."""

    flavors: list[FlavorView]
    next: str | None = None


class ZoneView(BaseModel):
    """An availability zone."""

    name: str


class ZonePage(BaseModel):
    """All zones."""

    zones: list[ZoneView]
    next: str | None = None


class VolumeTypeView(BaseModel):
    """A volume type and where it exists."""

    name: str
    zones: list[str]


class VolumeTypePage(BaseModel):
    """All volume types."""

    volume_types: list[VolumeTypeView]
    next: str | None = None


class ExternalNetworkView(BaseModel):
    """A network that public addresses come from."""

    id: str
    name: str
    cidrs: list[str]


class ExternalNetworkPage(BaseModel):
    """All external networks."""

    external_networks: list[ExternalNetworkView]
    next: str | None = None


class AllowanceView(BaseModel):
    """One quota; `limit` is -1 and `free` null for unlimited."""

    name: str
    limit: int
    used: int
    free: int | None
    unit: str


class QuotaView(BaseModel):
    """What the project may use, as read at `read_at`."""

    quota: list[AllowanceView]
    read_at: datetime | None


class FileView(BaseModel):
    """A file for a machine; `mode` is octal."""

    path: str
    mode: str
    content: str


class BootStepView(BaseModel):
    """A command for a machine."""

    phase: str
    argv: list[str]
    timeout_seconds: float
    retry_for_seconds: float


class JoinView(BaseModel):
    """All that a machine needs to become a node."""

    report_token: str
    files: list[FileView]
    steps: list[BootStepView]


class HealthView(BaseModel):
    """`status` is ok or ready; `checks` say what was looked at."""

    status: str
    checks: dict[str, str] = Field(default={})
