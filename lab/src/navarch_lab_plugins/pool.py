"""A file system for root disks in which a copy costs nothing.

ext4 cannot share blocks between files, and copying gigabytes for each of several machines that start at once is what
would make them slow. So images and root disks live in an XFS of their own, in one sparse file: `cp --reflink` there
takes milliseconds, and the blocks that machines share are in the host's memory once, as pages of that file.
"""

import os
import shutil
import time
from pathlib import Path

from navarch_lab_plugins.commands import CommandFailed, run
from navarch_lab_plugins.disks import detach_loops
from navarch_lab_plugins.locks import file_lock

_SIZE_GIB = 500
"""More than any lab uses: the file is sparse, and blocks of removed disks are given back (mount option discard)."""

_KERNEL_LETS_GO = 5.0  # seconds: a mount is busy a moment longer than the machines that used it
_BUSY = 32  # umount's exit code, as for all that the kernel refuses


def file_of(folder: Path) -> Path:
    """The file that holds the file system mounted on `folder`."""
    return folder.with_name(folder.name + ".xfs")


def open_pool(folder: Path) -> bool:
    """Mount the pool on `folder`, made first if need be. False where mkfs.xfs is missing: copies are then real ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(_lock_of(folder)):
        if os.path.ismount(folder):
            return True
        if not shutil.which("mkfs.xfs"):
            return False
        file = file_of(folder)
        if not file.exists():
            part = file.with_name(file.name + ".part")
            part.unlink(missing_ok=True)
            run("truncate", "--size", f"{_SIZE_GIB}G", str(part))
            run("mkfs.xfs", "-q", "-m", "reflink=1", str(part))
            part.rename(file)
        run("mount", "-o", "loop,discard,noatime", str(file), str(folder))
        return True


def close_pool(folder: Path, remove: bool = False) -> None:
    """Unmount the pool; with `remove`, delete what it held too."""
    if os.path.ismount(folder):
        _unmount(folder)
    file = file_of(folder)
    if file.exists():
        detach_loops(str(file))
        if remove:
            file.unlink()
    if remove:
        _lock_of(folder).unlink(missing_ok=True)


def _unmount(folder: Path) -> None:
    end = time.monotonic() + _KERNEL_LETS_GO
    while True:
        try:
            run("umount", str(folder))
        except CommandFailed as failure:
            if failure.code != _BUSY or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")
