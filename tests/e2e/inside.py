"""Processes of the lab's machines, seen from the host: who runs in which, and what they reach."""

import subprocess
from pathlib import Path
from typing import Any

CURL = ("curl", "-sk", "-m", "4", "-o", "/dev/null", "-w", "%{http_code}")


def code(url: str) -> str:
    """HTTP status from this machine; 000 where nobody answers within 4 seconds."""
    return subprocess.run([*CURL, url], capture_output=True, text=True, check=False).stdout


def processes(server: Any, name: str) -> list[int]:
    """PIDs of the programs of that name in a machine, its pods included."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"/nspawn/{server.id[:13]}" in (process / "cgroup").read_text()
            if ours and (process / "comm").read_text().strip() == name:
                found.append(int(process.name))
        except OSError:
            continue  # it has ended meanwhile
    return sorted(found)


def in_network_of(pid: int, *words: str) -> str:
    """What a command of this machine says in the network of such a process."""
    done = subprocess.run(["nsenter", "-t", str(pid), "-n", *words], capture_output=True, check=False)
    return done.stdout.decode(errors="replace")
