"""Where the lab keeps its processes: a cgroup (version 2) per service, so that nothing it started can escape `down`.

The cgroup2 tree needs no controllers for this, so it serves on machines of version 1 with an empty cgroup2 tree too.
"""

import os
from pathlib import Path

ROOT_NAME = "navarch-lab"


def mount_points(mounts: str) -> list[Path]:
    """Mount points of the cgroup2 file system in the text of /proc/mounts."""
    lines = (line.split() for line in mounts.splitlines())
    return [Path(words[1]) for words in lines if len(words) > 2 and words[2] == "cgroup2"]


def tree() -> Path | None:
    """The lab's folder in the cgroup2 tree; None where there is none that can be written."""
    for point in mount_points(Path("/proc/mounts").read_text()):
        if os.access(point, os.W_OK):
            return point / ROOT_NAME
    return None


def make(name: str) -> Path | None:
    """The cgroup of one service, made when missing; None where there is no cgroup2 tree."""
    root = tree()
    if root is None:
        return None
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def members(name: str) -> list[int]:
    """PIDs in the service's cgroup and below."""
    root = tree()
    if root is None or not (root / name).is_dir():
        return []
    found: list[int] = []
    for folder, _, files in os.walk(root / name):
        if "cgroup.procs" in files:
            found.extend(int(line) for line in (Path(folder) / "cgroup.procs").read_text().split())
    return found


def kill(name: str) -> None:
    """SIGKILL for everything in the service's cgroup and below."""
    root = tree()
    if root is not None and (root / name / "cgroup.kill").exists():
        (root / name / "cgroup.kill").write_text("1")


def remove_all() -> None:
    """Remove the lab's empty cgroups, deepest first."""
    root = tree()
    if root is None or not root.is_dir():
        return
    for folder, _, _ in os.walk(root, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError:
            pass  # not empty yet: the caller looks for what remains
