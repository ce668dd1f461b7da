"""Raising limits of the kernel, on a tree of ordinary files."""

from pathlib import Path

from navarch_lab_plugins.kernel import FLOORS, raise_limits


def test_limits_that_are_too_low_are_raised_and_named(tmp_path: Path) -> None:
    for name in FLOORS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("128\n")
    assert raise_limits(tmp_path) == FLOORS
    assert (tmp_path / "fs/inotify/max_user_instances").read_text() == "8192"


def test_a_limit_that_is_higher_already_stays(tmp_path: Path) -> None:
    for name in FLOORS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("9000000\n")
    assert raise_limits(tmp_path) == {}
    assert (tmp_path / "fs/inotify/max_user_instances").read_text() == "9000000\n"
