"""Running other programs: their output is kept, and its end is in the error."""

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from navarch_images.errors import BuildError

_TAIL = 3000  # characters of a failed command's output worth showing


def run(
    what: str,
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return its standard output.

    `env` is added to the environment. Raises BuildError, which names `what`, the exit code and the output's end.
    """
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise _no_program(what, argv) from error
    _check(what, argv, done.returncode, done.stdout + done.stderr)
    return done.stdout


def follow(
    what: str,
    argv: Sequence[str | Path],
    heard: Callable[[str], None],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> float:
    """Run a command to its end and call `heard` with each line of its output as it comes.

    Returns the CPU seconds that it and its children used. Raises BuildError like `run`.
    """
    last: deque[str] = deque(maxlen=_TAIL // 20)
    try:
        process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise _no_program(what, argv) from error
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            last.append(line)
            heard(line.rstrip("\n"))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    _check(what, argv, process.returncode, "".join(last))
    return used.ru_utime + used.ru_stime


def _check(what: str, argv: Sequence[str | Path], code: int, output: str) -> None:
    if code:
        raise BuildError(f"{what}: {argv[0]} ended with {code}:\n{output[-_TAIL:].strip()}")


def _no_program(what: str, argv: Sequence[str | Path]) -> BuildError:
    return BuildError(f"{what}: no program {argv[0]}; `navarch-images prepare` installs what is needed")
