"""Whether this machine can run the suite."""

import os
import shutil
from pathlib import Path

_MEMORY_GIB, _DISK_GIB = 14, 20


def lacks() -> list[str]:
    """What it lacks, in words; nothing where it will do."""
    wrong = []
    if os.geteuid() != 0:
        wrong.append("must run as root: the lab makes network namespaces and machines")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    if memory < _MEMORY_GIB:
        wrong.append(f"{memory} GiB of memory, {_MEMORY_GIB} are needed")
    free = shutil.disk_usage("/var").free // 2**30
    if free < _DISK_GIB:
        wrong.append(f"{free} GiB free in /var, {_DISK_GIB} are needed")
    if not Path("/sys/fs/cgroup/memory").exists():
        wrong.append("no cgroup v1 hierarchies, in which the lab limits its machines")
    return wrong
