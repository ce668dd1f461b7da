"""What a person asked for. Parsed and admitted once, never validated again."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network

from navarch.domain.calendar import MaintenanceWindow, Schedule
from navarch.domain.offer import Release
from navarch.domain.shares import Share, share

API_PORT = 6443
EXPANDERS = ("least-waste", "priority", "most-pods", "random")


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

    @property
    def dns_address(self) -> str:
        """Of the cluster's DNS service: the tenth of the service range, as kubeadm has it."""
        return str(ip_network(self.service_cidr)[10])


@dataclass(frozen=True, slots=True)
class ControlPlaneSpec:
    """`replicas` places, spread over `zones` in order: place p is in zones[p % len(zones)]. `root_volume` None: the
    flavor's own disk. `repair_after_seconds`: how long a node may be NotReady before its machine is replaced."""

    flavor: str
    etcd_volume: VolumeSpec
    replicas: int = 1
    zones: tuple[str, ...] = ()
    root_volume: VolumeSpec | None = None
    repair_after_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Taint:
    """A Kubernetes taint; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class KeepFailed:
    """How many machines of a group that were given up are kept for a look, and for how many hours."""

    count: int = 0
    hours: int = 24


@dataclass(frozen=True, slots=True)
class Spare:
    """Room that a group keeps free, for so many pods (`replicas`) that ask for so much each, as a CapacityBuffer of
    Kubernetes' autoscalers says it (autoscaling.x-k8s.io, its strategy active-capacity)."""

    replicas: int = 0
    cpu_millicores: int = 0
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """Navarch moves a group's `replicas` within these limits, by the pods that there are (`domain.autoscaling`).

    A machine goes that was used to less than `utilization_threshold` percent for `unneeded_seconds`, and whose pods fit
    elsewhere. One that did not become a node within `max_provision_seconds` is given up, and others are tried.
    `capacity`: (extended resource, number) that a machine will have beside what its flavor says, sorted. `priority`: of
    groups that help, the one with the highest grows, where the cluster's expander is by priority. `spare`: what the
    group keeps free for pods to come.
    """

    min: int = 0
    max: int = 0  # which admission refuses: it has to be said
    unneeded_seconds: int = 600
    utilization_threshold: int = 50
    max_provision_seconds: int = 900
    capacity: tuple[tuple[str, str], ...] = ()
    priority: int = 0
    spare: Spare = Spare()


@dataclass(frozen=True, slots=True)
class NodeGroupSpec:
    """Workers that are alike. A new one goes to the zone that has the fewest. `labels` are (key, value) pairs, sorted.

    `root_volume` None: the flavor's own disk. `max_surge` and `max_unavailable`: while machines are replaced, so many
    more than `replicas` may exist, so many fewer be Ready. `drain_timeout_seconds`: how long pods may refuse to go
    before people are asked; with `force_drain` they are ended then. `repair_after_seconds`: how long a node may be
    NotReady, or have a condition of `repair_conditions`, before its machine is replaced; none is while more than
    `max_unhealthy` of the group are not healthy. `kubernetes_version` None: the cluster's; otherwise `release` is what
    machines of that version are made from. `follows_since`: when somebody said that it is to follow its cluster's;
    None: nobody did. `autoscaling` None: `replicas` is a person's; otherwise Navarch's."""

    flavor: str
    replicas: int = 2
    zones: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    root_volume: VolumeSpec | None = None
    max_surge: Share = 1
    max_unavailable: Share = 0
    drain_timeout_seconds: int = 600
    force_drain: bool = False
    repair_after_seconds: int = 300
    repair_conditions: tuple[str, ...] = ()
    max_unhealthy: Share = "40%"
    keep_failed_machines: KeepFailed = KeepFailed()
    kubernetes_version: str | None = None
    release: Release | None = None
    follows_since: datetime | None = None
    autoscaling: Autoscaling | None = None

    @property
    def most(self) -> int:
        """How many machines there may be to be: the upper limit where Navarch moves their number."""
        return self.replicas if self.autoscaling is None else max(self.replicas, self.autoscaling.max)

    def within_limits(self, replicas: int) -> int:
        """The number of machines that is next to this one and within the limits."""
        limits = self.autoscaling
        return replicas if limits is None else max(limits.min, min(limits.max, replicas))


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
    version are made from, and what it holds: what is offered to others later does not change it.

    `running` was last said at `running_since`, and holds until the schedule's next start or stop. `soak_seconds`: how
    long the first new machine of a rollout is looked at before the next one is touched. `rollout_paused`: nothing that
    is as it was is replaced. `groups_at_once`: how many node groups roll side by side. `protected`: a request to delete
    the cluster is refused.

    `automatic_upgrades`: Navarch gives the cluster newer patches by itself, within `maintenance`. `automatic_since`:
    when it chose this release so, which machines then become within `maintenance` alone; None: a person asked for it.
    `image_named`: a person named the node image. `expander`: which of the node groups grows, where pods that wait would
    be helped by several: one of EXPANDERS."""

    kubernetes_version: str
    release: Release
    network: NetworkSpec
    control_plane: ControlPlaneSpec
    paused: bool = False
    protected: bool = False
    ssh_keys: tuple[str, ...] = ()
    running: bool = True
    running_since: datetime | None = None
    schedule: Schedule | None = None
    remove_stopped_workers: bool = False
    soak_seconds: int = 0
    rollout_paused: bool = False
    groups_at_once: int = 1
    maintenance: MaintenanceWindow | None = None
    automatic_upgrades: bool = False
    automatic_since: datetime | None = None
    image_named: bool = False
    expander: str = "least-waste"

    @property
    def node_image(self) -> str:
        """Name of the image that machines are made from."""
        return self.release.image_name


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


def surge(group: NodeGroupSpec) -> int:
    """How many machines more than its replicas a group may have while some are replaced."""
    return share(group.max_surge, group.replicas, rounded_up=True)


def zone_of(zones: tuple[str, ...], index: int) -> str:
    """Zone of the machine with this place or number."""
    return zones[index % len(zones)]
