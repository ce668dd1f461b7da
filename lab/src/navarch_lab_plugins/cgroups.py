"""The cgroups of a machine: one in every hierarchy of cgroup v1, and one in the cgroup2 tree.

The one in the cgroup2 tree matters. A systemd inside a machine with cgroup v1 alone is not told that a cgroup became
empty and can wait for ever for a unit to end; given a cgroup2 folder too, systemd-nspawn sets up the hybrid layout,
which does tell.
"""

import os
import signal
import time
from pathlib import Path

TREE = Path("/sys/fs/cgroup")
PARENT = "nspawn"
_PERIOD_US = 100_000
_SHARES_OF_ALL = 4 * 1024
"""Weight of all machines together. To the scheduler their common parent is one entry beside each single process of the
host: the default of 1024 leaves all machines together as much as any one process, which starves them on a busy host; 16
times that starved the cloud's own services while machines booted."""


class NoCgroups(Exception):
    """This process does not see the cgroup hierarchies."""


def hierarchies(tree: Path = TREE) -> list[Path]:
    """Roots of all hierarchies, cgroup2's `unified` among them. Raises NoCgroups where none is mounted."""
    found = sorted(p for p in tree.iterdir() if (p / "cgroup.procs").exists()) if tree.is_dir() else []
    if not any(p.name == "memory" for p in found):
        raise NoCgroups(
            f"no cgroup v1 hierarchies below {tree}; was this started with `ip netns exec`? Use `nsenter --net=...`"
        )
    return found


def limits(vcpus: int, memory_mib: int) -> dict[str, str]:
    """File below a hierarchy's folder of the machine -> its content, for a flavor's limits."""
    return {
        "cpu/cpu.shares": str(1024 * vcpus),
        "cpu/cpu.cfs_period_us": str(_PERIOD_US),
        "cpu/cpu.cfs_quota_us": str(_PERIOD_US * vcpus),
        "memory/memory.limit_in_bytes": str(memory_mib << 20),
    }


def make(machine: str, vcpus: int, memory_mib: int, tree: Path = TREE) -> list[Path]:
    """Make the machine's cgroups with its limits; return the files a process writes its PID to in order to enter them.

    Devices are left as they are: all allowed. A cgroup v1 child can never get more than its parent, and privileged
    pods ask for everything; what keeps a machine from another's disks is that its /dev holds only its own.
    """
    folders = []
    for root in hierarchies(tree):
        folder = root / PARENT / machine
        folder.mkdir(parents=True, exist_ok=True)
        if root.name == "cpuset":  # a new cpuset has no CPUs, and nothing may enter it until it has
            for level in (folder.parent, folder):
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (level / name).write_text((root / name).read_text())
                (level / "cgroup.clone_children").write_text("1")
        folders.append(folder)
    (tree / "cpu" / PARENT / "cpu.shares").write_text(str(_SHARES_OF_ALL))
    for name, value in limits(vcpus, memory_mib).items():
        hierarchy, file = name.split("/")
        (tree / hierarchy / PARENT / machine / file).write_text(value)
    return [folder / "cgroup.procs" for folder in folders]


def processes(machine: str, tree: Path = TREE) -> set[int]:
    """PIDs of everything in the machine's cgroups."""
    found: set[int] = set()
    for root in hierarchies(tree):
        for folder, _, files in os.walk(root / PARENT / machine):
            if "cgroup.procs" in files:
                try:
                    found.update(int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split())
                except OSError:  # it went away between being listed and being read
                    continue
    return found - {0}


def kill(machine: str, within: float = 10.0) -> bool:
    """SIGKILL everything in the machine's cgroups until nothing is left; False if something is after `within`
    seconds."""
    end = time.monotonic() + within
    while alive := [pid for pid in processes(machine) if not is_zombie(pid)]:
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_zombie(pid: int) -> bool:
    """True also for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def remove(machine: str, tree: Path = TREE) -> list[Path]:
    """Remove the machine's cgroups; return those that refused (the kernel may need a moment after the last process)."""
    refused = []
    for root in hierarchies(tree):
        for folder, _, _ in os.walk(root / PARENT / machine, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                refused.append(Path(folder))
    return refused
