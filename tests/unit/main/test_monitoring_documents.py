"""What is written about the figures is what there is: the list, the dashboard, the alerts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from tests.unit.main.test_fleet_figures import Store, registered

from navarch.api.middleware import ApiMetrics
from navarch.reconcile.metrics import WorkerMetrics

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "operate" / "monitoring.md"
DASHBOARD = ROOT / "deploy" / "grafana" / "navarch.json"
RULES = ROOT / "deploy" / "prometheus" / "navarch.rules.yaml"
_ROW = re.compile(r"^\| `(navarch_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
_FIGURE = re.compile(r"\b(?:navarch|process)_[a-z_]+\b")
_PARTS = ("_bucket", "_count", "_sum")

Figure = tuple[str, tuple[str, ...]]  # type and labels


def documented() -> dict[str, Figure]:
    found = _ROW.findall(PAGE.read_text())
    names = [name for name, _, _ in found]
    assert len(names) == len(set(names)), "a figure is listed twice"
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in found}


def families(registry: CollectorRegistry) -> dict[str, Figure]:
    """By the names that Prometheus sees; of a metric without children the labels are asked of the metric itself."""
    found: dict[str, Figure] = {}
    for collector in list(registry._collector_to_names):
        for family in collector.collect():
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = getattr(collector, "_labelnames", None)
            if labels is None:
                labels = next((tuple(s.labels) for s in family.samples), ())
            found[name] = (family.type, tuple(labels))
    return found


def test_the_list_is_what_is_registered() -> None:
    there: dict[str, Figure] = {}
    for registry in (ApiMetrics().registry, WorkerMetrics().registry, registered(Store())):
        there |= families(registry)
    assert documented() == there


def named_in(expressions: str) -> set[str]:
    names = set()
    for name in _FIGURE.findall(expressions):
        part = next((p for p in _PARTS if name.endswith(p)), "")
        base = name.removesuffix(part)
        names.add(base if part and documented().get(base, ("",))[0] == "histogram" else name)
    return names


def expressions_of_dashboard() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(
    "expressions",
    [pytest.param(expressions_of_dashboard(), id="dashboard"), pytest.param([r["expr"] for r in rules()], id="rules")],
)
def test_only_figures_that_there_are_are_asked_for(expressions: list[str]) -> None:
    asked = {name for expression in expressions for name in named_in(expression)}
    assert {name for name in asked if not name.startswith("process_")} <= documented().keys()


def test_labels_in_queries_are_those_of_their_figure() -> None:
    for expression in (*expressions_of_dashboard(), *(rule["expr"] for rule in rules())):
        for name, selector in re.findall(r"(navarch_[a-z_]+)\{([^}]*)\}", expression):
            (base,) = named_in(name)
            asked = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', selector))
            assert asked <= set(documented()[base][1]), expression


def test_every_figure_is_on_the_dashboard_or_told_of_in_a_runbook() -> None:
    shown = {name for expression in expressions_of_dashboard() for name in named_in(expression)}
    told = named_in(RULES.read_text())
    silent = {"navarch_database_asked_total", "navarch_database_connect_failures_total", "navarch_database_waiting",
              "navarch_database_connections", "navarch_database_connections_most",
              "navarch_database_wait_seconds_total"}  # fmt: skip
    assert documented().keys() - shown - told == silent


def test_every_alert_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("info", "warning", "critical"), rule["alert"]
        assert len(rule["annotations"]["runbook"].split()) > 8, rule["alert"]


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert {"uid", "title", "schemaVersion", "panels", "templating"} <= dashboard.keys()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
