"""Lines over time as an SVG's places. Pure; what is said beside them is the template's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import floor, log10
from typing import Any

from navarch.cli.output import parse_time

WIDTH, HEIGHT = 360, 176
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 8, 24
"""Around the area of the lines: room for figures at the left, for times below."""
_TICKS, _TIMES, _ROWS = 4, 4, 20
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_HUES, _DAY = 7, 86400


@dataclass(frozen=True, slots=True)
class Tick:
    """A figure at the left, or a time (RFC 3339) below, and where."""

    at: float
    says: Any


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line. `look`: a class for its hue and dashes; `path`: broken where nothing was measured; `now`: its newest
    figure, None where nothing is measured any more."""

    name: str
    look: str
    path: str
    now: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart. `rows`: some of its figures, as (time, those of each line); `days`: times below are days."""

    name: str
    unit: str
    lines: tuple[Drawn, ...]
    figures: tuple[Tick, ...]
    times: tuple[Tick, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    left_out: int
    days: bool


def drawn(chart: Any, start: str, step: int) -> Picture:
    """A chart as the API answers it; `step`: seconds between two figures of a line."""
    lines = [(line["name"], line["values"]) for line in chart["lines"]]
    count = max((len(values) for _, values in lines), default=0)
    top, tick = scale(max((v for _, values in lines for v in values if v is not None), default=0.0), chart["unit"])
    began = parse_time(start) if start else None

    def moment(place: int) -> str:
        return "" if began is None else (began + timedelta(seconds=place * step)).isoformat()

    places = [round(n * (count - 1) / _TIMES) for n in range(_TIMES + 1)] if count > 1 else []
    chosen = range(count - 1, -1, -max(1, count // _ROWS))
    return Picture(
        chart["name"],
        chart["unit"],
        tuple(
            Drawn(name, f"hue-{n % _HUES} dash-{n // _HUES}", path(values, top), _newest(values), _most(values))
            for n, (name, values) in enumerate(lines)
        ),
        tuple(Tick(_y(n * tick, top), n * tick) for n in range(round(top / tick) + 1)),
        tuple(Tick(_x(place, count), moment(place)) for place in places[:-1]),
        tuple((moment(place), tuple(values[place] for _, values in lines)) for place in chosen),
        chart["left_out"],
        count * step > 2 * _DAY,
    )


def scale(most: float, unit: str) -> tuple[float, float]:
    """Where the figures end, and how far apart those at the left are: round ones, in the unit that they are told in.
    Shares are drawn to a whole."""
    if unit == "share":
        return 1.0, 0.25
    base = 1.0
    while unit.startswith("bytes") and most / base >= 1024:
        base *= 1024
    step = _round_step(most / base / _TICKS) * base
    if unit == "count":
        step = max(1.0, step)
    ticks = max(1, -int(-most // step))
    return ticks * step, step


def path(values: Sequence[float | None], top: float) -> str:
    """An SVG's path: a figure with nothing on either side is a dot."""
    count = len(values)
    parts: list[str] = []
    for before, (place, value) in pairwise([(-1, None), *enumerate(values)]):
        if value is None:
            continue
        there = f"{_x(place, count):.1f} {_y(value, top):.1f}"
        alone = place + 1 == count or values[place + 1] is None
        if before[1] is not None:
            parts.append(f"L{there}")
        else:
            parts.append(f"M{there}h0" if alone else f"M{there}")
    return "".join(parts)


def _round_step(step: float) -> float:
    if step <= 0:
        return 1.0
    power = 10.0 ** floor(log10(step))
    return next(s * power for s in _STEPS if s * power >= step * 0.999)


def _x(place: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, count - 1)


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(value, top) / top)


def _newest(values: Sequence[float | None]) -> float | None:
    """Of the last two: the newest may not be measured yet."""
    return next((v for v in reversed(values[-2:]) if v is not None), None)


def _most(values: Sequence[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)
