"""Limits of the one kernel that all machines share.

Every kubelet, containerd, kube-proxy and systemd holds inotify instances, and root's are counted over all machines:
with Debian's 128 the second cluster's kube-proxies end with "too many open files".
"""

from pathlib import Path

_AT_LEAST = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}


def raise_limits(root: Path = Path("/proc/sys")) -> None:
    """Raise what is too low for some dozen machines; nothing is ever lowered."""
    for name, least in _AT_LEAST.items():
        path = root / name
        if int(path.read_text()) < least:
            path.write_text(f"{least}\n")
