"""Many clusters to which nothing happens, with autoscaling and without: the real processes, in real time.

    python -m benchmarks.autoscaling_rest [CLUSTERS]

API over HTTPS, a worker and PostgreSQL, each a process, before the simulated cloud. What these cost is in
`autoscaling_life.rest` for a worker alone, in virtual time; here what sixty share is shared, and memory is real.
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.scale import PROJECTS, Figures, Scene, idle, scene
from benchmarks.tables import goal, parts, table
from navarch.playground.folder import default_folder
from navarch.simulator.pods import Workload

CLUSTERS = 60
SECONDS = 300.0  # two looks at a Ready cluster without autoscaling, five at one with it
_MCPU, _MIB = 1.0, 0.5
_HEAD = ("of one cluster", "with autoscaling", "without", "it adds", "goal", "")
_HALF = Workload("web", 2, requests=(("cpu", 600),))  # a pod on each of two machines, which holds it
Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """What one of them costs, by process: thousandths of a CPU, MiB. `load`: the machine's, at the end."""

    mcpu: dict[str, float]
    mib: dict[str, float]
    looks: float
    load: float


def resting(clusters: int) -> tuple[str, list[Row]]:
    """A sentence on when it was measured, and the rows of a table."""
    scaled, plain = (_rest(clusters, scaled=so) for so in (True, False))
    when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared with others (load {plain.load:.0f})"
    asked = ("calls to its Kubernetes an hour", f"{scaled.looks:.0f}", f"{plain.looks:.0f}", "", "", "")
    return when, [_cpu(scaled, plain), _memory(scaled, plain), asked]


def page_of(clusters: int) -> str:
    """The section of the page."""
    when, rows = resting(clusters)
    return f"""## {clusters} clusters at rest

{clusters} clusters of 1+2, first with a node group of `1-6` and a pod on each of its machines, then without limits,
each time in a world of its own: two API processes, a worker and PostgreSQL, in real time before the simulated cloud,
for {SECONDS:.0f} s. Memory is what a cluster adds to the processes (PSS); its Kubernetes is asked without TLS here,
which is measured above. Of {when}.

{table(_HEAD, rows)}"""


def _rest(clusters: int, *, scaled: bool) -> Rest:
    with scene(1, faults=0.0, folder=default_folder().with_name("navarch-rest")) as stage:
        empty = stage.read()
        group = {"name": "default", "replicas": 2}
        limits = {"autoscaling": {"min": 1, "max": 6}} if scaled else {}
        failures = stage.create(clusters, spec={"node_groups": [group | limits]}).failures
        assert not failures, failures[:3]
        stage.ready()
        _deploy(stage)
        stage.settled()
        figures: Figures = idle(stage, clusters, empty, SECONDS)
        return Rest(figures["mcpu"], figures["mib"], figures["kube_calls_an_hour"], figures["load"])


def _deploy(stage: Scene) -> None:
    for (cluster,) in stage.database.execute("SELECT id FROM clusters").fetchall():
        stage.simulator.deploy(cluster, _HALF)


def _cpu(scaled: Rest, plain: Rest) -> Row:
    """The goal is of all that such a cluster costs."""
    total, before = sum(scaled.mcpu.values()), sum(plain.mcpu.values())
    shown = f"{total:.2f} mCPU ({parts(scaled.mcpu)})", f"{before:.2f} ({parts(plain.mcpu)})"
    return ("CPU", *shown, f"{total - before:+.2f}", f"≤ {_MCPU:g} mCPU in all", goal(total <= _MCPU))


def _memory(scaled: Rest, plain: Rest) -> Row:
    """The goal is of what autoscaling adds."""
    total, before = sum(scaled.mib.values()), sum(plain.mib.values())
    shown = f"{total:.2f} MiB ({parts(scaled.mib)})", f"{before:.2f} ({parts(plain.mib)})"
    return ("memory", *shown, f"{total - before:+.2f}", f"≤ {_MIB:g} MiB more", goal(total - before <= _MIB))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoscaling_rest", description=__doc__)
    parser.add_argument("clusters", type=int, nargs="?", default=CLUSTERS, help=f"default {CLUSTERS}")
    options = parser.parse_args()
    print(page_of(min(options.clusters, len(PROJECTS))))


if __name__ == "__main__":
    main()
