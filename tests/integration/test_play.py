"""docs/guide/play.md as a person would follow it: make play's own program, the page's commands, nothing left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.playing import Terminal, a_folder, commands, of, play, said_until_ready

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "play.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as made:
        yield made


def test_the_pages_commands_work_and_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    with play(folder) as playing:
        try:
            terminal = Terminal(said_until_ready(playing))
            for line in commands(PAGE):
                terminal.type(line)
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
