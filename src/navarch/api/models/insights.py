"""What goes on inside a cluster, as OpenAPI shows it. See `models.responses`."""

from datetime import datetime
from typing import Literal

from navarch.domain.insight import Unit
from navarch.service.wish import Shown


class TroubleView(Shown):
    """Why there is no newer answer, and what to do about it."""

    reason: str
    message: str
    remedy: str


class LineView(Shown):
    """Numbers in the order of time, 120 of them; null: nothing was measured then."""

    name: str
    values: list[float | None]


class ChartView(Shown):
    """Lines of one unit; a `share` is of 1. `left_out`: how many nodes more there are than the 20 that have most to
    do."""

    name: str
    unit: Unit
    lines: list[LineView]
    left_out: int


class GreedyView(Shown):
    """A container, and how much it takes now."""

    namespace: str
    pod: str
    container: str
    value: float


class TopView(Shown):
    """The ten containers that take most."""

    name: str
    unit: Unit
    containers: list[GreedyView]


class LabelView(Shown):
    """A label that says what an alert is about."""

    name: str
    value: str


class AlertView(Shown):
    """An alert that is raised. `since` null: it does not say."""

    name: str
    severity: str
    since: datetime | None
    about: list[LabelView]
    summary: str


class FiguresView(Shown):
    """Figures of a cluster, every `step` seconds from `start` on, as they were read at `seen_at`; null: nothing was
    read yet. `source`: the entry of the catalogue that measures. `alerts` null: they could not be read;
    `alerts_left_out`: how many more there are. `unanswered`: charts and lists that it did not answer. `trouble`: why
    there is nothing newer."""

    range: Literal["1h", "6h", "24h", "7d"]
    source: str | None
    start: datetime | None
    step: int
    charts: list[ChartView]
    tops: list[TopView]
    alerts: list[AlertView] | None
    alerts_left_out: int
    unanswered: list[str]
    seen_at: datetime | None
    trouble: TroubleView | None


class WorkloadView(Shown):
    """A Deployment, StatefulSet, DaemonSet or Job. `ready` of `wanted` pods; of a Job, those that ended well. `waits`:
    why it has not all of them."""

    namespace: str
    kind: str
    name: str
    ready: int
    wanted: int
    images: list[str]
    created_at: datetime | None
    waits: list[str]


class ServiceView(Shown):
    """A Service. `addresses`: inside the cluster, then outside."""

    namespace: str
    name: str
    type: str
    addresses: list[str]
    ports: list[str]
    created_at: datetime | None


class WorkloadsView(Shown):
    """What runs in a cluster, 500 workloads and 500 Services at the most, as it was read at `seen_at`; null: nothing
    was read yet. `left_out`: how many more there are, about. `trouble`: why there is nothing newer."""

    namespace: str | None
    namespaces: list[str]
    workloads: list[WorkloadView]
    services: list[ServiceView]
    left_out: int
    seen_at: datetime | None
    trouble: TroubleView | None
