"""Root disks: clones of an image, grown to the flavor's size.

The clone is a real ext4, since containerd's overlays do not work on an overlay, and since the size a flavor promises
is then the size the machine sees. All that takes time is done once for each pair of image and size and kept beside
the image.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from navarch_lab_plugins.commands import run
from navarch_lab_plugins.disks import attach_loop, loops_of
from navarch_lab_plugins.locks import file_lock

MOUNT_OPTIONS = "noatime,noinit_itable,barrier=0"
"""noinit_itable: else the kernel writes all inode tables of the grown part, hundreds of MB for each machine.
barrier=0: a root disk's flushes would go through two file systems down to the host's disk, and guard only against a
power cut of the host."""


class NotExt4(Exception):
    """The image or volume holds no ext4."""


class DiskBusy(Exception):
    """A root disk is still mounted somewhere."""


class Images:
    """The cache of images, shared by all compute hosts of the lab."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, image: str, fetch: Callable[[Path], object]) -> Path:
        """The image's file. `fetch` is called by the first who asks, while the others wait."""
        file = self._base(image)
        with self._locked(image):
            if fetched := not file.exists():
                part = self._folder / f"{image}.part"
                fetch(part)
                # Glance gives zeros where the image has holes; they would be kept and copied for ever.
                run("fallocate", "--dig-holes", str(part), check=False)
                part.rename(file)
        if fetched:
            self.forget_old()
        return file

    def clone(self, image: str, gib: int, machine: str) -> Path:
        """A root disk of its own for a machine, of `gib` GiB (the image's size if that is larger). The image must have
        been fetched. Raises NotExt4."""
        disk = self.disk_of(machine)
        with self._locked(image):
            if not disk.exists():
                disk.parent.mkdir(exist_ok=True)
                part = disk.with_suffix(".part")
                _copy(self._grown(image, gib), part)
                part.rename(disk)
        return disk

    def disk_of(self, machine: str) -> Path:
        """Where a machine's clone is, or would be."""
        return self._folder / "disks" / f"{machine}.raw"

    def forget_old(self, keep: int = 4) -> list[str]:
        """Remove all but the `keep` images last used, and return which. Machines keep their clones; an image that is
        asked for again is fetched again."""
        by_use = sorted(self._folder.glob("*.lock"), key=lambda lock: lock.stat().st_mtime, reverse=True)
        old = [lock.stem for lock in by_use if self._base(lock.stem).exists()][keep:]
        for image in old:
            with self._locked(image, use=False):
                for file in self._folder.glob(f"{image}.*"):
                    if file.suffix != ".lock":
                        file.unlink()
        return old

    def _grown(self, image: str, gib: int) -> Path:
        base, file = self._base(image), self._folder / f"{image}.{gib}G.raw"
        if not file.exists():
            _size_inside(base)  # refuses what is no ext4
            part = self._folder / f"{image}.{gib}G.part"
            _copy(base, part)
            with part.open("r+b") as handle:
                handle.truncate(max(gib << 30, base.stat().st_size))
            grow(str(part))
            part.rename(file)
        return file

    def _base(self, image: str) -> Path:
        return self._folder / f"{image}.raw"

    @contextmanager
    def _locked(self, image: str, use: bool = True) -> Iterator[None]:
        lock = self._folder / f"{image}.lock"
        with file_lock(lock):
            if use:
                os.utime(lock)
            yield


def _copy(source: Path, target: Path) -> None:
    run("cp", "--reflink=auto", "--sparse=auto", str(source), str(target), timeout=600)


def grow(device: str) -> None:
    """Let the ext4 in a file or device fill it. Done while it is not mounted, since growing a mounted ext4 needs
    CAP_SYS_RESOURCE, which a container's root may lack."""
    run("e2fsck", "-fy", device, check=False, timeout=600)
    run("resize2fs", device, timeout=600)


def ext4_size(superblock: bytes) -> int:
    """Size in bytes that an ext4 says it has; `superblock` is the 1024 bytes at offset 1024. Raises NotExt4."""
    if len(superblock) < 1024 or superblock[0x38:0x3A] != b"\x53\xef":
        raise NotExt4("no ext4: a machine's root disk must be a raw image of one")

    def field(offset: int) -> int:
        return int.from_bytes(superblock[offset : offset + 4], "little")

    has_64_bits = field(0x60) & 0x80
    blocks = field(0x4) | (field(0x150) << 32 if has_64_bits else 0)
    return blocks * (1024 << field(0x18))


def _size_inside(file: Path) -> int:
    with file.open("rb") as handle:
        handle.seek(1024)
        return ext4_size(handle.read(1024))


def root_loop(file: str, within: float = 60) -> str:
    """A loop device on a root disk, whose ext4 is grown first if the file is larger. supervise.sh mounts it.

    Raises DiskBusy if an earlier mount is not gone after `within` seconds: two at once would destroy it.
    """
    end = time.monotonic() + within
    while loops_of(file):
        if time.monotonic() > end:
            raise DiskBusy(f"root disk {file} is still in use: {loops_of(file)}")
        time.sleep(0.05)
    inside = _size_inside(Path(file))
    loop = attach_loop(file)
    if Path(file).stat().st_size - inside >= 1 << 20:
        grow(loop)
    return loop
