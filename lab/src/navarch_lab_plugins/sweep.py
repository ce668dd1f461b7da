"""Removing whatever is left of machines when the services that knew them are gone."""

import contextlib
import shutil
from pathlib import Path

from navarch_lab_plugins.cgroups import PARENT, hierarchies
from navarch_lab_plugins.commands import run
from navarch_lab_plugins.disks import detach_loops
from navarch_lab_plugins.machine import machines
from navarch_lab_plugins.network import Switch
from navarch_lab_plugins.pool import close_pool


def halt_machines(base: Path) -> int:
    """Stop every machine at once and free its disks; its folder stays, so nova can start it again. Returns how many
    ran."""
    count = 0
    for machine in machines(base, Switch("false", "")):
        count += machine.running()
        machine.stop()
        if machine.record:
            detach_loops(machine.record.root)
        for disk in machine.disks.all():
            detach_loops(disk.file)
        detach_loops(str(machine.folder / "config.ext4"))
        run("ip", "netns", "del", machine.cabling.namespace, check=False)
    return count


def remove_machines(base: Path, images: Path) -> int:
    """Stop and remove every machine, its cgroups, and the pool of images and root disks. The host ends of cables go
    with the machines' namespaces; Open vSwitch is not told. Returns how many machines there were."""
    found = list(machines(base, Switch("false", "")))
    halt_machines(base)
    for machine in found:
        machine.forget_cgroups()
    for root in hierarchies():
        with contextlib.suppress(OSError):  # absent, or another lab's machines are in it
            (root / PARENT).rmdir()
    close_pool(images, remove=True)
    shutil.rmtree(base, ignore_errors=True)
    shutil.rmtree(images, ignore_errors=True)
    return len(found)
