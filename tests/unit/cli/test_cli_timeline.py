"""The waterfall: where bars begin and end, in text and in SVG."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

from navarch.cli.timeline import Segment, Waterfall, bar, draw_text, step, waterfall
from navarch.cli.timeline_svg import draw_svg
from navarch.client.shapes import Event

ID = "0d5a2f0e-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, 12, 1, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def event(second: float, seconds: float | None, reason: str, subject: str, component: str, message: str = "") -> Event:
    at = f"2026-03-01T12:{int(second) // 60:02d}:{second % 60:06.3f}Z"
    return {
        "id": 1, "at": at, "seconds": seconds, "reason": reason, "subject": subject, "component": component,
        "message": message or f"{reason} {subject} done", "level": "Normal", "generation": 1,
    }  # fmt: skip


EVENTS = [
    event(0.5, 1.5, "EnsureNetwork", "shop-0d5a2f0e-net", "cloud"),
    event(2.0, 7.0, "EnsureLoadBalancer", "shop-api", "cloud"),
    event(1.0, 0.01, "RecordMachine", "shop-cp-0", "navarch"),
    event(41.0, 3.0, "ApplyAddon", "calico", "kubernetes"),
    event(0.0, 70.0, "Ready", "shop", "navarch"),
    event(500.0, 4.0, "EnsureLoadBalancer", "shop-api", "cloud"),
]


@pytest.fixture
def drawn(cluster: Any, machine: Any) -> Waterfall:
    return waterfall(cluster(), [machine()], EVENTS, now=NOW)


def test_lanes_are_grouped_and_in_order(drawn: Waterfall) -> None:
    assert [(lane.group, lane.name) for lane in drawn.lanes] == [
        ("cloud", "network"), ("cloud", "load balancer"), ("machine", "made and booted"),
        ("machine", "FormatEtcdDisk"), ("machine", "KubeadmInit"), ("kubernetes", "apply addon"),
    ]  # fmt: skip
    assert (drawn.ready, drawn.total) == (70.0, 70.0)


def test_events_begin_at_their_time_and_phases_end_at_theirs(drawn: Waterfall) -> None:
    spans = {lane.name: (lane.segments[0].start, lane.segments[0].end) for lane in drawn.lanes}
    assert spans["load balancer"] == (2.0, 9.0)
    assert spans["KubeadmInit"] == (22.0, 40.0)
    assert spans["made and booted"] == (1.0, 20.0)


def test_a_node_becomes_ready_from_when_its_machine_has_joined(cluster: Any, machine: Any) -> None:
    ready = event(1.0, 54.0, "NodeReady", "shop-0d5a2f0e-cp-0", "kubernetes")
    drawn = waterfall(cluster(), [machine()], [ready], now=NOW)
    assert [
        (lane.subject, s.start, s.end) for lane in drawn.lanes for s in lane.segments if lane.name == "node ready"
    ] == [("cp-0", 40.0, 55.0)]


def test_an_addon_becomes_available_from_when_it_was_applied(cluster: Any) -> None:
    applied = event(41.0, 3.0, "ApplyAddon", "calico", "kubernetes")
    there = event(58.0, None, "AddonAvailable", "calico", "kubernetes")
    drawn = waterfall(cluster(), [], [applied, there], now=NOW)
    spans = {lane.name: (lane.segments[0].start, lane.segments[0].end) for lane in drawn.lanes}
    assert spans == {"apply addon": (41.0, 44.0), "add-on available": (44.0, 58.0)}


def test_a_cluster_that_is_not_ready_says_how_old_it_is(cluster: Any) -> None:
    network = event(1.0, 3.0, "EnsureNetwork", "n", "cloud")
    drawn = waterfall(cluster("Progressing"), [], [network], now=NOW)
    assert draw_text(drawn, 80)[0][0] == "shop: not ready after 90s, Kubernetes 1.37.2"
    assert "not ready after 90s" in draw_svg(drawn)


def test_what_happened_after_ready_is_left_out_unless_asked_for(cluster: Any, machine: Any, drawn: Waterfall) -> None:
    assert max(s.end for lane in drawn.lanes for s in lane.segments) == 44.0
    everything = waterfall(cluster(), [machine()], EVENTS, now=NOW, everything=True)
    (balancer,) = [lane for lane in everything.lanes if lane.name == "load balancer"]
    assert [(s.start, s.end) for s in balancer.segments] == [(2.0, 9.0), (500.0, 504.0)]
    assert everything.total == 504.0


def test_a_phase_that_runs_goes_on_until_now(cluster: Any, machine: Any) -> None:
    running = {"step": "KubeadmInit", "state": "started", "at": "2026-03-01T12:00:22Z", "seconds": 0, "log": ""}
    drawn = waterfall(cluster("Progressing"), [machine(joined=False, boot=[running])], [], now=NOW)
    (lane,) = [lane for lane in drawn.lanes if lane.name == "KubeadmInit"]
    assert (lane.segments[0].start, lane.segments[0].end, lane.segments[0].running) == (22.0, 90.0, True)
    assert drawn.ready is None


def test_bars_are_where_their_seconds_are() -> None:
    assert bar([Segment(0, 10)], scale=1.0, room=20) == "█" * 10
    assert bar([Segment(5, 8), Segment(10, 12)], scale=1.0, room=20) == "     ███  ██"
    assert bar([Segment(5, 5.2)], scale=1.0, room=20) == "     ▏"
    assert bar([Segment(19.9, 30)], scale=1.0, room=20) == " " * 19 + "█"
    assert bar([Segment(2, 4, running=True)], scale=1.0, room=20) == "  ▒▒"


@pytest.mark.parametrize("width", [60, 100, 160])
def test_text_fits_its_width_and_bars_line_up_with_the_axis(drawn: Waterfall, width: int) -> None:
    lines = [line for line, _ in draw_text(drawn, width)]
    assert max(len(line) for line in lines) <= width
    axis = next(line for line in lines if line.lstrip().startswith("0s"))
    start = axis.index("0s")
    network = next(line for line in lines if "network" in line)
    init = next(line for line in lines if "KubeadmInit" in line)
    room = width - start
    assert init.index("█") == start + int(22.0 * room / 70.0)
    assert len(init) == start + round(40.0 * room / 70.0)
    assert min(i for i, c in enumerate(network) if c in "█▏") == start + int(0.5 * room / 70.0)
    assert "1.5 s" in network


@pytest.mark.parametrize(("total", "most", "size"), [(70, 10, 10.0), (9, 10, 1.0), (100, 4, 50.0), (0.3, 10, 0.1)])
def test_ticks_are_round(total: float, most: int, size: float) -> None:
    assert step(total, most) == pytest.approx(size)


def test_the_svg_is_well_formed_and_its_bars_are_to_scale(drawn: Waterfall) -> None:
    root = ET.fromstring(draw_svg(drawn, width=1000))
    scale = (1000 - 300 - 84) / 70.0
    titled = [(r.findtext(f"{SVG}title") or "", r) for r in root.iter(f"{SVG}rect")]
    bars = {title.split(":")[0]: r for title, r in titled if title}
    init, network = bars["KubeadmInit"], bars["network net"]
    assert float(init.get("x", "")) == pytest.approx(300 + 22.0 * scale, abs=0.1)
    assert float(init.get("width", "")) == pytest.approx(18.0 * scale, abs=0.1)
    assert float(network.get("x", "")) == pytest.approx(300 + 0.5 * scale, abs=0.1)
    assert (init.get("class"), network.get("class")) == ("machine", "cloud")
    rows = [float(r.get("y", "")) for r in bars.values()]
    assert len(set(rows)) == len(bars)
    height = float(root.get("height", ""))
    assert max(rows) + 20 < height
    assert not list(root.iter(f"{SVG}image"))


def test_names_from_the_cloud_cannot_break_the_svg(cluster: Any) -> None:
    nasty = event(1, 2, "Ensure<Network>", 'a"&<script>', "cloud", message="</svg>")
    text = draw_svg(waterfall({**cluster(), "name": "<b>&"}, [], [nasty], now=NOW))  # type: ignore[typeddict-item]
    assert not list(ET.fromstring(text).iter(f"{SVG}script"))


def test_the_command_writes_all_three_forms(
    service: Service, navarch: Callable[..., Ran], cluster: Any, machine: Any
) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [machine()], "next": None}))
    service.on("GET", f"/clusters/{ID}/events", Answer(200, {"events": EVENTS, "next": None}))
    text = navarch("cluster", "timeline", "shop", "--width", "100").out
    assert text.startswith("shop: ready after 70.0 s, Kubernetes 1.37.2\n")
    assert navarch("cluster", "timeline", "shop", "--svg", "t.svg").code == 0
    ET.fromstring(Path("t.svg").read_text())
    data = json.loads(navarch("cluster", "timeline", "shop", "-o", "json").out)
    assert data["ready_after_seconds"] == 70.0
    assert data["lanes"][0] == {
        "group": "cloud", "subject": "net", "name": "network", "seconds": 1.5,
        "segments": [{"start": 0.5, "end": 2.0, "failed": False}],
    }  # fmt: skip
    events = navarch("cluster", "events", "shop").out
    assert "EnsureLoadBalancer" in events
    assert navarch("cluster", "timeline", "shop", "--svg", "/nowhere/t.svg").code == 1


def test_a_cluster_without_events_says_so(service: Service, navarch: Callable[..., Ran], cluster: Any) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster("Progressing")))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [], "next": None}))
    service.on("GET", f"/clusters/{ID}/events", Answer(200, {"events": [], "next": None}))
    ran = navarch("cluster", "timeline", "shop")
    assert (ran.code, "nothing has happened" in ran.err) == (1, True)
