"""`make bench`: measure on this machine, write docs/benchmarks.md anew.

    python -m benchmarks [--rounds N] [--lab-from-empty]

Timings are taken in pairs in one run, Navarch and the expert in turn, so that drifting speed is no excuse.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from demo.stack import Stack, command, find_lab
from demo.steps import Teller
from demo.story import VERSION, kubectl_program

from benchmarks.expert import Expert, Outcome
from navarch.domain.offer import Release

FOLDER = Path(os.environ.get("NAVARCH_BENCH_STATE", "/var/lib/navarch-bench"))
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
CUSTOMER = "beta"
FLAVORS = ("m1.medium", "m1.small")
_WATERFALL = "## Where the time goes\n\nThe fastest creation above, as `navarch cluster timeline` draws it:"


@dataclass(frozen=True, slots=True)
class Creation:
    """One cluster of 1+2: seconds to Ready, seconds to be gone, PSS of its machines in MiB, its waterfall."""

    seconds: float
    deletion: float
    machines_mib: float
    waterfall: str


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of creations (default 3)")
    parser.add_argument("--lab-from-empty", action="store_true", help="also destroy the lab's state and time it anew")
    options = parser.parse_args()
    tell = Teller(FOLDER / "log")
    lines = [_lab(tell, from_empty=options.lab_from_empty)]
    lab = find_lab()
    tell.run(
        "the node image in Glance",
        [command("navarch-images"), "register", VERSION, "--cloud", "admin"],
        remedy="See the log.",
        env=lab.environment("admin"),
    )
    stack = Stack(FOLDER, lab)
    stack.prepare()
    stack.start()
    try:
        release = _release(stack)
        idle = _lab_memory()
        with tell.step("the node image on the hosts: one run that does not count"):
            Expert(lab.clouds_file, CUSTOMER, release, kubectl_program(), FLAVORS).run()
        pairs = []
        for number in range(1, options.rounds + 1):
            with tell.step(f"pair {number}: Navarch"):
                ours = _navarch(stack)
            with tell.step(f"pair {number}: expert"):
                theirs = Expert(lab.clouds_file, CUSTOMER, release, kubectl_program(), FLAVORS).run()
            tell.say(
                f"Navarch {ours.seconds:.1f} s, expert {theirs.seconds:.1f} s: {ours.seconds / theirs.seconds:.2f} x"
            )
            pairs.append((ours, theirs))
        lines.append(_creations(pairs))
        lines.append(_memory(idle, _stack_memory(stack), [ours.machines_mib for ours, _ in pairs]))
        lines.append(_start_up())
        best = min((ours for ours, _ in pairs), key=lambda c: c.seconds)
        lines.append(f"{_WATERFALL}\n\n```\n{best.waterfall}```\n")
    finally:
        stack.stop()
    PAGE.write_text(_head() + "\n".join(lines))
    tell.say(f"wrote {PAGE}")


def _navarch(stack: Stack) -> Creation:
    environment = {**os.environ, **stack.environment(CUSTOMER), "COLUMNS": "110", "NO_COLOR": "1"}

    def navarch(*words: str) -> str:
        done = subprocess.run(
            [command("navarch"), *words], capture_output=True, text=True, check=False, env=environment, timeout=900
        )
        if done.returncode:
            sys.exit(f"navarch {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    navarch(
        "cluster", "create", "bench", "--control-plane-flavor", FLAVORS[0], "--flavor", FLAVORS[1], "--workers", "2",
        "--wait",
    )  # fmt: skip
    cluster = json.loads(navarch("cluster", "show", "bench", "-o", "json"))
    seconds = _seconds(cluster["created_at"], cluster["status"]["ready_at"])
    waterfall = navarch("cluster", "timeline", "bench")
    machines = [machine for host in _lab_status()["hosts"] for machine in host["machines"]]
    memory = sum(m["memory_kib"] or 0 for m in machines if m["name"].startswith("bench-")) / 1024
    began = monotonic()
    navarch("cluster", "delete", "bench", "--yes", "--wait")
    return Creation(seconds, monotonic() - began, memory, waterfall)


def _release(stack: Stack) -> Release:
    from demo.steps import until

    from navarch.operate.database import open_store
    from navarch.settings import read_settings

    store = open_store(read_settings(stack.settings), name="bench")
    offer = until("the cloud's offer is read", store.offer, seconds=60)
    store.close()
    release = offer.release(VERSION)
    if release is None:
        sys.exit(f"no node image of {VERSION} in Glance")
    return release


def _lab(tell: Teller, *, from_empty: bool) -> str:
    """Time the lab, and leave it up."""
    rows = []
    if from_empty:
        subprocess.run([command("navarch-lab"), "destroy"], check=True, capture_output=True)
        with tell.step("the lab from empty"):
            rows.append(("lab from empty (installed)", _timed([command("navarch-lab"), "up"]), "≤ 150 s"))
    else:
        subprocess.run([command("navarch-lab"), "up"], check=True, capture_output=True)
    subprocess.run([command("navarch-lab"), "down"], check=True, capture_output=True)
    with tell.step("the lab restarted"):
        rows.append(("lab restarted", _timed([command("navarch-lab"), "up"]), "≤ 60 s"))
    body = "\n".join(f"| {what} | {seconds:.0f} s | {goal} |" for what, seconds, goal in rows)
    return f"## The lab\n\n| figure | measured | goal |\n| --- | --- | --- |\n{body}\n"


def _creations(pairs: list[tuple[Creation, Outcome]]) -> str:
    rows, ratios = [], []
    for number, (ours, theirs) in enumerate(pairs, 1):
        ratios.append(ours.seconds / theirs.seconds)
        cells = (f"{ours.seconds:.1f} s", f"{theirs.seconds:.1f} s", f"{ratios[-1]:.2f}", f"{ours.deletion:.1f} s")
        rows.append(f"| {number} | {' | '.join(cells)} |")
    deletion = statistics.median(ours.deletion for ours, _ in pairs)
    return (
        "## A cluster of 1 + 2\n\n"
        "From the create request until all machines are Ready nodes and all system pods are available, against an "
        "expert's script (`benchmarks/expert.py`): the same machines made in parallel, kubeadm, Calico and the cloud "
        "controller, with everything known beforehand and no balancer, no etcd disk, no CSI, no metrics-server. The "
        "hosts have the node image already.\n\n"
        "| pair | Navarch | expert | ratio | delete request until nothing is left |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + f"\n\nMedian ratio **{statistics.median(ratios):.2f}** (goal ≤ 1.0); "
        + f"median deletion **{deletion:.0f} s** (goal ≤ 60 s).\n"
    )


def _memory(lab: float, stack: float, machines: list[float]) -> str:
    return (
        "## Memory\n\nProportional set size (PSS), which counts shared pages once.\n\n"
        "| what | measured | goal |\n| --- | --- | --- |\n"
        f"| lab, idle | {lab / 1024:.2f} GiB | ≤ 4 GiB |\n"
        f"| Navarch (API, worker) with its PostgreSQL | {stack:.0f} MiB | ≤ 300 MiB |\n"
        f"| the machines of a 1 + 2 cluster | {statistics.median(machines) / 1024:.2f} GiB | ≤ 3.5 GiB |\n"
    )


def _start_up() -> str:
    rows = []
    for words in (["--help"], ["versions", "--help"]):
        times = [_timed([command("navarch"), *words]) for _ in range(7)]
        rows.append(f"| `navarch {' '.join(words)}` | {statistics.median(times):.2f} s | < 0.3 s |")
    return "## The command's start\n\n| command | median of 7 | goal |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def _lab_status() -> dict[str, Any]:
    done = subprocess.run([command("navarch-lab"), "status", "--json"], capture_output=True, text=True, check=False)
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def _lab_memory() -> float:
    """MiB of the lab's services."""
    return sum(float(s["memory_kib"] or 0) for s in _lab_status()["services"]) / 1024


def _stack_memory(stack: Stack) -> float:
    """MiB of Navarch's processes and PostgreSQL's."""
    pids = [pid for name in ("api", "worker") if (pid := stack.pid(name)) is not None]
    postmaster = int((stack.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return sum(_pss(pid) for pid in [*pids, postmaster, *map(int, children)]) / 1024


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _timed(words: list[str]) -> float:
    began = monotonic()
    subprocess.run(words, check=True, capture_output=True)
    return monotonic() - began


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _head() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        "# Benchmarks\n\n"
        f"Written by `make bench` on {datetime.now().astimezone():%Y-%m-%d}: {os.cpu_count()} cores ({model}), "
        f"{memory:.0f} GiB, Linux {platform.release()}. The machine is shared, so absolute seconds vary by half; "
        "compare the ratios. Everything runs on it: OpenStack, Navarch, and the clusters' machines.\n\n"
    )


if __name__ == "__main__":
    main()
