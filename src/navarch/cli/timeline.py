"""A creation as a waterfall: pure, from events and machines to lanes of segments in seconds, and to lines of text.

An event with `seconds` began at its `at`; a machine's report of a step done or failed was made when the step ended.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from navarch.cli.output import parse_time, span
from navarch.cli.progress import stem_of
from navarch.client.shapes import Cluster, Event, Machine

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
    `created_at`."""

    name: str
    created_at: str
    version: str
    lanes: tuple[Lane, ...]
    total: float
    ready: float | None
    age: float


def waterfall(
    cluster: Cluster,
    machines: Sequence[Machine],
    events: Sequence[Event],
    *,
    now: datetime,
    everything: bool = False,
) -> Waterfall:
    """Lanes grouped by cloud, machine, Kubernetes and Navarch, each group in order of beginning."""
    origin = parse_time(cluster["created_at"])
    ready_at = cluster["status"].get("ready_at")
    ready = (parse_time(ready_at) - origin).total_seconds() if ready_at else None
    horizon = ready if ready is not None and not everything else float("inf")
    found: dict[tuple[str, str, str], list[Segment]] = {}
    stem = stem_of(cluster)
    boots = {machine["name"]: _machine_segments(machine, origin, now) for machine in machines}

    def add(group: str, subject: str, name: str, segment: Segment) -> None:
        if segment.start <= horizon:
            found.setdefault((group, subject, name), []).append(segment)

    applied: dict[str, float] = {}  # add-on: when it was last applied
    for event in events:
        seconds = event.get("seconds")
        if event["reason"] == "AddonAvailable" and seconds is None and event["subject"] in applied:
            end = (parse_time(event["at"]) - origin).total_seconds()
            start = min(applied[event["subject"]], end)
            add(
                "kubernetes",
                event["subject"],
                "add-on available",
                Segment(start, end, message="from applied to available"),
            )
        if seconds is None or (event["subject"] == cluster["name"] and event["reason"] == "Ready"):
            continue
        group = event["component"] if event["component"] in GROUPS else "navarch"
        start = (parse_time(event["at"]) - origin).total_seconds()
        end = start + seconds
        if group == "navarch" and seconds < _SHORTEST_OF_OURS:
            continue
        if event["reason"] == "NodeReady":  # counted from the machine's making; what its boot took is shown as its own
            start = max([start, *(s.end for _, s in boots.get(event["subject"], []) if s.end < end)])
        if event["reason"] == "ApplyAddon":
            applied[event["subject"]] = end
        segment = Segment(start, end, event["level"] == "Warning", message=event["message"])
        add(group, event["subject"].removeprefix(stem), words_of(event["reason"]), segment)
    for name, segments in boots.items():
        for step, segment in segments:
            add("machine", name.removeprefix(stem), step, segment)
    lanes = [
        Lane(group, subject, name, tuple(sorted(segments, key=lambda s: s.start)))
        for (group, subject, name), segments in found.items()
    ]
    lanes = _ordered(lanes)
    last = max((s.end for lane in lanes for s in lane.segments), default=0.0)
    total = max(last, ready or 0.0) if horizon == float("inf") else max(ready or 0.0, min(last, (ready or 0.0) * 1.5))
    age = (now - origin).total_seconds()
    version = cluster["spec"].get("kubernetes_version") or ""
    return Waterfall(cluster["name"], cluster["created_at"], version, tuple(lanes), max(total, 0.1), ready, age)


def _machine_segments(machine: Machine, origin: datetime, now: datetime) -> list[tuple[str, Segment]]:
    """Its boot until it first spoke, then its steps."""
    segments: list[tuple[str, Segment]] = []
    for report in machine.get("boot") or []:
        at = (parse_time(report["at"]) - origin).total_seconds()
        if report["state"] == "started":
            segment = Segment(at, max(at, (now - origin).total_seconds()), running=True)
        else:
            failed = report["state"] == "failed"
            segment = Segment(at - report["seconds"], at, failed, message=report.get("log") or "")
        segments.append((report["step"], segment))
    if segments:
        asked = (parse_time(machine["created_at"]) - origin).total_seconds()
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


def draw_text(drawn: Waterfall, width: int) -> list[tuple[str, str]]:
    """Lines of at most `width` columns, each with a Rich style."""
    label = min(max((len(_label(lane)) for lane in drawn.lanes), default=10) + 2, max(16, width * 2 // 5))
    room = max(10, width - label - 9)
    scale = room / drawn.total
    version = f", Kubernetes {drawn.version}" if drawn.version else ""
    outcome = f"ready after {drawn.ready:.1f} s" if drawn.ready is not None else f"not ready after {span(drawn.age)}"
    lines = [(f"{drawn.name}: {outcome}{version}", "bold"), ("", ""), (_axis(drawn.total, label, room), "dim")]
    group, subject = "", ""
    for lane in drawn.lanes:
        if lane.group != group:
            group, subject = lane.group, ""
            lines.append((group, "bold"))
        if group == "machine" and lane.subject != subject:
            subject = lane.subject
            lines.append((f"  {subject}", ""))
        words = _label(lane)
        name = words if len(words) < label else words[: label - 2] + "…"
        style = "red" if any(s.failed for s in lane.segments) else STYLES[lane.group]
        lines.append((f"{name:<{label}}{lane.seconds:>6.1f} s {bar(lane.segments, scale, room)}".rstrip(), style))
    return lines


def bar(segments: Sequence[Segment], scale: float, room: int) -> str:
    """Segments as cells, `scale` cells a second: full blocks, a thin stroke for what is shorter than half a cell, light
    shade for what still runs."""
    cells = [" "] * room
    for segment in segments:
        start = min(room - 1, max(0, int(segment.start * scale)))
        end = min(room, max(start + 1, round(segment.end * scale)))
        full = "▒" if segment.running else "█"
        sign = "▏" if (segment.end - segment.start) * scale < 0.5 else full
        for cell in range(start, end):
            if cells[cell] in (" ", "▏"):
                cells[cell] = sign
    return "".join(cells).rstrip()


def step(total: float, most: int) -> float:
    """A round distance between ticks, so that there are at most `most` of them."""
    size = 0.1
    while total / size > most:
        size *= 2 if f"{size:e}"[0] in "15" else 2.5
    return size


def _axis(total: float, label: int, room: int) -> str:
    line = [" "] * (label + 9 + room + 8)
    size = step(total, max(2, room // 12))
    tick = 0
    while tick * size <= total:
        text = f"{tick * size:g}s"
        place = label + 9 + int(tick * size * room / total)
        line[place : place + len(text)] = text
        tick += 1
    return "".join(line).rstrip()[: label + 9 + room]


def _label(lane: Lane) -> str:
    if lane.group == "machine":
        return f"    {lane.name}"
    return f"  {lane.name} {lane.subject}".rstrip()


STYLES = {"cloud": "cyan", "machine": "green", "kubernetes": "blue", "navarch": "magenta"}


def as_data(drawn: Waterfall) -> dict[str, Any]:
    """The waterfall for programs."""
    return {
        "name": drawn.name,
        "created_at": drawn.created_at,
        "kubernetes_version": drawn.version,
        "ready_after_seconds": drawn.ready,
        "lanes": [
            {
                "group": lane.group,
                "subject": lane.subject,
                "name": lane.name,
                "seconds": round(lane.seconds, 3),
                "segments": [
                    {"start": round(s.start, 3), "end": round(s.end, 3), "failed": s.failed} for s in lane.segments
                ],
            }
            for lane in drawn.lanes
        ],
    }
