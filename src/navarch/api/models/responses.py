"""Answers as OpenAPI shows them. Times are RFC 3339 in UTC, sizes carry their unit in the name.

Made from the values that they show, by the names of their attributes (`views`).
"""

from datetime import datetime
from typing import Any

from pydantic import Field

from navarch.api.models.addon_plans import NewAddonView
from navarch.api.models.autoscaling import AutoscalingView
from navarch.api.models.prices import PriceView
from navarch.domain.credentials import CredentialsState
from navarch.domain.kubeconfigs import KubeconfigState
from navarch.service.wish import ClusterSpec, Labels, NodeGroupSpec, Shown


class ConditionView(Shown):
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


class CountView(Shown):
    """How many machines are wanted, and how many are Ready nodes."""

    desired: int
    ready: int


class OpeningView(Shown):
    """A time that a maintenance window is open."""

    start: datetime
    end: datetime


class StatusView(Shown):
    """What is seen of a cluster. `phase` is derived from the conditions, for display. `maintenance`: its maintenance
    window where that is open, else when it opens next."""

    phase: str
    observed_generation: int
    api_url: str | None
    kubernetes_version: str | None
    machines: CountView
    ready_at: datetime | None
    maintenance: OpeningView | None
    conditions: list[ConditionView]


class NodeGroupStatusView(CountView):
    """What is seen of a node group. `observed_generation`: the group's when its cluster was last Ready; 0: never."""

    observed_generation: int
    autoscaling: AutoscalingView | None


class NodeGroupView(Shown):
    """A node group."""

    name: str
    generation: int
    deletion_requested_at: datetime | None
    spec: NodeGroupSpec
    status: NodeGroupStatusView


class ClusterView(Shown):
    """A cluster: its wish, what is seen of it, and its node groups, which are changed at `…/node_groups`. `request_id`:
    of the request that changed its wish last, by which operators find it in logs."""

    id: str
    name: str
    project_id: str
    region: str
    labels: Labels
    generation: int
    created_at: datetime
    updated_at: datetime | None
    deletion_requested_at: datetime | None
    created_by: str
    request_id: str
    spec: ClusterSpec
    status: StatusView
    node_groups: list[NodeGroupView]


class BootReportView(Shown):
    """What a machine said of one step of its boot; `log` is the end of its output where it failed."""

    step: str
    state: str
    at: datetime
    seconds: float
    log: str


class MachineView(Shown):
    """A machine. `boot_step`: how far its boot has come. `departure`: what it goes for since `removing_at`; person of
    one that is not removing yet: another was asked for in its place. `kept_at`: when it was given up; it is kept for a
    look, out of service and not counted. Removed ones are listed only where asked for."""

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
    removing_at: datetime | None
    departure: str | None
    kept_at: datetime | None
    boot_step: str | None
    boot: list[BootReportView]


class EventView(Shown):
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


class ProgressRowView(Shown):
    """One thing that has to come true. `state` is waiting, running, done or failed. `seconds`: how long it took, or has
    gone on, since it was asked for (a machine: since it was); null of what was true before."""

    name: str
    state: str
    detail: str
    seconds: float | None


class ProgressView(Shown):
    """How far a cluster is on its way to what was asked for at `asked_at`. `percent`: how many of a hundred rows are
    done. `waiting_for`: the first row that goes on or has failed. `blocked`: the condition that somebody must act on;
    null: nobody must."""

    name: str
    phase: str
    asked_at: datetime
    percent: int
    waiting_for: ProgressRowView | None
    rows: list[ProgressRowView]
    blocked: ConditionView | None


class SegmentView(Shown):
    """A stretch of time, in seconds since the cluster was asked for. `running`: until now."""

    start: float
    end: float
    failed: bool
    running: bool
    message: str


class LaneView(Shown):
    """What (`name`) happened to whom (`subject`), once or several times. `group` is cloud, machine, kubernetes or
    navarch; `seconds` is the time of all segments together."""

    group: str
    subject: str
    name: str
    seconds: float
    segments: list[SegmentView]


class TimelineView(Shown):
    """Where the time went, as the rows of a waterfall, grouped, and in order of beginning. In seconds since
    `created_at`: `ready_after_seconds`, when the cluster was Ready for the first time (null: not yet), `total_seconds`,
    where the picture ends, and `age_seconds`, how old the cluster is."""

    name: str
    created_at: datetime
    kubernetes_version: str
    ready_after_seconds: float | None
    total_seconds: float
    age_seconds: float
    lanes: list[LaneView]


class ClusterPage(Shown):
    """`unreadable`: ids of clusters of which nothing can be said until Navarch's operator has mended their record; they
    run on. `next`: where the list goes on, or null. `total`: how many there are on all pages."""

    clusters: list[ClusterView]
    unreadable: list[str] = Field(default=[])
    next: str | None = None
    total: int


class NodeGroupPage(Shown):
    """All node groups."""

    node_groups: list[NodeGroupView]
    next: str | None = None


class MachinePage(Shown):
    """All machines."""

    machines: list[MachineView]
    next: str | None = None


class EventPage(Shown):
    """`next`: where the list goes on, or null."""

    events: list[EventView]
    next: str | None = None


class IssuedKubeconfigView(Shown):
    """What is known of a kubeconfig that has not ended. `revoking`: it is revoked, and the cluster was not seen to
    refuse it yet."""

    id: str
    user_id: str
    user_name: str
    groups: list[str]
    issued_at: datetime
    expires_at: datetime
    state: KubeconfigState
    revoked_at: datetime | None
    revoked_by: str | None = Field(description="The id of a user.")


