"""Telling a person what happens: each step with its seconds, its log, and what to do when it fails."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


class LabError(Exception):
    """Something the person can act upon: what was seen, and what to do about it."""

    def __init__(self, what: str, *, remedy: str = "", log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log

    def __str__(self) -> str:
        lines = [self.what]
        if self.log is not None:
            lines.append(f"log: {self.log}")
            lines.extend(f"  | {line}" for line in tail(self.log, 12))
        if self.remedy:
            lines.append(f"what to do: {self.remedy}")
        return "\n".join(lines)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, none if there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16384))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


@dataclass(slots=True)
class Progress:
    """Prints one line per finished step. Safe to use from several threads."""

    write: Callable[[str], None] = field(default=lambda line: print(line, file=sys.stderr, flush=True))
    started: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> None:
        with self._lock:
            self.write(f"[{time.monotonic() - self.started:6.1f}s] {text}")

    @contextmanager
    def step(self, what: str, log: Path | None = None) -> Iterator[None]:
        """Time one step; its log is named when it takes long or fails."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(f"FAILED {what} after {time.monotonic() - began:.1f} s" + (f" (log: {log})" if log else ""))
            raise
        seconds = time.monotonic() - began
        self.say(f"{what}: {seconds:.1f} s" + (f" (log: {log})" if log and seconds > 5 else ""))
