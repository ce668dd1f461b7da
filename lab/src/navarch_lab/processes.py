"""Processes known by PID and start time: a PID alone may by now be somebody else's."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from navarch_lab import cgroups
from navarch_lab.credentials import write_private


@dataclass(frozen=True, slots=True)
class Record:
    """A process that was started. `start_time` is field 22 of /proc/PID/stat, in clock ticks since boot."""

    pid: int
    start_time: int
    log: str


def start_time(pid: int) -> int | None:
    """Start time of a living process, None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(record: Record | None) -> bool:
    return record is not None and start_time(record.pid) == record.start_time


def read(path: Path) -> Record | None:
    """The record kept in a file; None when there is none or it cannot be understood."""
    try:
        return Record(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


# Joins its cgroup before it becomes the program, so that no child can be missed. Where the kernel groups sessions, only
# the group's nice value counts between them; elsewhere the process's own does.
_LAUNCH = """
for c in $LAB_CGROUP; do echo 0 > "$c/cgroup.procs"; done
[ "$LAB_NICE" = 0 ] || { renice -n "$LAB_NICE" -p $$; echo "$LAB_NICE" > /proc/self/autogroup; } > /dev/null 2>&1
unset LAB_CGROUP LAB_NICE
exec "$@"
"""


def start(
    name: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    records: Path,
    nice: int = 0,
) -> Record:
    """Start a process in a session and cgroup of its own and record it as `records`/NAME.json.

    `nice` below 0 lets it go first until `settle` is called; without the right to that, it has no effect.
    """
    cgroup = cgroups.make(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**environment, "LAB_CGROUP": str(cgroup or ""), "LAB_NICE": str(nice)},
            start_new_session=True,
        )
    began = start_time(process.pid)
    record = Record(process.pid, began if began is not None else 0, str(log))
    write_private(records / f"{name}.json", json.dumps(asdict(record)) + "\n")
    return record


def run_first(argv: Sequence[str], environment: Mapping[str, str], nice: int) -> subprocess.CompletedProcess[str]:
    """Run a command to its end ahead of others; its output and errors together."""
    return subprocess.run(
        ["/bin/sh", "-c", _LAUNCH, "sh", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**environment, "LAB_CGROUP": "", "LAB_NICE": str(nice)},
        start_new_session=True,
    )


def family(pids: Iterable[int]) -> set[int]:
    """The processes and all their living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    todo = list(pids)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo.extend(children.get(pid, []))
    return found


def everything_of(name: str, record: Record | None) -> set[int]:
    """All living processes of a service: its cgroup's members, and its recorded process with descendants."""
    found = set(cgroups.members(name))
    if record is not None and alive(record):
        found |= family([record.pid])
    return {pid for pid in found if start_time(pid) is not None}


def stop(name: str, record: Record | None, *, grace: float) -> bool:
    """Ask with SIGTERM, wait up to `grace` seconds, then SIGKILL all that is left of the service.

    True when the main process went by itself. What it leaves behind (epmd after RabbitMQ, the metadata agent's proxies)
    never goes by itself and is no sign of trouble.
    """
    if record is not None and alive(record):
        _send(record.pid, signal.SIGTERM)
        _until(lambda: not alive(record), grace)
    in_time = record is None or not alive(record)
    for pid in everything_of(name, record):
        _send(pid, signal.SIGKILL)
    cgroups.kill(name)
    _until(lambda: not everything_of(name, record), 10)
    return in_time


def settle(pids: Iterable[int]) -> None:
    """Give processes and all their threads the usual priority again."""
    for pid in pids:
        try:
            # Where the kernel groups sessions, only the group's own nice value counts between services.
            autogroup = Path(f"/proc/{pid}/autogroup")
            if autogroup.exists():
                autogroup.write_text("0")
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(task.name), 0)
        except OSError:
            continue  # it has gone, or may not be changed: nothing depends on it


def kill(pid: int) -> None:
    """SIGKILL one process; none of it there is no error."""
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def memory_pss(pids: Iterable[int]) -> int:
    """Proportional set size of the processes in KiB (shared pages are divided among those that share them)."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total
