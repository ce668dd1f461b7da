"""What the service answers, as typed dictionaries: fields a newer service adds are kept and shown as they came."""

from typing import Any, Literal, NotRequired, TypedDict

Json = dict[str, Any]


class Condition(TypedDict):
    """A statement about a cluster. `responsible` says who must act, `remedy` how."""

    type: str
    status: str
    reason: str
    message: str
    responsible: NotRequired[str | None]
    remedy: NotRequired[str | None]
    last_transition_at: NotRequired[str | None]
    observed_generation: NotRequired[int]


class MachineCount(TypedDict):
    """How many machines are wanted and how many are Ready nodes."""

    desired: int
    ready: int


class ClusterStatus(TypedDict):
    """What is seen of a cluster."""

    observed_generation: int
    phase: str
    api_url: NotRequired[str | None]
    kubernetes_version: NotRequired[str | None]
    machines: NotRequired[MachineCount]
    conditions: list[Condition]
    ready_at: NotRequired[str | None]


class Cluster(TypedDict):
    """A cluster: its wish (`spec`) and what is seen of it (`status`)."""

    id: str
    name: str
    project_id: str
    labels: dict[str, str]
    generation: int
    created_at: str
    updated_at: NotRequired[str | None]
    deletion_requested_at: NotRequired[str | None]
    spec: Json
    status: ClusterStatus
    node_groups: NotRequired[list["NodeGroup"]]


class ClusterPage(TypedDict):
    """A page of a list. `next`: where it goes on; `total`: how many there are on all pages; `unreadable`: ids of those
    that the service has and cannot read."""

    clusters: list[Cluster]
    total: int
    next: NotRequired[str | None]
    unreadable: NotRequired[list[str]]


class NodeGroup(TypedDict):
    """Workers that are alike."""

    name: str
    spec: Json
    status: Json
    generation: NotRequired[int]


class BootReport(TypedDict):
    """What a machine said of one step of its boot. `at` is when it said so; `seconds` how long the step took."""

    step: str
    state: Literal["started", "done", "failed"]
    at: str
    seconds: float
    log: NotRequired[str]


class Machine(TypedDict):
    """A machine of a cluster."""

    name: str
    role: str
    group: str
    zone: str
    created_at: str
    joined: bool
    boot: list[BootReport]
    serial: NotRequired[int]
    removing: NotRequired[bool]
    removed: NotRequired[bool]
    departure: NotRequired[str | None]
    kept_at: NotRequired[str | None]
    flavor: NotRequired[str | None]
    addresses: NotRequired[list[str]]


class CloudObject(TypedDict):
    """An object in the cloud. `purpose` and `of` say what in the cluster it is for; `at_deletion`: deleted or kept."""

    kind: str
    id: str
    name: str
    made_by: str
    purpose: str | None
    of: str
    zone: str
    size_gib: int | None
    address: str
    state: str
    keepable: bool
    at_deletion: str


class Belongings(TypedDict):
    """What a cluster has in its cloud. `unread`: kinds that could not be read when the others were seen;
    `left_out`: how many more there are."""

    objects: list[CloudObject]
    seen_at: str | None
    unread: list[str]
    left_out: int


class Trouble(TypedDict):
    """Why there is no newer answer, and what to do about it."""

    reason: str
    message: str
    remedy: str


class Line(TypedDict):
    """Numbers in the order of time; None: nothing was measured then."""

    name: str
    values: list[float | None]


class Chart(TypedDict):
    """Lines of one unit. `left_out`: how many more nodes there are."""

    name: str
    unit: str
    lines: list[Line]
    left_out: int


class Top(TypedDict):
    """The containers that take most of something."""

    name: str
    unit: str
    containers: list[Json]


class Figures(TypedDict):
    """What a cluster's add-on has measured, every `step` seconds from `start` on. `alerts` None: they could not be
    read."""

    range: str
    source: str | None
    start: str | None
    step: int
    charts: list[Chart]
    tops: list[Top]
    alerts: list[Json] | None
    alerts_left_out: int
    unanswered: list[str]
    seen_at: str | None
    trouble: Trouble | None


class Workloads(TypedDict):
    """What runs in a cluster. `left_out`: how many more there are, about."""

    namespace: str | None
    namespaces: list[str]
    workloads: list[Json]
    services: list[Json]
    left_out: int
    seen_at: str | None
    trouble: Trouble | None


class DeletionPlan(Belongings):
    """What a deletion would take and leave."""

    name: str
    keep_volumes: bool


class ProgressRow(TypedDict):
    """One thing that has to come true. `seconds`: how long it took, or has gone on."""

    name: str
    state: Literal["waiting", "running", "done", "failed"]
    detail: str
    seconds: float | None


class Progress(TypedDict):
    """How far a cluster is on its way. `blocked`: the condition that somebody must act on."""

    name: str
    phase: str
    percent: int
    rows: list[ProgressRow]
    blocked: Condition | None


class Obstacle(TypedDict):
    """What is in the way of an upgrade."""

    reason: str
    message: str
    responsible: str
    remedy: str


class Upgrade(TypedDict):
    """A version that a cluster could be given."""

    kubernetes_version: str
    image_name: str
    built_at: str
    obstacles: list[Obstacle]
    notes: NotRequired[list[Obstacle]]


class Event(TypedDict):
    """One line of a cluster's timeline: `reason` happened to `subject` from `at` on and took `seconds`."""

    id: int
    at: str
    reason: str
    subject: str
    component: str
    message: str
    level: str
    seconds: NotRequired[float | None]
    generation: NotRequired[int]


class IssuedKubeconfig(TypedDict):
    """What is known of a kubeconfig that has not ended. `revoking`: no API server was seen to refuse it yet."""

    id: str
    user_id: str
    user_name: str
    groups: list[str]
    issued_at: str
    expires_at: str
    state: Literal["active", "revoking", "revoked"]
    revoked_at: NotRequired[str | None]
    revoked_by: NotRequired[str | None]


class Credentials(TypedDict):
    """What is known of those of a cluster's own controllers. `renewing`: the old ones may still be good."""

    state: Literal["current", "renewing"]
    requested_at: str | None
    renewed_at: str | None


class Kubeconfig(TypedDict):
    """A short-lived credential. `kubeconfig` is the file's text."""

    id: str
    kubeconfig: str
    expires_at: NotRequired[str]
