"""docs/guide/play.md as a person would follow it: make play's own program, the page's commands, nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "play.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="nv-play-"))  # pytest's own folders are closed to user postgres
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("navarch ")]


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
    command = [sys.executable, "-m", "navarch.playground", "--folder", str(folder), "--speed", "10", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said_until_ready(playing: subprocess.Popen[str]) -> str:
    assert playing.stdout is not None
    said = ""
    for line in playing.stdout:
        said += line
        if "Ctrl-C" in line:
            return said
    raise AssertionError(said)


def test_the_pages_commands_work_and_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    with play(folder) as playing:
        try:
            exports = re.search(r"export (.*)", said_until_ready(playing))
            assert exports is not None
            for line in commands():
                script = f"export {exports[1]}\n{line}"
                done = subprocess.run(
                    ["bash", "-ec", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
                )
                assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        finally:
            playing.send_signal(signal.SIGINT)
            playing.wait(60)
    assert playing.returncode == 0
    assert of(folder) == []


def stop(folder: Path) -> int:
    command = [sys.executable, "-m", "navarch.playground", "--stop", "--folder", str(folder)]
    return subprocess.run(command, timeout=60, check=False).returncode


def test_play_stop_has_a_play_end_in_order(folder: Path) -> None:
    with play(folder) as playing:
        said_until_ready(playing)
        assert stop(folder) == 0
        assert playing.wait(10) == 0
    assert of(folder) == []


def test_what_a_killed_play_left_is_ended_by_play_stop(folder: Path) -> None:
    with play(folder) as playing:
        said_until_ready(playing)
        playing.kill()
    assert of(folder) != []
    assert stop(folder) == 0
    assert of(folder) == []


def test_a_part_that_is_killed_ends_the_world_and_the_last_line_says_which(folder: Path) -> None:
    with play(folder) as playing:
        said_until_ready(playing)
        os.kill(int((folder / "worker-1.pid").read_text()), signal.SIGKILL)
        assert playing.stdout is not None
        lines = playing.stdout.read().splitlines()
        assert playing.wait(60) == 1
    assert lines[-1] == "play: worker-1 was ended by SIGKILL: everything else was ended, too"
    assert of(folder) == []
