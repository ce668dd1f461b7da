"""`make bench-autoscaling`: what autoscaling takes, in docs/benchmarks-autoscaling.md.

The decision alone, a life in virtual time, and clusters to which nothing happens, in virtual time and in real time.
"""

import argparse
import gc
import logging
import os
import statistics
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import process_time

from tests.unit.domain.clusters import NOW, OFFER, cluster

from benchmarks.autoscaling_glance import glance
from benchmarks.autoscaling_life import (
    BOOT_SECONDS,
    CHANGE_SECONDS,
    FEW,
    MANY,
    READ_SECONDS,
    rest,
    there_and_back,
    waits,
)
from benchmarks.autoscaling_rest import CLUSTERS, page_of
from benchmarks.tables import goal, table
from navarch.domain.autoscaling import Memory, decide
from navarch.domain.cloud import CloudState
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, MachineView
from navarch.domain.kube import KubeState, Node
from navarch.domain.machines import Machine, template_of
from navarch.domain.names import owner, worker_machine
from navarch.domain.observed import Observed, Record
from navarch.domain.pods import NodeTerm, Place, Pod, PodSelector, PodShape, PodsSeen, PodTerm, Requirement, Spread
from navarch.domain.spec import Autoscaling, Cluster, NodeGroup, NodeGroupSpec, Role
from navarch.reconcile.waiting_pods import ASKED_EVERY, COUNTED_EVERY

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-autoscaling.md"
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
GROUPS, MACHINES, PODS, KINDS = 11, 91, 5000, 50
UNNEEDED = Autoscaling(0, 1).unneeded_seconds
_PODS_ONE_BY_ONE, _AT_REST = 20, 4
_OF_A_LOOK = 13  # requests, with all pods
_HEAD = ("figure", "measured", "goal", "")
Row = tuple[object, ...]
_HAS = (("cpu", 1900), ("ephemeral-storage", 15 << 30), ("memory", 3500 << 20), ("pods", 110))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoscaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="decisions with pods that wait (default 20)")
    parser.add_argument("--page", type=Path, default=PAGE, help="where it is written (default %(default)s)")
    options = parser.parse_args()
    logging.getLogger("keystoneauth").setLevel(logging.ERROR)  # it warns where a service does not tell its versions
    decisions, machines = _of_decisions(options.rounds)
    options.page.write_text(
        f"""# Benchmarks of autoscaling

Written by `make bench-autoscaling` on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared with others (load
{os.getloadavg()[0]:.0f}). CPU seconds and virtual time: what else the machine does has no part in them; of the last
section, in real time, its own date and load are said.

## Decisions

Of {GROUPS} groups each has {MACHINES} machines that are nearly full, and may have nine more; half of the kinds of pods
have affinity, spread or a zone. A decision asks for {machines:.0f} machines.

{table(_HEAD, decisions)}
## From a pod to a machine, and back

The real worker, its store and the decision, in virtual time, before a simulated cloud in which a request that reads
takes {READ_SECONDS} s and one that changes something {CHANGE_SECONDS:g} s; a look makes its requests one after the
other here, side by side in production. Each pod fills a machine. Machines boot in
{BOOT_SECONDS:.0f} s, and may go once they were not needed for {UNNEEDED} s.

{table(_HEAD, _of_lives())}
## At rest

A cluster of 1+2 to which nothing happens. The worker's part is measured in virtual time with the simulation around it,
which is more than the worker alone. What it lacks, requests over TLS in the place of calls, is measured by itself: a
look at a cluster is {_OF_A_LOOK} of them. Whether pods wait is asked every {ASKED_EVERY:g} s,
how many there are every {COUNTED_EVERY:g} s.

{table(_HEAD, _of_rest())}
{page_of(CLUSTERS)}"""
    )
    print(options.page.read_text())


def _of_decisions(rounds: int) -> tuple[list[Row], float]:
    """Rows of the table, and how many machines a decision asks for."""
    waiting = [_decided(seed, PODS) for seed in range(rounds)]
    slowest = _p99([seconds for seconds, _, _ in waiting])
    mib = _memory()
    idle = [_decided(seed, 0)[0] for seed in range(5)]
    small = statistics.median(_small() for _ in range(5))
    rows: list[Row] = [
        (
            f"decision, {GROUPS * MACHINES} nodes, {PODS} pods of {KINDS} kinds that wait, p99 of {rounds}",
            f"{slowest:.2f} s of CPU",
            "< 5 s (aim 1 s)",
            goal(slowest < 5),
        ),
        ("its memory at most", f"{mib:.0f} MiB", "< 300 MiB", goal(mib < 300)),
        (f"decision, {GROUPS * MACHINES} nodes, none waits", f"{max(idle):.2f} s of CPU", "", ""),
        ("decision, 3 nodes, none waits", f"{1000 * small:.2f} ms of CPU", "", ""),
    ]
    return rows, statistics.median(count for _, count, _ in waiting)


def _of_lives() -> list[Row]:
    waited = waits(_PODS_ONE_BY_ONE)
    up, down = there_and_back()
    late, most = _p99(waited), UNNEEDED + 180
    asked = f"{late:.1f} s (p50 {statistics.median(waited):.1f} s)"
    return [
        (f"pod without a place → Nova asked for a machine, p99 of {len(waited)}", asked, "≤ 10 s", goal(late <= 10)),
        (f"{FEW} → {MANY} machines, until the last pod runs", f"{up:.0f} s", "≤ 180 s", goal(up <= 180)),
        (f"{MANY} → {FEW} machines, until the last is gone", f"{down:.0f} s", f"≤ {most} s", goal(down <= most)),
    ]


