"""Figures and workloads of a cluster whose owner answers whatever he wants: read are numbers, short names, and no more
than can be drawn."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.addons.hostile_server import HostileServer, Visit, hostile

from navarch.addons import client, figures
from navarch.addons.client import KubernetesClusters
from navarch.domain.errors import Temporary
from navarch.domain.insight import POINTS, Figures, Source, Span

SOURCE, NOW = Source("monitoring", "monitoring", "monitoring", 8428), datetime(2026, 12, 1, 12, tzinfo=UTC)
Said = Callable[[str, dict[str, str]], Any]


@pytest.fixture
def clusters() -> Iterator[KubernetesClusters]:
    with KubernetesClusters() as made:
        yield made


def read(clusters: KubernetesClusters, folder: Path, said: Said) -> tuple[Figures, HostileServer]:
    """What is made of the `data` that is said to each page and query."""

    def answer(visit: Visit) -> None:
        page = visit.path.rpartition("/")[2]
        asked = {name: values[0] for name, values in parse_qs(visit.query).items()}
        visit.say(json.dumps({"status": "success", "data": said(page, asked)}).encode())

    with hostile(answer, folder) as server:
        return clusters.figures(server.access, SOURCE, Span.HOUR, NOW), server


def of_one(values: Any, **metric: Any) -> Said:
    """Every query has this one series."""

    def said(page: str, asked: dict[str, str]) -> Any:
        if page == "alerts":
            return {"alerts": []}
        if page == "query":
            return {"result": []}
        return {"result": [{"metric": metric, "values": values}]}

    return said


def line(found: Figures, chart: str) -> tuple[float | None, ...]:
    return next(c for c in found.charts if c.name == chart).lines[0].values


def test_only_queries_of_our_own_are_asked_through_the_services_proxy(
    clusters: KubernetesClusters, tmp_path: Path
) -> None:
    _, server = read(clusters, tmp_path, of_one([]))
    proxy = "GET /api/v1/namespaces/monitoring/services/monitoring:8428/proxy/api/v1/"
    assert {asked.split("?")[0].split(" HTTP")[0] for asked in server.asked} == {
        f"{proxy}query_range", f"{proxy}query", f"{proxy}alerts",
    }  # fmt: skip
    ranges = [parse_qs(a.split("?")[1].split(" ")[0]) for a in server.asked if "query_range" in a]
    assert {(q["step"][0], int(q["end"][0]) - int(q["start"][0])) for q in ranges} == {("30", (POINTS - 1) * 30)}
    assert len(ranges) == sum(len(chart.lines) for chart in figures.CHARTS)
    assert not [q for q in ranges if "$" in q["query"][0]]


def test_samples_stand_at_their_time_and_what_is_missing_is_a_gap(clusters: KubernetesClusters, tmp_path: Path) -> None:
    end = NOW.timestamp()
    found, _ = read(
        clusters, tmp_path, of_one([[end - 60, "1.5"], [end - 4, "2"], [end - 90_000, "7"], [end + 60, "7"]])
    )
    values = line(found, "cpu")
    assert (len(values), values[-4:]) == (POINTS, (None, 1.5, None, 2.0))
    assert set(values[:-4]) == {None}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", "1e300", None, [], {}])
def test_what_is_no_number_that_could_be_drawn_is_a_gap(
    value: Any, clusters: KubernetesClusters, tmp_path: Path
) -> None:
    found, _ = read(clusters, tmp_path, of_one([[NOW.timestamp(), value]]))
    assert set(line(found, "cpu")) == {None}


@pytest.mark.parametrize("value", ["many", "0x1g", "1" * 10_000])
def test_what_is_no_answer_of_prometheus_is_said_to_be_none(
    value: str, clusters: KubernetesClusters, tmp_path: Path
) -> None:
    def said(page: str, asked: dict[str, str]) -> Any:
        return (
            of_one([[NOW.timestamp(), value]])(page, asked)
            if "filesystem" in asked.get("query", "")
            else of_one([[NOW.timestamp(), "1"]], node="n")(page, asked)
        )

    found, _ = read(clusters, tmp_path, said)
    if value.isdigit():  # infinitely many
        assert found.unanswered == () and line(found, "cpu")[-1] == 1
    else:
        assert found.unanswered == ("node-disk",)
        assert "node-disk" not in {chart.name for chart in found.charts} and line(found, "cpu")[-1] == 1


def test_names_that_kubernetes_would_not_take_are_not_drawn(clusters: KubernetesClusters, tmp_path: Path) -> None:
    names = ["<script>", "node-1", "\u202enode", "x" * 300, "", None, 7]

    def said(page: str, asked: dict[str, str]) -> Any:
        if page != "query_range":
            return of_one([])(page, asked)
        return {"result": [{"metric": {"node": n, "phase": n}, "values": [[NOW.timestamp(), "1"]]} for n in names]}

    found, _ = read(clusters, tmp_path, said)
    drawn = {chart.name: [its.name for its in chart.lines] for chart in found.charts}
    assert drawn["node-cpu"] == ["7", "node-1"] and drawn["pods"] == []


def test_of_many_nodes_twenty_are_drawn_and_the_others_counted(clusters: KubernetesClusters, tmp_path: Path) -> None:
    def said(page: str, asked: dict[str, str]) -> Any:
        if page == "query" and asked["query"] == figures.NODES:
            return {"result": [{"metric": {}, "value": [0, "500"]}]}
        if page != "query_range":
            return of_one([])(page, asked)
        return {"result": [{"metric": {"node": f"n-{i}"}, "values": [[NOW.timestamp(), "1"]]} for i in range(150)]}

    found, _ = read(clusters, tmp_path, said)
    assert [(len(c.lines), c.left_out) for c in found.charts if c.name == "node-memory"] == [(20, 480)]


def test_alerts_are_bounded_sorted_and_harmless(clusters: KubernetesClusters, tmp_path: Path) -> None:
    def alert(name: str, severity: str = "warning", state: str = "firing", **labels: str) -> Any:
        return {
            "state": state,
            "activeAt": "2026-12-01T11:00:00Z",
            "labels": {"alertname": name, "severity": severity, "secret": "no", **labels},
            "annotations": {"summary": "line\nline \x1b[31m" + "x" * 1000},
        }

    many = [
        alert("Watchdog", "none"),
        alert("Pending", state="pending"),
        *(alert(f"A{n}", node="n") for n in range(200)),
    ]

    def said(page: str, asked: dict[str, str]) -> Any:
        return {"alerts": [*many, alert("Zed", "critical")]} if page == "alerts" else of_one([])(page, asked)

    found, _ = read(clusters, tmp_path, said)
    assert found.alerts is not None and found.alerts[0].name == "Zed"
    assert (len(found.alerts), found.alerts_left_out) == (100, 101)
    assert found.alerts[1].about == (("node", "n"),)
    assert "\n" not in found.alerts[0].summary and "\x1b" not in found.alerts[0].summary
    assert len(found.alerts[0].summary) == 300


def test_the_containers_that_take_most_come_first(clusters: KubernetesClusters, tmp_path: Path) -> None:
    def said(page: str, asked: dict[str, str]) -> Any:
        if page != "query" or "topk" not in asked["query"]:
            return of_one([])(page, asked)
        whole = {"namespace": "shop", "pod": "web-1", "container": "c"}
        return {"result": [
            {"metric": whole, "value": [0, "1"]},
            {"metric": whole | {"pod": "web-2"}, "value": [0, "3"]},
            {"metric": whole | {"pod": "<b>"}, "value": [0, "9"]},
            {"metric": {"pod": "web-3"}, "value": [0, "9"]},
        ]}  # fmt: skip

    found, _ = read(clusters, tmp_path, said)
    assert [[c.pod for c in top.containers] for top in found.tops] == [["web-2", "web-1"]] * 2


def test_an_add_on_that_answers_nothing_is_told_as_such(clusters: KubernetesClusters, tmp_path: Path) -> None:
    def unavailable(visit: Visit) -> None:
        status = {"kind": "Status", "reason": "ServiceUnavailable", "message": 'no endpoints available for service "m"'}
        visit.say(json.dumps(status).encode(), status=503)

    with hostile(unavailable, tmp_path) as server, pytest.raises(Temporary, match="no endpoints available"):
        clusters.figures(server.access, SOURCE, Span.HOUR, NOW)


def test_one_that_drips_is_given_up(
    clusters: KubernetesClusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_INSIDE_SECONDS", 1.0)

    def drip(visit: Visit) -> None:
        visit.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        visit.drip(b"1\r\n[\r\n")

    with hostile(drip, tmp_path) as server, pytest.raises(Temporary, match="no answer in time"):
        clusters.figures(server.access, SOURCE, Span.HOUR, NOW)


def test_an_answer_with_too_much_in_it_is_not_read(clusters: KubernetesClusters, tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="holds more than"):
        read(clusters, tmp_path, lambda page, asked: {"result": [[]] * 100_001, "alerts": [[]] * 100_001})
