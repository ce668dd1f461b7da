"""Limits of the one kernel that all machines share."""

from pathlib import Path

FLOORS = {
    # Counted per user, and every machine's root is the same user to the kernel: each systemd takes a handful, kubelet
    # and containerd more. The default of 128 ends at about ten machines, whose systemd then gives up when it starts.
    "fs/inotify/max_user_instances": 8192,
    "fs/inotify/max_user_watches": 1 << 20,
}


def raise_limits(tree: Path = Path("/proc/sys")) -> dict[str, int]:
    """Raise every limit that is below what a lab full of machines needs; never lower one. Return what was raised."""
    raised = {}
    for name, floor in FLOORS.items():
        file = tree / name
        if int(file.read_text()) < floor:
            file.write_text(str(floor))
            raised[name] = floor
    return raised