class CredentialsView(Shown):
    """What is known of the credentials of a cluster's own controllers. `renewing`: others are asked for, and the old
    ones may still be good."""

    state: CredentialsState
    requested_at: datetime | None
    renewed_at: datetime | None = Field(description="null: they are those that the cluster was made with.")


class KubeconfigPage(Shown):
    """A cluster's, oldest first."""

    kubeconfigs: list[IssuedKubeconfigView]


class KubeconfigView(Shown):
    """A credential that ends by itself; it is nowhere kept. With its `id` it can be revoked."""

    id: str
    kubeconfig: str
    expires_at: datetime


class NeedView(Shown):
    """How much of a quota is needed. `free`, `limit` and `used` are null where not known or not limited."""

    resource: str
    needed: int
    free: int | None
    limit: int | None
    used: int | None
    unit: str
    short: bool


class StepView(Shown):
    """A step: its kind, the object it is about, and the rest."""

    kind: str
    name: str
    details: dict[str, Any]


class ChangeView(Shown):
    """A field that would change."""

    field: str
    before: Any
    after: Any


class PaceView(Shown):
    """Seconds from asking for a machine to its having joined. `measured`: of those that this cluster made; false: it is
    a guess that is the same for all clusters."""

    control_plane: float
    worker: float
    measured: bool


class ImpactView(Shown):
    """What becomes of a cluster's machines, by name. `created`: more than before; `replaced`: another takes its place;
    `removed`: none does (which ones go at a scale-down is decided only then); `drained`: its pods move, or end;
    `started`, `stopped`: switched on or off. `seconds`: about how long it takes, beside what pods take to leave; null:
    it hangs on them alone. `waits`: why it is not begun at once; empty: it is."""

    created: list[str]
    replaced: list[str]
    removed: list[str]
    drained: list[str]
    started: list[str]
    stopped: list[str]
    seconds: float | None
    pace: PaceView
    waits: str


class ObstacleView(Shown):
    """What is in the way: `reason` is a word for programs, `responsible` says who must act, `remedy` how."""

    reason: str
    message: str
    responsible: str
    remedy: str


class PlanView(Shown):
    """What a request would do. `fits`: the quotas suffice, as far as they are known (`quota_known`). `machines`: what
    becomes of those of a cluster that is there. `notes`: what is to be known before, as what a stop ends for good.
    `price`: what it costs; null: the operator gave no prices. `addons`: those that a new cluster begins with."""

    cluster: ClusterView
    fits: bool
    quota_known: bool
    needs: list[NeedView]
    steps: list[StepView]
    changes: list[ChangeView]
    machines: ImpactView | None
    notes: list[ObstacleView]
    price: PriceView | None
    addons: list[NewAddonView]


class VersionView(Shown):
    """A Kubernetes version that can be asked for, and what its node image holds."""

    kubernetes_version: str
    image_id: str
    image_name: str
    built_at: str
    min_disk_gib: int
    components: Labels


class VersionPage(Shown):
    """Newest first."""

    versions: list[VersionView]
    next: str | None = None


class UpgradeView(Shown):
    """A version that a cluster could be given. `obstacles`: all that is in the way of it; none: it can be asked for.
    `notes`: what does not stand in the way, and is to be known before, as clients that ask for APIs that go."""

    kubernetes_version: str
    image_id: str
    image_name: str
    built_at: str
    obstacles: list[ObstacleView]
    notes: list[ObstacleView]


class UpgradePage(Shown):
    """All versions above the cluster's, newest first."""

    upgrades: list[UpgradeView]
    next: str | None = None


class FlavorView(Shown):
    """A machine size, and what it is large enough for."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    control_plane: bool
    worker: bool


class FlavorPage(Shown):
    """Smallest first."""

    flavors: list[FlavorView]
    next: str | None = None


class ZoneView(Shown):
    """An availability zone."""

    name: str


class ZonePage(Shown):
    """All zones."""

    zones: list[ZoneView]
    next: str | None = None


class VolumeTypeView(Shown):
    """A volume type and where it exists."""

    name: str
    zones: list[str]


class VolumeTypePage(Shown):
    """All volume types."""

    volume_types: list[VolumeTypeView]
    next: str | None = None


class ExternalNetworkView(Shown):
    """A network that public addresses come from."""

    id: str
    name: str
    cidrs: list[str]


class ExternalNetworkPage(Shown):
    """All external networks."""

    external_networks: list[ExternalNetworkView]
    next: str | None = None


class AllowanceView(Shown):
    """One quota; `limit` is -1 and `free` null for unlimited."""

    name: str
    limit: int
    used: int
    free: int | None
    unit: str


class QuotaView(Shown):
    """What the project may use, as read at `read_at`."""

    quota: list[AllowanceView]
    read_at: datetime | None


class FileView(Shown):
    """A file for a machine; `mode` is octal."""

    path: str
    mode: str
    content: str


class BootStepView(Shown):
    """A command for a machine."""

    phase: str
    argv: list[str]
    timeout_seconds: float
    retry_for_seconds: float


class JoinView(Shown):
    """All that a machine needs to become a node."""

    report_token: str
    files: list[FileView]
    steps: list[BootStepView]


class HealthView(Shown):
    """`status` is ok or ready; `checks` say what was looked at."""

    status: str
    checks: dict[str, str] = Field(default={})
