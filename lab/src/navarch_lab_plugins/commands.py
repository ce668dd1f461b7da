"""Running a program and hearing what went wrong."""

import subprocess


class CommandFailed(Exception):
    """A program ended with an error; the message holds its words, its exit code and what it said."""

    def __init__(self, argv: tuple[str, ...], code: int, said: str) -> None:
        super().__init__(f"{' '.join(argv)}: exit code {code}: {said.strip()}")
        self.argv = argv
        self.code = code
        self.said = said


def run(*argv: str, check: bool = True, stdin: str = "", timeout: float | None = 120) -> str:
    """Run a program to its end and return its standard output, stripped.

    `timeout` is in seconds. Raises CommandFailed for an exit code other than 0 when `check`, and for a time-out always.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(argv, -1, f"still running after {timeout} s") from late
    if check and done.returncode:
        raise CommandFailed(argv, done.returncode, done.stdout + done.stderr)
    return done.stdout.strip()
