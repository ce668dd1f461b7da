"""What a run leaves: seconds of each stage as JSON, a table for people, the slowest tests."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.suite.run import Ended


@dataclass(frozen=True, slots=True)
class Timed:
    """A test and its seconds, with the setting up of what it was the first to need."""

    name: str
    seconds: float


def write_seconds(path: Path, ended: Iterable[Ended]) -> None:
    """{stage: seconds} of what ended so far. Replaces the file in one go, so that it can be read at any time."""
    seconds = {e.stage.name: round(e.seconds, 1) for e in ended}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(seconds, indent=2) + "\n")
    fresh.replace(path)


def table(ended: Sequence[Ended], total: float, budget: float) -> str:
    """A line for each stage, in the order in which they ended, and the sum. All times in seconds."""
    width = max((len(e.stage.name) for e in ended), default=0)
    lines = [f"{'stage':{width}}  seconds  processor  busy cores"]
    for e in ended:
        failed = "" if e.well else f"  FAILED ({e.code})"
        lines.append(f"{e.stage.name:{width}}  {e.seconds:7.1f}  {e.cpu_seconds:9.1f}  {e.busy_cores:10.1f}{failed}")
    over = f"  OVER THE BUDGET BY {total - budget:.0f} s" if total > budget else ""
    lines.append(f"{'all, lanes side by side':{width}}  {total:7.1f}  of {budget:.0f}{over}")
    return "\n".join(lines)


def timed(files: Iterable[Path]) -> list[Timed]:
    """The tests of some JUnit files, the slowest first. Files that are not there or not whole count for nothing: a run
    that failed has them."""
    found = []
    for file in files:
        try:
            cases = ElementTree.parse(file).iter("testcase")
            found += [Timed(f"{c.attrib['classname']}::{c.attrib['name']}", float(c.attrib["time"])) for c in cases]
        except (OSError, ElementTree.ParseError):
            continue
    return sorted(found, key=lambda test: -test.seconds)


def slowest(tests: Sequence[Timed], count: int = 20) -> str:
    """The first ones, a line each."""
    return "\n".join(f"{test.seconds:7.1f}  {test.name}" for test in tests[:count])
