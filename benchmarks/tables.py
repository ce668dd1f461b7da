"""Tables and words that the pages of figures share."""

import os
from typing import Any

Figures = dict[str, Any]


def goal(met: bool) -> str:
    return "met" if met else "**missed**"


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def where(figures: Figures, load: float) -> str:
    return (
        f"API processes: {figures['apis']}, workers: {figures['workers']}; {os.cpu_count()} cores shared with others "
        f"(load at the end of the measurement {load:.1f}), {figures['at']}."
    )


def parts(figures: dict[str, float], unit: str = "") -> str:
    words = (f"{name} {value:.{2 if value < 10 else 0}f} {unit}".rstrip() for name, value in figures.items())
    return ", ".join(words)
