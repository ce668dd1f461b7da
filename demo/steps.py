"""Telling a person what happens: one line a step, with seconds, the log of what it ran, and what to do if it fails."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

Value = TypeVar("Value")


class StepFailed(Exception):
    """A step of the demo did not work out. The message says what was seen and what to do."""


class Teller:
    """Prints steps. `folder` receives the log of each command that is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._began = monotonic()
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        folder.mkdir(parents=True, exist_ok=True)

    def title(self, text: str) -> None:
        """Begin a chapter."""
        print(f"\n{self._paint('1', text)}", flush=True)

    def say(self, text: str) -> None:
        """A line of its own."""
        print(f"  {text}", flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Time what happens inside."""
        print(f"  {self._paint('2', '…')} {text}", flush=True)
        began = monotonic()
        try:
            yield
        except BaseException:
            print(f"  {self._paint('31', '✘')} {text} ({monotonic() - began:.1f} s)", flush=True)
            raise
        print(f"  {self._paint('32', '✔')} {text} ({monotonic() - began:.1f} s)", flush=True)

    def run(
        self,
        text: str,
        command: Sequence[str],
        *,
        remedy: str,
        show: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command as a step. Its output goes to a log named after the command, and is shown as well if `show`.
        Raises StepFailed with the log's end."""
        words = [Path(command[0]).name, *command[1:]]
        log = self.folder / ("-".join(w for w in words if not w.startswith(("-", "/"))) + ".log")
        with self.step(f"{text} (log: {log})"), log.open("w") as file:
            environment = {**os.environ, **(env or {})}
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
            )
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                file.flush()
                if show:
                    print(f"      {line}", end="", flush=True)
            if process.wait():
                raise StepFailed(f"{' '.join(words)} failed, exit code {process.returncode}\n{tail(log)}\n{remedy}")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return monotonic() - self._began

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, indented."""
    try:
        return "\n".join(f"    | {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "    | (no log)"


def until(what: str, ask: Callable[[], Value | None], *, seconds: float, every: float = 0.5) -> Value:
    """The first answer of `ask` that is true: a list without anything in it is none. Raises StepFailed after
    `seconds`."""
    deadline = monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if monotonic() > deadline:
            raise StepFailed(f"{what}: not within {seconds:.0f} s")
        sleep(every)
