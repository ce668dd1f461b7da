"""The waterfall: where bars begin and end, in text and in SVG."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

from navarch.cli.timeline import Segment, Waterfall, bar, draw_text, step, waterfall_of
from navarch.cli.timeline_svg import draw_svg

ID = "0d5a2f0e-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, 12, 1, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


EVENTS = [
    {
        "id": 1, "at": "2026-03-01T12:00:02Z", "seconds": 7.0, "reason": "EnsureLoadBalancer", "subject": "shop-api",
        "component": "cloud", "message": "done", "level": "Normal", "generation": 1,
    },
]  # fmt: skip


def lane(group: str, subject: str, name: str, start: float, end: float, message: str = "") -> dict[str, Any]:
    segment = {"start": start, "end": end, "failed": False, "running": False, "message": message}
    return {"group": group, "subject": subject, "name": name, "seconds": end - start, "segments": [segment]}


def answered(*lanes: dict[str, Any], ready: float | None = 70.0, name: str = "shop") -> dict[str, Any]:
    """A waterfall as the service answers it."""
    return {
        "name": name, "created_at": "2026-03-01T12:00:00Z", "kubernetes_version": "1.37.2", "lanes": list(lanes),
        "ready_after_seconds": ready, "total_seconds": 70.0, "age_seconds": 90.0,
    }  # fmt: skip


LANES = (
    lane("cloud", "net", "network", 0.5, 2.0), lane("cloud", "shop-api", "load balancer", 2.0, 9.0),
    lane("machine", "cp-0", "made and booted", 1.0, 20.0), lane("machine", "cp-0", "KubeadmInit", 22.0, 40.0),
    lane("kubernetes", "calico", "apply addon", 41.0, 44.0),
)  # fmt: skip


@pytest.fixture
def drawn() -> Waterfall:
    return waterfall_of(answered(*LANES))


def test_a_cluster_that_is_not_ready_says_how_old_it_is() -> None:
    drawn = waterfall_of(answered(LANES[0], ready=None))
    assert draw_text(drawn, 80)[0][0] == "shop: not ready after 90s, Kubernetes 1.37.2"
    assert "not ready after 90s" in draw_svg(drawn)


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


def test_names_from_the_cloud_cannot_break_the_svg() -> None:
    nasty = lane("cloud", 'a"&<script>', "<network>", 1, 2, message="</svg>")
    text = draw_svg(waterfall_of(answered(nasty, name="<b>&")))
    assert not list(ET.fromstring(text).iter(f"{SVG}script"))


def test_the_command_writes_all_three_forms(service: Service, navarch: Callable[..., Ran], cluster: Any) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", "/clusters/shop/timeline", Answer(200, answered(*LANES)))
    service.on("GET", f"/clusters/{ID}/events", Answer(200, {"events": EVENTS, "next": None}))
    text = navarch("cluster", "timeline", "shop", "--width", "100").out
    assert text.startswith("shop: ready after 70.0 s, Kubernetes 1.37.2\n")
    assert navarch("cluster", "timeline", "shop", "--svg", "t.svg", "--all").code == 0
    assert service.asked("/clusters/shop/timeline")[1].query == [("everything", "true")]
    ET.fromstring(Path("t.svg").read_text())
    assert json.loads(navarch("cluster", "timeline", "shop", "-o", "json").out) == answered(*LANES)
    events = navarch("cluster", "events", "shop").out
    assert "EnsureLoadBalancer" in events
    assert navarch("cluster", "timeline", "shop", "--svg", "/nowhere/t.svg").code == 1


def test_a_cluster_without_events_says_so(service: Service, navarch: Callable[..., Ran]) -> None:
    service.on("GET", "/clusters/shop/timeline", Answer(200, answered(ready=None)))
    ran = navarch("cluster", "timeline", "shop")
    assert (ran.code, "nothing has happened" in ran.err) == (1, True)
