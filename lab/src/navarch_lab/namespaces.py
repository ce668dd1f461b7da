"""Network namespaces: the lab's own, entered by this process so that all it starts lives there."""

import ctypes
import os
import subprocess
from pathlib import Path

from navarch_lab.progress import LabError

CLONE_NEWNET = 0x40000000
NETNS_FOLDER = Path("/run/netns")


def exists(name: str) -> bool:
    return (NETNS_FOLDER / name).exists()


def names() -> list[str]:
    """All named network namespaces of this machine."""
    return sorted(path.name for path in NETNS_FOLDER.iterdir()) if NETNS_FOLDER.is_dir() else []


def device_exists(name: str) -> bool:
    """Whether the caller's network namespace has this device. (/sys shows those of the namespace it was mounted in.)"""
    return bool(ip("link", "show", "dev", name, check=False))


def enter(name: str) -> None:
    """Move the calling thread, and every thread and process it starts from now on, into the namespace.

    Only the network namespace changes: mounts stay the host's, which the machines' image mounts rely on (`ip netns
    exec` would give each service a mount namespace of its own).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with open(NETNS_FOLDER / name, "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise LabError(f"cannot enter network namespace {name}: {os.strerror(ctypes.get_errno())}")


def ip(*words: str, netns: str | None = None, check: bool = True) -> str:
    """Run iproute2's `ip`; raises LabError with its words and output when it fails and `check` is set."""
    command = ["ip", *(("-n", netns) if netns else ()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
