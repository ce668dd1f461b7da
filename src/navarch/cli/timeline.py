"""A waterfall, as the service answers it, drawn as lines of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from navarch.cli.output import span


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


def waterfall_of(answer: dict[str, Any]) -> Waterfall:
    """What the service answered, to be drawn."""
    lanes = (
        Lane(lane["group"], lane["subject"], lane["name"], tuple(_segment(s) for s in lane["segments"]))
        for lane in answer["lanes"]
    )
    return Waterfall(
        answer["name"],
        answer["created_at"],
        answer["kubernetes_version"],
        tuple(lanes),
        answer["total_seconds"],
        answer["ready_after_seconds"],
        answer["age_seconds"],
    )


def _segment(answer: dict[str, Any]) -> Segment:
    return Segment(answer["start"], answer["end"], answer["failed"], answer["running"], answer["message"])


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
