"""What goes on inside a cluster, as people ask for it: figures of its add-on that measures, and its workloads.

A worker reads it when somebody asks, and at no other time. All of it is the word of the cluster, whose owner may be
anybody: numbers are finite, texts short and harmless, and of everything there is a most (`addons/figures.py`,
`addons/workloads.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from navarch.domain.chosen import Chosen, ChosenPhase


class Span(StrEnum):
    """How far back figures go."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def step(self) -> int:
        """Seconds between two points."""
        return _STEPS[self]


POINTS = 120
"""Of each line."""
_STEPS = {Span.HOUR: 30, Span.SIX_HOURS: 180, Span.DAY: 720, Span.WEEK: 5040}


class Unit(StrEnum):
    """What numbers are counted in. A `share` is of 1."""

    CORES = "cores"
    BYTES = "bytes"
    SHARE = "share"
    BYTES_PER_SECOND = "bytes/s"
    PER_SECOND = "1/s"
    SECONDS = "seconds"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Line:
    """Numbers in the order of time; None: nothing was measured then. `name`: a node, a phase, or a word of the
    chart's."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of one unit. `left_out`: how many more there are."""

    name: str
    unit: Unit
    lines: tuple[Line, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Greedy:
    """A container, and how much it takes now."""

    namespace: str
    pod: str
    container: str
    value: float


@dataclass(frozen=True, slots=True)
class Top:
    """The containers that take most of something, the first one the most."""

    name: str
    unit: Unit
    containers: tuple[Greedy, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is raised. `about`: the labels that say what it is about, as (name, value)."""

    name: str
    severity: str
    since: datetime | None
    about: tuple[tuple[str, str], ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What the add-on `source` has measured from `start` on, every `step` seconds. `unanswered`: names of charts and
    lists that it did not answer. `alerts` None: nothing in the cluster raises any. `alerts_left_out`: how many more
    there are."""

    source: str
    start: datetime
    step: int
    charts: tuple[Chart, ...]
    tops: tuple[Top, ...] = ()
    alerts: tuple[Alert, ...] | None = ()
    alerts_left_out: int = 0
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or Job. `ready` of `wanted` pods; of a Job, those that ended well. `waits`:
    why it has not all of them, in words."""

    namespace: str
    kind: str
    name: str
    ready: int
    wanted: int
    images: tuple[str, ...] = ()
    created_at: datetime | None = None
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A Service. `addresses`: inside the cluster, then outside; `ports` as `80/TCP`."""

    namespace: str
    name: str
    type: str
    addresses: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Workloads:
    """What runs in a cluster, or in one namespace of it. `left_out`: how many workloads and Services more there are,
    about."""

    workloads: tuple[Workload, ...] = ()
    services: tuple[ServiceSeen, ...] = ()
    namespaces: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no newer answer, and what to do about it."""

    reason: str
    message: str
    remedy: str = ""


NOTHING_MEASURES = Trouble(
    "NothingMeasures",
    "The cluster has no add-on that keeps figures.",
    "Install one: navarch addon install monitoring",
)
NO_ADDRESS = Trouble("NoAddressYet", "The cluster's API has no address yet.", "Wait until the cluster is Ready.")
STOPPED = Trouble("ClusterStopped", "The cluster is stopped: nothing in it answers.", "Start it: navarch cluster start")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks about a cluster: its figures of a `span`, or else its workloads, in `namespace` or (empty) in
    all."""

    span: Span | None = None
    namespace: str = ""

    @property
    def key(self) -> str:
        """Different for different questions."""
        return f"figures {self.span.value}" if self.span is not None else f"workloads {self.namespace}".rstrip()


def question_of(key: str) -> Question:
    """The question with that key. Raises ValueError."""
    about, _, rest = key.partition(" ")
    if about == "figures":
        return Question(span=Span(rest))
    if about == "workloads":
        return Question(namespace=rest)
    raise ValueError(f"{key[:60]!r} is no question")


@dataclass(frozen=True, slots=True)
class Insight:
    """The newest answer to a question, as it was read at `seen_at`; None: there is none. `trouble`: why the last try
    brought nothing."""

    seen_at: datetime | None = None
    content: Figures | Workloads | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An add-on that keeps figures: the Service in front of it."""

    entry: str
    namespace: str
    service: str
    port: int


PORTS = {"monitoring": 8428, "prometheus": 9090}
"""Entries of the catalogue that answer PromQL, and where. The Service has the add-on's name."""


def source_of(chosen: Iterable[Chosen]) -> Source | None:
    """Whom to ask for figures; None: the cluster has no add-on that keeps any. Of several one that is Ready."""
    able = [its for its in chosen if its.entry in PORTS and not its.leaving]
    able.sort(key=lambda its: (its.status.phase is not ChosenPhase.READY, its.entry, its.name))
    return next((Source(its.entry, its.namespace, its.name, PORTS[its.entry]) for its in able), None)
