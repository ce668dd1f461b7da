"""`make play`'s own program, as a person starts it, and the commands of a page that is followed there."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_folder() -> Iterator[Path]:
    """One that is gone in the end. pytest's own are closed to user postgres."""
    made = Path(tempfile.mkdtemp(prefix="nv-play-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def commands(page: Path) -> list[str]:
    """What a page tells to type, but for `make`."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("navarch")]


def of(folder: Path) -> list[str]:
    """Command lines of processes that work in the folder or were told of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            inside = str((process / "cwd").readlink()).startswith(str(folder))
        except OSError:
            continue
        if process.name != str(os.getpid()) and (inside or str(folder) in words):
            found.append(words)
    return found


def play(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start it."""
    command = [sys.executable, "-m", "navarch.playground", "--folder", str(folder), "--speed", "10", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said_until_ready(playing: "subprocess.Popen[str]") -> str:
    """Its words, once it can be used."""
    assert playing.stdout is not None
    said = ""
    for line in playing.stdout:
        said += line
        if "Ctrl-C" in line:
            return said
    raise AssertionError(said)


class Terminal:
    """Another terminal, in which somebody did as those words say."""

    def __init__(self, said: str) -> None:
        exports = re.search(r"export (.*)", said)
        assert exports is not None, said
        self.environ = dict(word.split("=", 1) for word in exports[1].split())

    def type(self, line: str) -> str:
        """What a command that succeeds prints."""
        done = subprocess.run(
            ["bash", "-ec", line], env={**os.environ, **self.environ, "PATH": self._path()},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def _path(self) -> str:
        return self.environ["PATH"].replace("$PATH", os.environ["PATH"])
