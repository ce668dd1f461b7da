"""Prints what the unit tests reach of each package, and the thin places, from the report that `make check` writes."""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

_THIN_PERCENT, _THIN_LINES = 50, 40  # a module of which less than half is reached, and more than so many lines are not
_THIN_SHOWN = 12


@dataclass(frozen=True)
class Reached:
    """Lines of a module or of a package that tests executed, and those that they did not."""

    lines: int = 0
    missed: int = 0

    @property
    def percent(self) -> float:
        """0 to 100; 100 where there is nothing to execute."""
        return 100.0 * (1 - self.missed / self.lines) if self.lines else 100.0

    def __add__(self, other: "Reached") -> "Reached":
        return Reached(self.lines + other.lines, self.missed + other.missed)


def modules(report: Mapping[str, Any]) -> dict[PurePath, Reached]:
    """The report of slipcover, by the module's path below its src folder."""
    found = {}
    for file, told in report["files"].items():
        parts = PurePath(file).parts
        path = PurePath(*parts[parts.index("src") + 1 :])
        covered, missed = told["summary"]["covered_lines"], told["summary"]["missing_lines"]
        found[path] = Reached(covered + missed, missed)
    return found


def table(reached: Mapping[PurePath, Reached]) -> list[str]:
    """One line a package, the whole, and the modules that unit tests reach least of."""
    packages: dict[str, Reached] = defaultdict(Reached)
    for path, one in reached.items():
        packages[".".join(path.parent.parts)] += one
    whole = sum(reached.values(), start=Reached())
    width = max(map(len, packages))
    lines = [f"{'package':{width}}  lines  reached"]
    lines += [
        f"{name:{width}}  {one.lines:5}  {one.percent:5.0f} %" for name, one in sorted(packages.items()) if one.lines
    ]
    lines.append(f"{'all':{width}}  {whole.lines:5}  {whole.percent:5.0f} %")
    thin = [item for item in reached.items() if item[1].percent < _THIN_PERCENT and item[1].missed > _THIN_LINES]
    thin.sort(key=lambda item: -item[1].missed)
    if thin:
        lines.append(f"thin (under {_THIN_PERCENT} %, by lines that no unit test reaches):")
        lines += [f"  {one.missed:4} of {one.lines:4}  {path}" for path, one in thin[:_THIN_SHOWN]]
        if len(thin) > _THIN_SHOWN:
            lines.append(f"  and {len(thin) - _THIN_SHOWN} more")
    return lines


if __name__ == "__main__":
    print("\n".join(table(modules(json.loads(Path(sys.argv[1]).read_text())))))