def _of_rest() -> list[Row]:
    scaled, plain = rest(_AT_REST, 1800.0)
    one = glance()
    wire = one.kept * (scaled.glances + _OF_A_LOOK * scaled.looks) / 3600  # milliseconds a second
    total = scaled.worker + scaled.postgres + wire
    parts = f"worker {scaled.worker:.2f}, PostgreSQL {scaled.postgres:.2f}, TLS {wire:.2f}"
    before = f"{plain.worker + plain.postgres:.2f} mCPU (worker {plain.worker:.2f}, PostgreSQL {plain.postgres:.2f})"
    return [
        ("CPU of a cluster with autoscaling", f"{total:.2f} mCPU ({parts})", "≤ 1 mCPU", goal(total <= 1)),
        ("of one without, measured alike", before, "", ""),
        ("an hour: looks at its Kubernetes", f"{scaled.looks:.0f} (without {plain.looks:.0f})", "", ""),
        ("an hour: questions whether pods wait, and how many there are", f"{scaled.glances:.0f}", "", ""),
        ("an hour: requests to the cloud", f"{scaled.cloud:.0f} (without {plain.cloud:.0f})", "", ""),
        ("memory of a kept connection", f"{one.mib:.2f} MiB", "≤ 0.5 MiB", goal(one.mib <= 0.5)),
        ("asking whether pods wait", f"{one.kept:.2f} ms of CPU, on a new connection {one.new:.1f} ms", "", ""),
    ]


def _p99(values: list[float]) -> float:
    return sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]


def _decided(seed: int, pods: int) -> tuple[float, int, int]:
    """CPU seconds, machines asked for, and kinds of pods that nobody helps."""
    of, observed, checkups = _scene(Random(seed), GROUPS, MACHINES, pods)
    gc.collect()
    began = process_time()
    decision = decide(of, observed, Memory(), checkups, OFFER, NOW)
    seconds = process_time() - began
    return seconds, sum(len(change.zones) for change in decision.changes), len(decision.memory.helpless)


def _small() -> float:
    of, observed, checkups = _scene(Random(1), 1, 3, 0)
    began = process_time()
    for _ in range(100):
        decide(of, observed, Memory(), checkups, OFFER, NOW)
    return (process_time() - began) / 100


def _memory() -> float:
    """MiB at the peak of a decision, with the look that it is about."""
    tracemalloc.start()
    try:
        of, observed, checkups = _scene(Random(0), GROUPS, MACHINES, PODS)
        decide(of, observed, Memory(), checkups, OFFER, NOW)
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def _scene(random: Random, groups: int, machines: int, pods: int) -> tuple[Cluster, Observed, tuple[Checkup, ...]]:
    """A cluster at a look: its machines hold a pod each that leaves little room."""
    made = cluster(workers=0)
    spec = NodeGroupSpec("m1.medium", machines, ("z1", "z2", "z3"), autoscaling=Autoscaling(0, 100))
    made = replace(
        made, node_groups=tuple(NodeGroup(f"g{n}", replace(spec, labels=(("group", f"g{n}"),))) for n in range(groups))
    )
    checkups = tuple(_checkup(made, f"g{g}", n) for g in range(groups) for n in range(1, machines + 1))
    nodes = tuple(c.node for c in checkups if c.node is not None)
    filler = PodShape("system", requests=(("cpu", 1700), ("memory", 3000 << 20)))
    placed = tuple(Pod(f"system/f{n}", filler, node.name) for n, node in enumerate(nodes))
    shapes = [_shape(random, n) for n in range(KINDS)]
    waiting = tuple(Pod(f"default/p{n}", shapes[n % KINDS]) for n in range(pods))
    kube = KubeState("1.37.2", nodes, pods=PodsSeen(waiting, all=True, placed=placed))
    return made, Observed(CloudState(), Record(tuple(c.machine for c in checkups)), kube), checkups


def _checkup(of: Cluster, group: str, serial: int) -> Checkup:
    name, zone = worker_machine(owner(of), group, serial), f"z{serial % 3 + 1}"
    machine = Machine(name, Role.WORKER, group, serial, zone, NOW, template_of(of, group), joined=True)
    labels = ((HOST, name), (ZONE, zone), ("group", group))
    node = Node(name, ready=True, labels=labels, allocatable=_HAS)
    return Checkup(machine, MachineView(Existence.RUNNING), node, State.READY)


def _shape(random: Random, number: int) -> PodShape:
    app = f"a{number}"
    selector = PodSelector((Requirement("app", "In", (app,)),))
    requests = (("cpu", random.choice((100, 250, 500))), ("memory", random.choice((128, 256, 512)) << 20))
    shape = PodShape("default", (("app", app),), requests)
    match number % 8:
        case 0:
            return replace(shape, apart=(PodTerm(HOST, selector, ("default",)),))
        case 1:
            return replace(shape, spreads=(Spread(ZONE, 1, selector),))
        case 2:
            return replace(shape, places=(Place((NodeTerm((Requirement(ZONE, "In", ("z2",)),)),), "zone"),))
        case 3:
            return replace(shape, near=(PodTerm(ZONE, selector, ("default",)),))
    return shape


if __name__ == "__main__":
    main()
