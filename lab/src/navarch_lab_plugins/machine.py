"""A machine: a systemd-nspawn container that boots its own systemd from its own root disk.

All its state is in its folder, nothing in memory:
    meta.json   the order (record.py)        disks.json  its disks (disks.py)
    root/       where it mounts its root     config.ext4 the config drive
    pids        PIDs of supervisor and systemd-nspawn while it runs
    command, cgroups, furnish                what supervise.sh and furnish.sh go by
    console.log everything the machine wrote to its console, over all boots
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from navarch_lab_plugins import cgroups, rootfs
from navarch_lab_plugins.commands import CommandFailed, run
from navarch_lab_plugins.disks import Disk, Disks, attach_loop, detach_loops, device_number, hide_script, show_script
from navarch_lab_plugins.network import Cabling, Switch
from navarch_lab_plugins.record import Record, write_whole

_SCRIPTS = Path(__file__).parent
_HOST_DEVICES = ("/dev/fuse", "/dev/kmsg", "/dev/net/tun")
_POWER_OFF = signal.SIGRTMIN + 4  # systemd's signal for a clean power-off, which asks nobody first
_PROPAGATE = Path("/run/systemd/nspawn/propagate")
_START_LIMIT = 60.0
"""Seconds until init must run. It takes 0.2 on an idle machine."""
ROOT_NODE = "/dev/vda"


class MachineFailed(Exception):
    """A machine did not start or did not stop."""


class Machine:
    """One machine, whether it runs or not."""

    def __init__(self, base: Path, uuid: str, switch: Switch) -> None:
        self.uuid = uuid
        self.name = uuid[:13]
        self.folder = base / uuid
        self.disks = Disks(self.folder)
        self.cabling = Cabling(uuid, self.name, switch)
        self.console = self.folder / "console.log"
        self._config_drive = self.folder / "config.ext4"

    @property
    def record(self) -> Record | None:
        return Record.load(self.folder)

    # Running or not

    def pids(self) -> tuple[int, int]:
        """PIDs of the supervisor and of systemd-nspawn; 0 for one that does not run."""
        try:
            supervisor, nspawn = (int(word) for word in (self.folder / "pids").read_text().split())
        except (FileNotFoundError, ValueError):
            return 0, 0
        return self._own(supervisor, str(self.folder)), self._own(nspawn, self.name)

    def running(self) -> bool:
        """Also true in the moment between two boots of a machine that reboots by itself."""
        return any(self.pids())

    def init(self) -> int:
        """PID (outside) of the machine's own init, 0 if there is none."""
        nspawn = self.pids()[1]
        try:
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split() if nspawn else []
            return next((int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"), 0)
        except OSError:
            return 0

    @staticmethod
    def _own(pid: int, word: str) -> int:
        """`pid` if its command line holds `word`: numbers are used again."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return 0
        return pid if word in words and not cgroups.is_zombie(pid) else 0

    # Power

    def write_config_drive(self, tree: Path) -> None:
        """Make the config drive of a folder. An ext4 with the right label: a kernel need not have iso9660 or vfat."""
        run(
            *("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-L", "config-2"),
            *("-d", str(tree), str(self._config_drive), "4M"),
        )

    def start(self, volumes: list[Disk]) -> None:
        """Mount the root disk and boot. The network must be plugged. Returns when init runs and every disk is there.
        Raises MachineFailed."""
        record = self.record
        if record is None:
            raise MachineFailed(f"machine {self.uuid} has no record in {self.folder}")
        (self.folder / "root").mkdir(exist_ok=True)
        root = rootfs.root_loop(record.root)
        self.disks.clear()
        self.disks.put(Disk(record.root_serial, ROOT_NODE, record.root, *device_number(root)))
        for disk in volumes:
            self.disks.put(disk)
        self.cabling.ensure_namespace()
        entries = cgroups.make(self.name, record.vcpus, record.memory_mib)
        write_whole(self.folder / "cgroups", "".join(f"{path}\n" for path in entries))
        write_whole(self.folder / "command", "".join(f"{word}\n" for word in self._command(record)))
        self._write_furnish(record)
        for left in ("pids", "furnished"):
            (self.folder / left).unlink(missing_ok=True)
        with self.console.open("ab") as console:
            subprocess.run(
                [
                    *("setsid", "--fork", "unshare", "--mount", "--propagation", "slave"),
                    *("sh", str(_SCRIPTS / "supervise.sh"), str(self.folder), root, rootfs.MOUNT_OPTIONS),
                ],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd="/", check=True,
            )  # fmt: skip
        self._wait_until_furnished()

    def _wait_until_furnished(self) -> None:
        """Until init runs and has its disks. A machine whose init gives up at once is not waited for."""
        end, seen = time.monotonic() + _START_LIMIT, False
        while not (self.folder / "furnished").exists():
            seen = seen or (self.folder / "pids").exists()
            if time.monotonic() > end or (seen and not self.running()):
                self.power_cut()
                raise MachineFailed(f"machine {self.uuid} did not start; its console says: {self.console_end(1000)}")
            time.sleep(0.02)

    def _command(self, record: Record) -> list[str]:
        words = [
            *(
                "systemd-nspawn",
                "--quiet",
                f"--directory={self.folder / 'root'}",
                "--boot",
                "--register=no",
                "--keep-unit",
            ),
            *(f"--machine={self.name}", f"--hostname={record.hostname}", f"--uuid={self.uuid}"),
            f"--network-namespace-path=/run/netns/{self.cabling.namespace}",
            *("--capability=all", "--system-call-filter=@keyring bpf perf_event_open @privileged"),
            *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"),
            # A container has no DMI table; cloud-init looks at init's environment instead to learn that it is on
            # OpenStack.
            "--setenv=product_name=OpenStack Nova",
        ]
        if self._config_drive.exists():
            words.append(f"--bind={attach_loop(str(self._config_drive), read_only=True)}")
        return words + [f"--bind={device}" for device in _HOST_DEVICES if Path(device).exists()]

    def stop(self, grace: float = 0, ask_again: float = 10) -> None:
        """Stop the machine: at once, or after `grace` seconds in which it may shut itself down. One that did not
        understand (it may be starting) is asked again after `ask_again` seconds."""
        now = time.monotonic()
        end, ask = now + grace, now
        while now < end and self.running():
            if now >= ask:
                ask = end if self._press_power_button() else now + max(ask_again, 1)
            time.sleep(0.05)
            now = time.monotonic()
        self.power_cut()

    def _press_power_button(self) -> bool:
        """Ask the machine to shut down, as ACPI would: through logind, for whose inhibitors a kubelet asks. False if it
        did not answer. Never to be repeated after that: systemctl would take the second time for impatience."""
        init = self.init()
        if not init:
            return False
        try:
            run(*("nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p"), "systemctl", "poweroff", timeout=10)
        except CommandFailed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(init, _POWER_OFF)
            return False
        return True

    def power_cut(self) -> None:
        """Kill everything in it, as if its power were gone. Raises MachineFailed if something survives."""
        if not cgroups.kill(self.name):
            raise MachineFailed(f"machine {self.uuid}: processes left after SIGKILL: {cgroups.processes(self.name)}")

    def remove(self) -> None:
        """Stop it and remove all that is its own: network, disks' loop devices, cgroups, folder. Nothing happens if
        it is gone."""
        self.stop()
        self.cabling.unplug_all()
        for disk in self.disks.all():
            detach_loops(disk.file)
        if self._config_drive.exists():
            detach_loops(str(self._config_drive))
        self.forget_cgroups()
        with contextlib.suppress(OSError):  # systemd-nspawn's own, which it cannot remove when it is killed
            (_PROPAGATE / self.name).rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_cgroups(self) -> None:
        """Remove the cgroups of a stopped machine. The kernel may refuse for a moment after the last process."""
        end = time.monotonic() + 5
        while cgroups.remove(self.name) and time.monotonic() < end:
            time.sleep(0.05)

    # What it sees

    def attach(self, disk: Disk) -> None:
        """Add a disk; it appears at once in a machine that runs."""
        self.disks.put(disk)
        record = self.record
        if record and self.running():
            self._write_furnish(record)
            run("sh", str(_SCRIPTS / "furnish.sh"), str(self.folder))

    def detach(self, file: str) -> None:
        """Take the disk on `file` out and free its loop device."""
        disk, record, init = self.disks.take(file), self.record, self.init()
        if disk and init:
            try:
                run("nsenter", "-t", str(init), "-m", "-p", "--", "sh", "-e", stdin=hide_script(disk))
            except CommandFailed:
                if self.running():  # else it went off meanwhile, and its /dev with it
                    raise
        if disk and record:
            self._write_furnish(record)
        detach_loops(file)

    def _write_furnish(self, record: Record) -> None:
        meminfo = flavor_meminfo(Path("/proc/meminfo").read_text(), record.memory_mib)
        write_whole(self.folder / "furnish", meminfo_script(meminfo) + show_script(self.disks.all()))

    def console_end(self, size: int = 100_000) -> str:
        """The last `size` bytes of the console."""
        try:
            with self.console.open("rb") as handle:
                handle.seek(max(0, handle.seek(0, os.SEEK_END) - size))
                return handle.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


def machines(base: Path, switch: Switch, host: str | None = None) -> Iterator[Machine]:
    """The machines in `base`, those of one compute host if named."""
    for folder in sorted(base.iterdir()) if base.is_dir() else []:
        record = Record.load(folder) if folder.is_dir() else None
        if record and host in (None, record.host):
            yield Machine(base, record.uuid, switch)


def flavor_meminfo(host: str, memory_mib: int) -> str:
    """/proc/meminfo as a machine with `memory_mib` would show it. Static. Programs size themselves by it (kubelet its
    capacity, haproxy its cache), and the kernel shows every container the host's."""
    kib = memory_mib << 10
    told = {"MemTotal": kib, "MemFree": kib * 6 // 10, "MemAvailable": kib * 7 // 10, "Buffers": kib // 100,
            "Cached": kib // 10, "SwapTotal": 0, "SwapFree": 0}  # fmt: skip
    lines = []
    for line in host.splitlines():
        key = line.partition(":")[0]
        lines.append(f"{key + ':':<16}{told[key]:>8} kB" if key in told else line)
    return "\n".join(lines) + "\n"


def meminfo_script(meminfo: str) -> str:
    """Shell lines that give a machine its /proc/meminfo. May run again at any time."""
    return (
        f"cat > /run/meminfo <<'end of meminfo'\n{meminfo}end of meminfo\n"
        "grep -q ' /proc/meminfo ' /proc/self/mountinfo || mount --bind -o ro /run/meminfo /proc/meminfo\n"
    )
