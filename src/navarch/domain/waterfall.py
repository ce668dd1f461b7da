"""Where the time went: pure, from events and machines to lanes of segments in seconds.

An event with `seconds` began at its `at`; a machine's report of a step done or failed was made when the step ended.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from navarch.domain.machines import Machine
from navarch.domain.names import stem
from navarch.domain.spec import Cluster
from navarch.domain.status import Event, Status

GROUPS = ("cloud", "machine", "kubernetes", "navarch")
_SHORTEST_OF_OURS = 0.1  # seconds: what Navarch itself does faster than this is no answer to where the time went


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time, in seconds since the cluster was asked for."""

    start: float
    end: float
    failed: bool = False
    running: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One row: what (`name`) happened to whom (`subject`), once or several times."""

    group: str
    subject: str
    name: str
    segments: tuple[Segment, ...]

    @property
    def seconds(self) -> float:
        """The time it took, all segments together."""
        return sum(s.end - s.start for s in self.segments)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`total` is where the picture ends, `ready` when the cluster was Ready, `age` how old it is: all in seconds since
    `created_at`. `version`: the wanted one of Kubernetes."""

    name: str
    created_at: datetime
    version: str
    lanes: tuple[Lane, ...]
    total: float
    ready: float | None
    age: float


def waterfall(
    cluster: Cluster,
    status: Status,
    machines: Sequence[Machine],
    events: Sequence[Event],
    *,
    now: datetime,
    everything: bool = False,
) -> Waterfall:
    """Lanes grouped by cloud, machine, Kubernetes and Navarch, each group in order of beginning. Without `everything`:
    only what had begun when the cluster was Ready for the first time."""
    origin = cluster.created_at
    ready = (status.ready_at - origin).total_seconds() if status.ready_at else None
    horizon = ready if ready is not None and not everything else float("inf")
    found: dict[tuple[str, str, str], list[Segment]] = {}
    beginning = f"{stem(cluster)}-"
    boots = {machine.name: _machine_segments(machine, origin, now) for machine in machines}

    def add(group: str, subject: str, name: str, segment: Segment) -> None:
        if segment.start <= horizon:
            found.setdefault((group, subject, name), []).append(segment)

    applied: dict[str, float] = {}  # add-on: when it was last applied
    for event in events:
        seconds = event.seconds
        if event.reason == "AddonAvailable" and seconds is None and event.subject in applied:
            end = (event.at - origin).total_seconds()
            start = min(applied[event.subject], end)
            add(
                "kubernetes",
                event.subject,
                "add-on available",
                Segment(start, end, message="from applied to available"),
            )
        if seconds is None or (event.subject == cluster.name and event.reason == "Ready"):
            continue
        group = event.component if event.component in GROUPS else "navarch"
        start = (event.at - origin).total_seconds()
        end = start + seconds
        if group == "navarch" and seconds < _SHORTEST_OF_OURS:
            continue
        if event.reason == "NodeReady":  # counted from the machine's making; what its boot took is shown as its own
            start = max([start, *(s.end for _, s in boots.get(event.subject, []) if s.end < end)])
        if event.reason == "ApplyAddon":
            applied[event.subject] = end
        segment = Segment(start, end, event.level == "Warning", message=event.message)
        add(group, event.subject.removeprefix(beginning), words_of(event.reason), segment)
    for name, segments in boots.items():
        for step, segment in segments:
            add("machine", name.removeprefix(beginning), step, segment)
    lanes = [
        Lane(group, subject, name, tuple(sorted(segments, key=lambda s: s.start)))
        for (group, subject, name), segments in found.items()
    ]
    lanes = _ordered(lanes)
    last = max((s.end for lane in lanes for s in lane.segments), default=0.0)
    total = max(last, ready or 0.0) if horizon == float("inf") else max(ready or 0.0, min(last, (ready or 0.0) * 1.5))
    age = (now - origin).total_seconds()
    version = cluster.spec.kubernetes_version
    return Waterfall(cluster.name, cluster.created_at, version, tuple(lanes), max(total, 0.1), ready, age)


def _machine_segments(machine: Machine, origin: datetime, now: datetime) -> list[tuple[str, Segment]]:
    """Its boot until it first spoke, then its steps."""
    segments: list[tuple[str, Segment]] = []
    for report in machine.boot:
        at = (report.at - origin).total_seconds()
        if report.state == "started":
            segment = Segment(at, max(at, (now - origin).total_seconds()), running=True)
        else:
            failed = report.state == "failed"
            segment = Segment(at - report.seconds, at, failed, message=report.log)
        segments.append((report.step, segment))
    if segments:
        asked = (machine.created_at - origin).total_seconds()
        spoke = min(segment.start for _, segment in segments)
        if spoke > asked:
            segments.insert(
                0, ("made and booted", Segment(asked, spoke, message="from asking for it to its first report"))
            )
    return segments


def words_of(reason: str) -> str:
    """A CamelCase reason as words: EnsureLoadBalancer is "load balancer", ServerActive "server active"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", reason.removeprefix("Ensure"))
    return " ".join(word if word.isupper() else word.lower() for word in words.split()) or reason


def _ordered(lanes: list[Lane]) -> list[Lane]:
    """Group by group; within machines, machine by machine: who began first comes first."""
    first: dict[tuple[str, str], float] = {}
    for lane in lanes:
        key = (lane.group, lane.subject)
        first[key] = min(first.get(key, float("inf")), lane.segments[0].start)

    def place(lane: Lane) -> tuple[Any, ...]:
        own = lane.segments[0].start
        within = (
            (first[lane.group, lane.subject], lane.subject, own) if lane.group == "machine" else (own, lane.subject)
        )
        return (GROUPS.index(lane.group), *within)

    return sorted(lanes, key=place)
