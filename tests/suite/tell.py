"""What people see while stages run: a line at the beginning and end of each, and the log of one that failed."""

import sys
from pathlib import Path
from time import monotonic

from tests.suite.report import write_seconds
from tests.suite.run import Ended
from tests.suite.stages import Stage

_SHOWN_LINES = 400  # of the log of a stage that failed
_QUIET_SECONDS = 60.0  # after which a line says what still runs


class Teller:
    """Prints, and keeps the file of seconds up to date. Used by one thread at a time."""

    def __init__(self, seconds: Path) -> None:
        self._seconds, self._ended = seconds, list[Ended]()
        self._began = self._said_at = monotonic()
        self._running: dict[str, float] = {}

    def say(self, text: str) -> None:
        """A line, with the minutes and seconds since the beginning."""
        self._said_at = monotonic()
        minutes, seconds = divmod(int(self._said_at - self._began), 60)
        print(f"{minutes:3}:{seconds:02}  {text}", flush=True)

    def tell(self, stage: Stage, ended: Ended | None) -> None:
        """A stage begins, or ended."""
        if ended is None:
            self._running[stage.name] = monotonic()
            self.say(f"{stage.name} ...")
            return
        del self._running[stage.name]
        self._ended.append(ended)
        self._seconds.parent.mkdir(parents=True, exist_ok=True)
        write_seconds(self._seconds, self._ended)
        last = f" - {_last_line(ended.log)}" if stage.tests else ""
        how = "done" if ended.well else f"FAILED with {ended.code}"
        self.say(f"{stage.name}: {how} in {ended.seconds:.0f} s{last}")
        if not ended.well:
            _show(ended.log)

    def heartbeat(self) -> None:
        """After a quiet minute a line that says what runs."""
        now = monotonic()
        if now - self._said_at > _QUIET_SECONDS:
            running = [f"{name} ({now - since:.0f} s)" for name, since in self._running.items()]
            self.say("still running: " + ", ".join(running))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def _show(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()
    left_out = len(lines) - _SHOWN_LINES
    if left_out > 0:
        print(f"({left_out} lines before these are in {log})")
    print("\n".join(f"    | {line}" for line in lines[-_SHOWN_LINES:]), flush=True)
    sys.stdout.flush()
