"""What goes on inside a simulated cluster, as its add-on that measures and its API would tell it.

Nothing is measured: every figure is made of the nodes and pods that there are, as if they had been there for ever, and
of waves that a name and a moment decide. So two looks agree about the same moment, and a week can be seen of a cluster
that is a minute old. Half an hour of each six is missing, for gaps to be seen, too.
"""

import math
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from navarch.domain.errors import Temporary
from navarch.domain.insight import (
    POINTS,
    Alert,
    Chart,
    Figures,
    Greedy,
    Line,
    ServiceSeen,
    Source,
    Span,
    Top,
    Unit,
    Workload,
    Workloads,
)
from navarch.domain.kube import RESERVED_CPU_MILLIS, RESERVED_MEMORY_MIB
from navarch.simulator.nodes import NodeState

if TYPE_CHECKING:
    from navarch.simulator.kubernetes import Kubernetes

_DAY, _HOUR = 86400.0, 3600.0
_ON_EVERY_NODE = frozenset({"calico", "kube-proxy", "cinder-csi", "cloud-controller"})
_SYSTEM_PODS = 6  # on each node
_DISK = 0.31  # of a root volume: the node image
_GAP_EVERY, _GAP = 6 * _HOUR, 1800.0  # seconds
Curve = Callable[[datetime], float]


def figures(cluster: "Kubernetes", source: Source, span: Span, until: datetime) -> Figures:
    """Of all nodes that there are. Raises Temporary where the add-on is not."""
    if source.service not in cluster.chosen:
        raise Temporary(f'no endpoints available for service "{source.service}"', reason="KubernetesNotAnswering")
    start = until - timedelta(seconds=(POINTS - 1) * span.step)
    moments = [start + timedelta(seconds=place * span.step) for place in range(POINTS)]
    there = [_Measured(cluster, node) for node in sorted(cluster.nodes.values(), key=lambda n: n.name)]
    shown = there[:20]

    def line(name: str, curve: Curve) -> Line:
        return Line(name, tuple(None if _missing(at) else float(f"{curve(at):.6g}") for at in moments))

    def of_all(part: Callable[[_Measured, datetime], float]) -> Curve:
        return lambda at: sum(part(its, at) for its in there)

    def of(its: _Measured, part: Callable[[_Measured, datetime], float]) -> Curve:
        return lambda at: part(its, at)

    def by_node(name: str, unit: Unit, part: Callable[[_Measured, datetime], float]) -> Chart:
        lines = tuple(line(its.name, of(its, part)) for its in shown)
        return Chart(name, unit, lines, len(there) - len(shown))

    def asked(at: datetime) -> float:
        return 40 + 14 * len(there) + 25 * _wave("requests", at, _HOUR / 3)

    return Figures(
        source.entry,
        start,
        span.step,
        (
            Chart("cpu", Unit.CORES, (
                line("used", of_all(lambda its, at: its.cpu(at) * its.cores)),
                line("requested", of_all(lambda its, at: its.requested[0])),
                line("allocatable", of_all(lambda its, at: its.allocatable[0])),
            )),
            Chart("memory", Unit.BYTES, (
                line("used", of_all(lambda its, at: its.memory(at) * its.bytes)),
                line("requested", of_all(lambda its, at: its.requested[1])),
                line("allocatable", of_all(lambda its, at: its.allocatable[1])),
            )),
            by_node("node-cpu", Unit.SHARE, lambda its, at: its.cpu(at)),
            by_node("node-memory", Unit.SHARE, lambda its, at: its.memory(at)),
            by_node("node-disk", Unit.SHARE, lambda its, at: _DISK + 0.1 * _wave(f"{its.name} disk", at, 9 * _DAY)),
            by_node("node-received", Unit.BYTES_PER_SECOND, lambda its, at: its.traffic(at, "in")),
            by_node("node-sent", Unit.BYTES_PER_SECOND, lambda its, at: its.traffic(at, "out")),
            Chart("api-requests", Unit.PER_SECOND, (
                line("all", lambda at: asked(at)),
                line("errors", lambda at: max(0.0, _wave("errors", at, 7 * _HOUR) - 0.97)),
            )),
            Chart("api-latency", Unit.SECONDS, (
                line("p99", lambda at: 0.05 + 0.03 * _wave("late", at, _HOUR / 4)),
            )),
            _pods(cluster, len(there), line),
            Chart("restarts", Unit.COUNT, (line("all", lambda at: 0.0),)),
        ),
        _tops(cluster, until),
        _alerts(cluster, until),
    )  # fmt: skip


