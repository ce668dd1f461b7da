"""Showing progress: a display that is redrawn on a terminal, one line per change elsewhere."""

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from navarch.cli.output import span
from navarch.cli.progress import Progress, Row, State

if TYPE_CHECKING:
    from rich.console import Group

_SIGNS = {State.WAITING: "·", State.RUNNING: "…", State.DONE: "✓", State.FAILED: "✗"}
_STYLES = {State.WAITING: "dim", State.RUNNING: "cyan", State.DONE: "green", State.FAILED: "red"}


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
        for row in progress.rows:
            # Figures inside a message count up by themselves: they are no change worth a line.
            seen = (row.state.value, re.sub(r"\d+", "#", row.detail) if row.name != "nodes" else row.detail)
            if self._seen.get(row.name) == seen or (row.name not in self._seen and row.state is State.WAITING):
                continue
            self._seen[row.name] = seen
            took = f" ({span(row.seconds)})" if row.seconds is not None and row.state is State.DONE else ""
            self.say(f"{row.name}: {row.state}{took}{' - ' + row.detail if row.detail else ''}")
        if progress.blocked is None:
            self._seen.pop("!", None)
        else:
            condition = progress.blocked
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
        from rich.spinner import Spinner

        self._title, self._clock = title, clock
        self._start, self._shown_at = clock(), clock()
        self._progress: Progress | None = None
        self._spinner = Spinner("dots", style="cyan")
        console = console or Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=8, vertical_overflow="visible")

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
        self._live.console.print(text)

    def _draw(self) -> "Group":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=1)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", width=7)
        grid.add_column(overflow="ellipsis", no_wrap=True)
        progress = self._progress
        head = Text(f"{self._title}  {span(self._clock() - self._start)}", style="bold")
        if progress is None:
            return Group(head)
        for row in progress.rows:
            sign: Any = self._spinner if row.state is State.RUNNING else Text(_SIGNS[row.state], _STYLES[row.state])
            style = "dim" if row.state is State.WAITING else ""
            grid.add_row(sign, Text(row.name, style), Text(self._seconds(row), "dim"), Text(row.detail, "dim"))
        parts: list[Any] = [head, grid]
        if progress.blocked is not None:
            parts.append(Text("\n".join(blocked_lines(progress)), style="red"))
        return Group(*parts)

    def _seconds(self, row: Row) -> str:
        if row.seconds is None:
            return ""
        since = self._clock() - self._shown_at if row.state is State.RUNNING else 0.0
        return f"{row.seconds + since:.1f} s"


def blocked_lines(progress: Progress) -> list[str]:
    """What is in the way, whose turn it is, and what to do."""
    condition = progress.blocked
    if condition is None:
        return []
    lines = [f"Blocked: {condition['reason']}: {condition['message']}"]
    if condition.get("blame"):
        lines.append(f"  who must act: {condition['blame']}")
    if condition.get("remedy"):
        lines.append(f"  what to do: {condition['remedy']}")
    return lines


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
