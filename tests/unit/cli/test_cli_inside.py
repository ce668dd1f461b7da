"""Figures and workloads on the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

from navarch.cli.cluster.inside import amount, spark

Run = Callable[..., Ran]
FIGURES: dict[str, Any] = {
    "range": "1h", "source": "monitoring", "start": "2026-03-01T12:00:00Z", "step": 30,
    "seen_at": "2026-03-01T12:59:00Z",
    "charts": [
        {"name": "cpu", "unit": "cores", "left_out": 0,
         "lines": [{"name": "used", "values": [None] * 60 + [1.5] * 60}]},
        {"name": "node-cpu", "unit": "share", "left_out": 3, "lines": [{"name": "n-1", "values": [0.5] * 120}]},
    ],
    "tops": [{"name": "container-cpu", "unit": "cores", "containers": [
        {"namespace": "shop", "pod": "web-1", "container": "c", "value": 0.25}]}],
    "alerts": [{"name": "Mine", "severity": "critical", "since": "2026-03-01T12:30:00Z", "about": [],
                "summary": "So."}],
    "alerts_left_out": 0, "unanswered": ["node-disk"], "trouble": None,
}  # fmt: skip
TROUBLE = {"reason": "NothingMeasures", "message": "There is none.", "remedy": "Install one."}
WORKLOADS: dict[str, Any] = {
    "namespace": None, "namespaces": ["shop"], "left_out": 7, "seen_at": "2026-03-01T12:59:00Z", "trouble": None,
    "workloads": [{"namespace": "shop", "kind": "Deployment", "name": "web", "ready": 1, "wanted": 2, "images": ["i:1"],
                   "created_at": None, "waits": ["pod web-2: no node takes it"]}],
    "services": [{"namespace": "shop", "name": "web", "type": "LoadBalancer", "addresses": ["198.51.100.7"],
                  "ports": ["80/TCP"], "created_at": None}],
}  # fmt: skip


def test_figures_are_drawn_with_alerts_and_what_is_left_out(navarch: Run, service: Service) -> None:
    service.on("GET", "/clusters/shop/figures", Answer(200, FIGURES))
    ran = navarch("cluster", "figures", "shop", "--range", "1h")
    assert ran.code == 0
    (cpu,) = [line for line in ran.out.splitlines() if line.startswith("cpu")]
    assert "1.50 cores" in cpu and "█" * 20 in cpu and "█" * 21 not in cpu
    assert "50%" in ran.out and "shop/web-1/c" in ran.out and "Mine" in ran.out
    assert "3 nodes more" in ran.err and "Not answered: node-disk" in ran.err
    assert service.sent("GET")[-1].query == [("range", "1h")]


def test_json_has_every_figure(navarch: Run, service: Service) -> None:
    service.on("GET", "/clusters/shop/figures", Answer(200, FIGURES))
    assert json.loads(navarch("cluster", "figures", "shop", "-o", "json").out) == FIGURES


def test_where_there_are_none_it_says_what_to_do(navarch: Run, service: Service) -> None:
    nothing = FIGURES | {"charts": [], "tops": [], "alerts": None, "seen_at": None, "trouble": TROUBLE}
    service.on("GET", "/clusters/shop/figures", Answer(200, nothing))
    ran = navarch("cluster", "figures", "shop")
    assert (ran.out, ran.err.strip()) == ("", "There is none. Install one.")


def test_workloads_are_listed_with_what_they_wait_for(navarch: Run, service: Service) -> None:
    service.on("GET", "/clusters/shop/workloads", Answer(200, WORKLOADS))
    ran = navarch("cluster", "workloads", "shop", "-n", "shop")
    assert ran.code == 0
    assert "1/2" in ran.out and "pod web-2: no node takes it" in ran.out and "198.51.100.7" in ran.out
    assert "About 7 more" in ran.err
    assert service.sent("GET")[-1].query == [("namespace", "shop")]


def test_a_picture_that_is_old_says_so(navarch: Run, service: Service) -> None:
    service.on("GET", "/clusters/shop/workloads", Answer(200, WORKLOADS | {"trouble": TROUBLE}))
    assert "This was seen" in navarch("cluster", "workloads", "shop").err


def test_a_gap_is_a_gap() -> None:
    assert spark([None, 0.0, 4.0, None], columns=4) == " ▁█ "
    assert spark([], columns=3) == "   "


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(None, "cores", "–"), (3 * 2**30, "bytes", "3.0 GiB"), (512.0, "bytes/s", "512 B/s"), (0.04, "seconds", "40 ms")],
)
def test_amounts_have_their_unit(value: float | None, unit: str, said: str) -> None:
    assert amount(value, unit) == said
