"""What a playground costs: CPU and memory of its processes, from /proc; rows, from PostgreSQL."""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

from navarch.playground.region import Playground

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds and MiB of PSS by part (`api`, `worker`, `postgres`, `simulator`), rows written so far."""

    cpu: dict[str, float]
    mib: dict[str, float]
    rows: int


def read(playground: Playground, database: psycopg.Connection) -> Reading:
    """A reading of all its processes as they are now."""
    pids: dict[str, list[int]] = {"postgres": _family(playground.postgres.pid)}
    for name in playground.names:
        pid = playground.pid(name)
        pids.setdefault(name.split("-")[0], []).extend([pid] if pid is not None else [])
    written = database.execute(
        "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    return Reading(
        {part: sum(_cpu(pid, with_children=part == "postgres") for pid in found) for part, found in pids.items()},
        {part: sum(_pss(pid) for pid in found) for part, found in pids.items()},
        int(written[0]) if written else 0,
    )


def _family(pid: int | None) -> list[int]:
    """A process and its children. Those that ended are in its own account."""
    if pid is None:
        return []
    children = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _stat(int(p.name))[1:2] == [str(pid)]]
    return [pid, *children]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _cpu(pid: int, *, with_children: bool) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11 : 15 if with_children else 13])) / _TICKS if fields else 0.0


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
