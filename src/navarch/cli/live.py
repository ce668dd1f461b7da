"""Showing progress: a display that is redrawn on a terminal, one line per change elsewhere."""

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from navarch.cli.output import span
from navarch.client.shapes import Progress, ProgressRow

if TYPE_CHECKING:
    from rich.console import Group

_TURNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SIGNS = {"waiting": "·", "running": "…", "done": "✓", "failed": "✗"}
_STYLES = {"waiting": "dim", "running": "cyan", "done": "green", "failed": "red"}


class View(Protocol):
    """Where progress is shown. Used as a context."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, progress: Progress) -> None:
        """The cluster is like this now."""
        ...

    def say(self, text: str) -> None:
        """Something beside it: the service does not answer, for instance."""
        ...


def view_for(title: str) -> View:
    """The display for where we are: live where stderr is a terminal, else lines."""
    return LiveView(title) if sys.stderr.isatty() else LineView(title)


class LineView:
    """For logs: a line with the time of day and the seconds since the start for everything that changed."""

    def __init__(
        self,
        title: str,
        *,
        write: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._title, self._clock, self._now = title, clock, now
        self._write = write or _to_stderr
        self._start = clock()
        self._seen: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Self:
        self.say(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, progress: Progress) -> None:
        for row in progress["rows"]:
            name, state, detail, seconds = row["name"], row["state"], row["detail"], row["seconds"]
            # Figures inside a message count up by themselves: they are no change worth a line.
            seen: tuple[str, str] = (state, re.sub(r"\d+", "#", detail) if name != "nodes" else detail)
            if self._seen.get(name) == seen or (name not in self._seen and state == "waiting"):
                continue
            self._seen[name] = seen
            took = f" ({span(seconds)})" if seconds is not None and state == "done" else ""
            self.say(f"{name}: {state}{took}{' - ' + detail if detail else ''}")
        if progress["blocked"] is None:
            if self._seen.pop("!", None):
                self.say("No longer blocked.")
        else:
            condition = progress["blocked"]
            seen = (condition["reason"], re.sub(r"\d+", "#", condition["message"]))
            if self._seen.get("!") != seen:
                self._seen["!"] = seen
                self.say("\n    ".join(blocked_lines(progress)))

    def say(self, text: str) -> None:
        stamp = self._now().isoformat(timespec="seconds")
        self._write(f"{stamp} +{self._clock() - self._start:.0f}s {text}")


class LiveView:
    """For people at a terminal: the rows are redrawn in place, what runs turns and counts."""

    def __init__(self, title: str, *, console: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title, self._clock = title, clock
        self._start, self._shown_at = clock(), clock()
        self._progress: Progress | None = None
        self._console = console or Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=8, vertical_overflow="visible"
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, progress: Progress) -> None:
        self._progress, self._shown_at = progress, self._clock()

    def say(self, text: str) -> None:
        self._console.print(text)

    def _draw(self) -> "Group":
        from rich.console import Group
        from rich.text import Text

        width = self._console.width
        parts = [Text(f"{self._title}  {span(self._clock() - self._start)}", style="bold")]
        rows = self._progress["rows"] if self._progress is not None else []
        longest = min(max((len(row["name"]) for row in rows), default=0), max(10, width // 2))
        turn = _TURNS[int(self._clock() * 8) % len(_TURNS)]
        for row in rows:
            line = Text(no_wrap=True, overflow="ellipsis")
            name, state = row["name"], row["state"]
            line.append(turn if state == "running" else _SIGNS[state], _STYLES[state])
            line.append(f" {name[:longest]:<{longest}} ", "dim" if state == "waiting" else "")
            line.append(f"{self._seconds(row):>8} {row['detail']}", "dim")
            line.truncate(width, overflow="ellipsis")
            parts.append(line)
        if self._progress is not None and self._progress["blocked"] is not None:
            parts.append(Text("\n".join(blocked_lines(self._progress)), style="red"))
        return Group(*parts)

    def _seconds(self, row: ProgressRow) -> str:
        if row["seconds"] is None:
            return ""
        since = self._clock() - self._shown_at if row["state"] == "running" else 0.0
        return f"{row['seconds'] + since:.1f} s"


def blocked_lines(progress: Progress) -> list[str]:
    """What is in the way, whose turn it is, and what to do."""
    condition = progress["blocked"]
    if condition is None:
        return []
    lines = [f"Blocked: {condition['reason']}: {condition['message']}"]
    if condition.get("responsible"):
        lines.append(f"  who must act: {condition['responsible']}")
    if condition.get("remedy"):
        lines.append(f"  what to do: {condition['remedy']}")
    return lines


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
