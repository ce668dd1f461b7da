"""Limits are raised, never lowered."""

from pathlib import Path

from navarch_lab.kernel import raise_limits


def test_what_is_too_low_is_raised_and_what_is_high_stays(tmp_path: Path) -> None:
    folder = tmp_path / "fs" / "inotify"
    folder.mkdir(parents=True)
    (folder / "max_user_instances").write_text("128\n")
    (folder / "max_user_watches").write_text("99999999\n")
    raise_limits(tmp_path)
    assert int((folder / "max_user_instances").read_text()) == 8192
    assert int((folder / "max_user_watches").read_text()) == 99999999