def workloads(cluster: "Kubernetes", namespace: str) -> Workloads:
    """What users deployed, what was chosen of the catalogue, and what each cluster has."""
    nodes, pods, now = len(cluster.nodes), cluster.pods_shown(), cluster.region.timeline.now

    def began(at: float) -> datetime:
        return (cluster.clock() - timedelta(seconds=now - at)).replace(microsecond=0)

    made = []
    for name, (_, version, at) in cluster.addons.items():
        kind, replicas = ("DaemonSet", nodes) if name in _ON_EVERY_NODE else ("Deployment", 2)
        image = f"registry.navarch.internal/{name}:v{version}"
        if version:
            made.append(Workload("kube-system", kind, name, replicas, replicas, (image,), began(at)))
    made += [Workload(name, "Deployment", name, 1, 1, (), began(at)) for name, at in cluster.chosen.items()]
    for its in cluster.pods.workloads:
        mine = [pod for pod in pods if pod.name.startswith(f"default/{its.name}-")]
        waits = tuple(
            f"pod {pod.name.partition('/')[2]}: no node takes it{f' ({pod.told})' if pod.told else ''}"
            for pod in mine
            if not pod.node
        )
        ready = cluster.pods.available(its.name, now)
        made.append(Workload("default", "Deployment", its.name, ready, its.replicas, (), None, waits[:1]))
    services = [
        ServiceSeen("default", "kubernetes", "ClusterIP", ("10.96.0.1",), ("443/TCP",)),
        ServiceSeen("kube-system", "kube-dns", "ClusterIP", ("10.96.0.10",), ("53/UDP", "53/TCP", "9153/TCP")),
        *(ServiceSeen("default", name, "LoadBalancer", (), ("80/TCP",)) for name in sorted(cluster.wishes.services)),
    ]
    names = {"default", "kube-node-lease", "kube-public", "kube-system", *(w.namespace for w in made)}
    return Workloads(
        tuple(sorted((w for w in made if namespace in ("", w.namespace)), key=lambda w: (w.namespace, w.kind, w.name))),
        tuple(s for s in services if namespace in ("", s.namespace)),
        tuple(sorted(names)),
    )


class _Measured:
    """A node, and what would be measured of it."""

    def __init__(self, cluster: "Kubernetes", node: NodeState) -> None:
        seen = {n.name: n for n in cluster.node_list()}[node.name]
        has = dict(seen.allocatable)
        self.name = node.name
        self.allocatable = has.get("cpu", 0) / 1000, float(has.get("memory", 0))
        self.cores = max(1.0, (has.get("cpu", 0) + RESERVED_CPU_MILLIS) / 1000)
        self.bytes = max(1.0, has.get("memory", 0) + float((RESERVED_MEMORY_MIB + 100) << 20))
        pods = cluster.pods.running_on(node.name)
        self.pods = pods + _SYSTEM_PODS
        self.requested = min(self.allocatable[0], 0.35 + 0.1 * pods), min(self.allocatable[1], (300 + 128 * pods) << 20)

    def cpu(self, at: datetime) -> float:
        """Of 1."""
        return min(
            0.97, 0.06 + 0.012 * self.pods + 0.12 * _wave(self.name, at, _DAY) + 0.05 * _wave(self.name, at, 900)
        )

    def memory(self, at: datetime) -> float:
        """Of 1."""
        return min(0.95, 0.28 + 0.02 * self.pods + 0.06 * _wave(f"{self.name} memory", at, _DAY / 3))

    def traffic(self, at: datetime, way: str) -> float:
        """Bytes a second."""
        return (40_000 + 9000 * self.pods) * (0.6 + _wave(f"{self.name} {way}", at, _HOUR))


def _pods(cluster: "Kubernetes", nodes: int, line: Callable[[str, Curve], Line]) -> Chart:
    shown = cluster.pods_shown()
    waiting = sum(1 for pod in shown if not pod.node)
    running = len(shown) - waiting + nodes * _SYSTEM_PODS

    def steady(number: int) -> Curve:
        return lambda at: float(number)

    return Chart("pods", Unit.COUNT, (line("Running", steady(running)), line("Pending", steady(waiting))))


def _tops(cluster: "Kubernetes", until: datetime) -> tuple[Top, ...]:
    mine = [(pod.name.partition("/"), 0.2, 180) for pod in cluster.pods_shown() if pod.node]
    system = [(("kube-system", "/", f"{name}-0"), 0.05, 60) for name in cluster.addons]
    found = [(ns, pod, cpu, mib, _wave(pod, until, _HOUR)) for (ns, _, pod), cpu, mib in (*mine, *system)]

    def most(name: str, unit: Unit, of: Iterable[tuple[str, str, float]]) -> Top:
        ten = sorted(of, key=lambda its: -its[2])[:10]
        return Top(name, unit, tuple(Greedy(ns, pod, pod.rpartition("-")[0], value) for ns, pod, value in ten))

    return (
        most("container-cpu", Unit.CORES, ((ns, p, round(cpu * (0.3 + w), 4)) for ns, p, cpu, _, w in found)),
        most("container-memory", Unit.BYTES, ((ns, p, float(int(mib * (1 + w)) << 20)) for ns, p, _, mib, w in found)),
    )


def _alerts(cluster: "Kubernetes", until: datetime) -> tuple[Alert, ...]:
    now = cluster.region.timeline.now
    lost = [
        Alert(
            "KubeNodeNotReady", "critical", until - timedelta(seconds=now - node.since), (("node", node.name),),
            f"Node {node.name} is not ready",
        )
        for node in cluster.nodes.values()
        if not node.was_ready and now - node.since > 600
    ]  # fmt: skip
    waiting = [pod.name.partition("/") for pod in cluster.pods_shown() if not pod.node]
    return (*lost, *(
        Alert("KubePodNotReady", "warning", None, (("namespace", ns), ("pod", pod)), f"Pod {ns}/{pod} has not begun")
        for ns, _, pod in waiting[:20]
    ))  # fmt: skip


def _wave(name: str, at: datetime, seconds: float) -> float:
    """From 0 to 1, once up and down within these seconds, with a smaller wave on it; where it begins, the name says."""
    turn = at.timestamp() / seconds + zlib.crc32(name.encode()) / 2**32
    return 0.5 + 0.35 * math.sin(2 * math.pi * turn) + 0.15 * math.sin(2 * math.pi * 7.3 * turn)


def _missing(at: datetime) -> bool:
    return at.timestamp() % _GAP_EVERY < _GAP
