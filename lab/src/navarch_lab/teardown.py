"""Stopping everything the lab started, by its own records, and proving that nothing is left."""

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from navarch_lab import cgroups, namespaces, network, processes
from navarch_lab.lab import exclusively
from navarch_lab.layout import Layout
from navarch_lab.namespaces import ip
from navarch_lab.progress import LabError, Progress
from navarch_lab.services import OCTAVIA_SOCKETS
from navarch_lab.topology import HOST_VETH, NETNS
from navarch_lab_plugins import cgroups as machine_cgroups
from navarch_lab_plugins import machine, pool, sweep
from navarch_lab_plugins.network import Switch

LAST = ("mariadb", "rabbitmq", "memcached", "ovsdb-local", "ovsdb-nb", "ovsdb-sb", "ovs-vswitchd", "ovn-northd")
"""Stopped after all others, which speak to them until their end."""
_GRACE = {"mariadb": 20.0, "rabbitmq": 20.0}
"""Seconds to end by themselves, for those with data of their own. The others keep nothing in memory, and two dozen
Python interpreters that clean up before they exit would take longer than starting them."""

_KERNEL_LETS_GO = 5.0  # seconds: a loop device goes a moment after its last mount


def down(layout: Layout, progress: Progress) -> None:
    """Stop all services and machines; state stays."""
    with exclusively(layout, progress):
        _down(layout, progress)


def destroy(layout: Layout, progress: Progress) -> None:
    """Stop everything and remove the lab's state. Caches stay."""
    with exclusively(layout, progress):
        _down(layout, progress)
        with progress.step("machines removed"):
            sweep.remove_machines(layout.machines, layout.root_disks)
        with progress.step("state removed"):
            shutil.rmtree(layout.state)


def _down(layout: Layout, progress: Progress) -> None:
    names = sorted(path.stem for path in layout.run.glob("*.json"))
    # Services before machines: a nova that saw its machines die would note them as stopped, and not start them again.
    with progress.step("services stopped"):
        _stop([name for name in names if name not in LAST], layout, progress)
    with progress.step("machines stopped"):
        stopped = sweep.halt_machines(layout.machines) if layout.machines.is_dir() else 0
        if layout.root_disks.is_dir():
            pool.close_pool(layout.root_disks)
        _forget_machine_cgroups(layout)
    if stopped:
        progress.say(f"machines stopped: {stopped}; `navarch-lab up` starts them again")
    with progress.step("databases and switch stopped"):
        _stop([name for name in names if name in LAST], layout, progress)
    for name in _metadata_namespaces():
        ip("netns", "del", name)
    network.remove_namespace()
    # The switch's own database names devices that are gone; it is made anew, unlike OVN's two.
    (layout.data / "ovn" / "conf.db").unlink(missing_ok=True)
    shutil.rmtree(OCTAVIA_SOCKETS, ignore_errors=True)
    cgroups.remove_all()
    left, end = leftovers(layout), time.monotonic() + _KERNEL_LETS_GO
    while left and time.monotonic() < end:
        time.sleep(0.1)
        left = leftovers(layout)
    if left:
        raise LabError(f"still there: {'; '.join(left)}", remedy="navarch-lab down again; then report this")


def _stop(names: list[str], layout: Layout, progress: Progress) -> None:
    def stop(name: str) -> None:
        path = layout.run / f"{name}.json"
        if not processes.stop(name, processes.read(path), grace=_GRACE.get(name, 1.5)) and name in _GRACE:
            progress.say(f"{name}: killed, it did not end in time")
        path.unlink(missing_ok=True)

    with ThreadPoolExecutor(max(1, len(names))) as workers:
        list(workers.map(stop, names))


def _forget_machine_cgroups(layout: Layout) -> None:
    """Machines' cgroups are made anew when they start."""
    for found in machine.machines(layout.machines, Switch("false", "")):
        found.forget_cgroups()
    for root in machine_cgroups.hierarchies():
        parent = root / machine_cgroups.PARENT
        if parent.is_dir() and not any(path.is_dir() for path in parent.iterdir()):
            parent.rmdir()


def _metadata_namespaces() -> list[str]:
    """Namespaces of neutron's metadata agent that have an end of theirs in the lab: not those of another OpenStack."""
    if not namespaces.exists(NETNS):
        return []
    found = []
    for name in namespaces.names():
        if name.startswith("ovnmeta-") and f"link-netns {NETNS}" in ip("-d", "link", netns=name, check=False):
            found.append(name)
    return found


def leftovers(layout: Layout) -> list[str]:
    """Whatever of the lab is still on the machine; empty after a good `down`."""
    found: list[str] = []
    if namespaces.exists(NETNS):
        found.append(f"network namespace {NETNS}")
    if namespaces.device_exists(HOST_VETH):
        found.append(f"device {HOST_VETH}")
    found += [f"mount {line.split()[1]}" for line in _mounts() if line.split()[1].startswith(f"{layout.state}/")]
    loops = subprocess.run(["losetup", "-n", "-l", "-O", "NAME,BACK-FILE"], capture_output=True, text=True, check=False)
    found += [f"loop device {line}" for line in loops.stdout.splitlines() if f"{layout.state}/" in line]
    root = cgroups.tree()
    if root is not None and root.exists():
        found.append(f"cgroup {root} with {len(cgroups.members('.'))} processes")
    return found


def _mounts() -> list[str]:
    return Path("/proc/mounts").read_text().splitlines()
