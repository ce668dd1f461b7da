"""What commands print: tables for people, JSON, YAML and names for programs. Rich is imported only to draw."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_NEVER_WRAP = 100_000  # columns, where the output is not a terminal: a program reads whole lines


class Output(StrEnum):
    """Formats of `-o`."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title and how to get its text from an item. `keep`: never folded."""

    title: str
    text: Callable[[Any], object]
    right: bool = False
    keep: bool = False


def console(*, stderr: bool = False) -> "Console":
    """A Rich console on stdout or stderr that takes markup and emoji codes in cluster names for what they are: text."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _NEVER_WRAP
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


def note(text: str) -> None:
    """Say something beside the result: to stderr, so that what programs read stays clean."""
    print(text, file=sys.stderr)


def emit_list(items: Iterable[Any], output: Output, columns: Sequence[Column], *, name: str = "name") -> None:
    """Print many."""
    found = list(items)
    if output is Output.TABLE:
        print_table(found, columns)
    elif output is Output.NAME:
        for item in found:
            print(item.get(name, ""))
    else:
        emit_data(found, output)


def emit_data(data: Any, output: Output) -> None:
    """Print a value as JSON or YAML."""
    if output is Output.YAML:
        import yaml

        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False), end="")
    else:
        import json

        print(json.dumps(data, indent=2, ensure_ascii=False))


def emit_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names with values, below each other; those that are None or empty are left out."""
    shown = [(name, text(value)) for name, value in facts if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *rest = value.split("\n")
        print(f"{name:<{width}}  {first}")
        for line in rest:
            print(f"{'':<{width}}  {line}")


def print_table(items: Sequence[Any], columns: Sequence[Column]) -> None:
    """Print a table, without the blanks that pad its last column."""
    screen = console()
    with screen.capture() as drawn:
        screen.print(table(items, columns))
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def table(items: Sequence[Any], columns: Sequence[Column]) -> "Table":
    """A Rich table with plain, greppable rows."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=column.keep, overflow="fold"
        )
    for item in items:
        drawn.add_row(*(Text(text(column.text(item)), style=_style(text(column.text(item)))) for column in columns))
    return drawn


def text(value: object) -> str:
    """A value as a cell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        words = {k: "+".join(map(str, v)) if isinstance(v, list) else v for k, v in value.items()}
        return ", ".join(f"{k}={v}" for k, v in words.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(text(v) for v in value) or "-"
    return str(value)


def age(since: str | None, now: datetime) -> str:
    """How long ago an RFC 3339 time was, in one or two units."""
    if not since:
        return "-"
    return span((now - parse_time(since)).total_seconds())


def span(seconds: float) -> str:
    """Seconds as people say them: 8s, 2m05s, 3h10m, 4d2h."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole}s"
    if whole < 7200:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 172800:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def parse_time(value: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(value.replace("Z", "+00:00"))


def _style(word: str) -> str:
    return _STYLES.get(word, "")


_STYLES = {
    "Ready": "green", "True": "green", "ok": "green", "Progressing": "cyan", "Deleting": "yellow", "Degraded": "yellow",
    "Paused": "yellow", "Blocked": "red", "Warning": "yellow", "failed": "red",
}  # fmt: skip
