"""Two commands at once do not work on the same lab."""

import threading
from pathlib import Path

from navarch_lab.lab import exclusively
from navarch_lab.layout import Layout
from navarch_lab.progress import Progress


def test_a_second_command_says_that_it_waits_and_goes_on_after_the_first(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state", tmp_path / "cache")
    said: list[str] = []
    waits, done = threading.Event(), threading.Event()

    def write(line: str) -> None:
        said.append(line)
        waits.set()

    def second() -> None:
        with exclusively(layout, Progress(write=write)):
            done.set()

    with exclusively(layout, Progress(write=lambda _line: None)):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(10)
        assert "waiting" in said[0]
        assert not done.is_set()
    assert done.wait(10)
    other.join(10)


def test_the_state_folder_is_for_root_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state", tmp_path / "cache")
    with exclusively(layout, Progress(write=lambda _line: None)):
        assert layout.state.stat().st_mode & 0o777 == 0o700
