"""A machine's disks: files behind loop devices, shown in its /dev as a guest with virtio disks would see them."""

import fcntl
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from navarch_lab_plugins.commands import run
from navarch_lab_plugins.record import write_whole

_SERIAL_LENGTH = 20
"""virtio-blk's serial number has 20 bytes, so that is what udev can put into a link's name."""

# The kernel's loop.h: ioctls, and struct loop_info64.
_SET_STATUS64, _GET_STATUS64, _AUTOCLEAR = 0x4C04, 0x4C05, 4
_STATUS_SIZE, _FLAGS_OFFSET = 232, 52


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a machine."""

    serial: str
    """The volume's id; empty for a disk without a serial number, which a clone of an image is."""
    node: str
    """Where the machine sees it, for example /dev/vdb."""
    file: str
    major: int
    minor: int


class Disks:
    """The disk table of one machine, kept in its folder: a machine that reboots by itself needs its disks again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "disks.json"

    def all(self) -> list[Disk]:
        """Every disk, ordered by node."""
        try:
            return [Disk(**entry) for entry in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []

    def put(self, disk: Disk) -> None:
        """Add the disk; one with the same node is replaced."""
        self._save([d for d in self.all() if d.node != disk.node] + [disk])

    def take(self, file: str) -> Disk | None:
        """Remove the disk on `file` and return it, or None where the machine has none."""
        found = next((d for d in self.all() if d.file == file), None)
        if found:
            self._save([d for d in self.all() if d.file != file])
        return found

    def clear(self) -> None:
        self._save([])

    def _save(self, disks: list[Disk]) -> None:
        write_whole(self._path, json.dumps([asdict(d) for d in sorted(disks, key=lambda d: d.node)], indent=1))


def by_id(serial: str) -> str:
    """The link udev makes for a virtio disk with this serial number."""
    return f"/dev/disk/by-id/virtio-{serial[:_SERIAL_LENGTH]}"


def show_script(disks: list[Disk]) -> str:
    """Shell lines that make the disks appear in a machine's /dev. May run again at any time."""
    lines = ["mkdir -p /dev/disk/by-id"]
    for disk in disks:
        lines.append(f"rm -f {disk.node}; mknod -m 660 {disk.node} b {disk.major} {disk.minor}")
        if disk.serial:
            lines.append(f"ln -sfn ../..{disk.node.removeprefix('/dev')} {by_id(disk.serial)}")
    return "\n".join(lines) + "\n"


def hide_script(disk: Disk) -> str:
    """Shell lines that take one disk out of a machine's /dev."""
    return f"rm -f {disk.node}" + (f" {by_id(disk.serial)}" if disk.serial else "") + "\n"


def attach_loop(file: str, read_only: bool = False) -> str:
    """Path of a loop device on `file`, found or made.

    One that exists is taken, since two on one file would have two caches. Direct I/O, so that the file is not cached a
    second time below the machine's own cache and a flush inside goes to the disk.
    """
    for loop in loops_of(file):
        if _keep(loop):
            return loop
    return run("losetup", "--find", "--show", "--direct-io=on", *(["--read-only"] if read_only else []), file)


def _keep(loop: str) -> bool:
    """Let a loop device that was told to free itself at its last close live on; False if it is on its way out already.
    Such a one is left where a volume was detached from a machine that still had it mounted."""
    status = bytearray(_STATUS_SIZE)
    try:
        with open(loop, "rb") as handle:
            fcntl.ioctl(handle, _GET_STATUS64, status)
            (flags,) = struct.unpack_from("I", status, _FLAGS_OFFSET)
            if flags & _AUTOCLEAR:
                struct.pack_into("I", status, _FLAGS_OFFSET, flags & ~_AUTOCLEAR)
                fcntl.ioctl(handle, _SET_STATUS64, status)
    except OSError:
        return False
    return True


def loops_of(file: str) -> list[str]:
    """Loop devices on `file`; none where the file is gone."""
    return run("losetup", "--noheadings", "--output", "NAME", "--associated", file, check=False).split()


def detach_loops(file: str) -> None:
    """Free every loop device on `file`; one that is mounted frees itself when it no longer is."""
    for loop in loops_of(file):
        run("losetup", "--detach", loop, check=False)


def resize_loops(file: str) -> None:
    """Tell the loop devices on `file` that it has grown; the machine sees the new size at once."""
    for loop in loops_of(file):
        run("losetup", "--set-capacity", loop)


def device_number(device: str) -> tuple[int, int]:
    """Major and minor number of a device node."""
    number = Path(device).stat().st_rdev
    return number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
