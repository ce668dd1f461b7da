"""Running other programs: output to a log, and the end of it in the error."""

import os
import subprocess
from collections.abc import Mapping, Sequence
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
        raise BuildError(f"{what}: no program {argv[0]}; `navarch-images prepare` installs what is needed") from error
    if done.returncode:
        end = (done.stdout + done.stderr)[-_TAIL:].strip()
        raise BuildError(f"{what}: {argv[0]} ended with {done.returncode}:\n{end}")
    return done.stdout
