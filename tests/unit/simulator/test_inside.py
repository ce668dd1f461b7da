"""What a simulated cluster tells of its inside is what a real one would be asked for, of the nodes and pods it has."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from navarch.addons import figures as real
from navarch.domain.errors import Temporary
from navarch.domain.insight import POINTS, Figures, Source, Span
from navarch.simulator import inside
from navarch.simulator.nodes import NodeState
from navarch.simulator.pods import Pods, Workload

NOW, SOURCE = datetime(2026, 12, 1, 15, tzinfo=UTC), Source("monitoring", "monitoring", "monitoring", 8428)
Make = Callable[..., Any]


@pytest.fixture
def cluster() -> Make:
    """One with so many nodes of two processors, a Deployment that runs and one that has no room."""

    def make(nodes: int = 2, **more: Any) -> Any:
        names = [f"node-{n:03}" for n in range(nodes)]
        pods = Pods()
        pods.wish(Workload("web", 2))
        pods.wish(Workload("big", 1, node_selector=(("no", "such"),)))
        room: dict[str, Any] = {name: ({}, (("cpu", 1900), ("memory", 3 << 30), ("pods", 110))) for name in names}
        pods.settle(0.0, names, names, room)
        seen = [SimpleNamespace(name=name, allocatable=room[name][1]) for name in names]
        return SimpleNamespace(
            nodes={name: NodeState(name, "10.0.0.4", name, name, 0.0, was_ready=True) for name in names},
            pods=pods,
            pods_shown=pods.shown,
            node_list=lambda: seen,
            clock=lambda: NOW,
            region=SimpleNamespace(timeline=SimpleNamespace(now=100.0)),
            addons={"calico": ("d", "3.31.0", 10.0), "coredns": ("d", "1.14.0", 10.0), "access": ("d", "", 10.0)},
            chosen={"monitoring": 50.0},
            wishes=SimpleNamespace(services={"web"}),
            **more,
        )

    return make


def figures(cluster: Any, span: Span = Span.HOUR, until: datetime = NOW) -> Figures:
    return inside.figures(cluster, SOURCE, span, until)


def test_every_chart_and_list_is_there_that_a_real_cluster_is_asked_for(cluster: Make) -> None:
    found = figures(cluster())
    assert [(c.name, c.unit) for c in found.charts] == [(c.name, c.unit) for c in real.CHARTS]
    for chart, asked in zip(found.charts, real.CHARTS, strict=True):
        if not asked.by:
            assert [line.name for line in chart.lines] == [name for name, _ in asked.lines]
        assert {len(line.values) for line in chart.lines} == {POINTS}
    assert [(top.name, top.unit) for top in found.tops] == [(name, unit) for name, unit, _ in real.TOPS]


def test_what_is_told_of_a_moment_stays_so(cluster: Make) -> None:
    """An hour later the second half of the first picture is the first half of the next one."""
    half = POINTS // 2
    first, later = figures(cluster()), figures(cluster(), until=NOW + timedelta(seconds=half * Span.HOUR.step))
    for before, after in zip(first.charts, later.charts, strict=True):
        assert [its.values[half:] for its in before.lines] == [its.values[: POINTS - half] for its in after.lines]


def test_no_share_is_more_than_a_whole_and_no_use_more_than_there_is(cluster: Make) -> None:
    for span in Span:
        charts = {chart.name: chart for chart in figures(cluster(5), span).charts}
        shares = [
            v for c in charts.values() if c.unit == "share" for its in c.lines for v in its.values if v is not None
        ]
        assert shares and min(shares) > 0 and max(shares) < 1
        used, requested, allocatable = (line.values for line in charts["cpu"].lines)
        assert all(r <= a for r, a in zip(requested, allocatable, strict=True) if r is not None and a is not None)
        assert (None in used) is (span is not Span.HOUR), "half an hour of each six is missing"


def test_of_many_nodes_twenty_are_drawn(cluster: Make) -> None:
    charts = {chart.name: chart for chart in figures(cluster(30)).charts}
    assert [(len(charts[name].lines), charts[name].left_out) for name in ("node-cpu", "cpu")] == [(20, 10), (3, 0)]


def test_a_pod_that_waits_is_an_alert_a_phase_and_a_workload_that_lacks_it(cluster: Make) -> None:
    its = cluster()
    found = figures(its)
    assert found.alerts is not None
    assert [(a.name, dict(a.about)["pod"]) for a in found.alerts] == [("KubePodNotReady", "big-3")]
    phases = {line.name: line.values[-1] for chart in found.charts if chart.name == "pods" for line in chart.lines}
    assert phases["Pending"] == 1
    seen = {(w.namespace, w.name): w for w in inside.workloads(its, "").workloads}
    assert (seen["default", "web"].ready, seen["default", "web"].waits) == (2, ())
    assert (seen["default", "big"].ready, seen["default", "big"].wanted) == (0, 1)
    assert seen["default", "big"].waits == ("pod big-3: no node takes it",)
    assert {("kube-system", "calico"), ("monitoring", "monitoring")} <= set(seen)


def test_one_namespace_is_shown_alone(cluster: Make) -> None:
    found = inside.workloads(cluster(), "kube-system")
    assert {w.namespace for w in found.workloads} == {"kube-system"} == {s.namespace for s in found.services}
    assert "default" in found.namespaces


def test_without_the_add_on_nothing_answers(cluster: Make) -> None:
    with pytest.raises(Temporary, match="no endpoints"):
        inside.figures(cluster(), Source("monitoring", "m", "other", 8428), Span.HOUR, NOW)
