"""The rules and dashboards of the entry `prometheus`, asked of a real Prometheus that measures what they are about."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.e2e.catalogue import ADDONS
from tests.e2e.test_alerting import RAISED as RAISED_BY_BOTH
from tests.e2e.test_alerting import running
from tests.integration.chosen_entry import until
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import _free_ports
from tests.integration.measured import ask, measured

# The program is compiled where it is not yet.
pytestmark = [pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1800)]

ENTRY = ADDONS / "prometheus"
DASHBOARDS = sorted((ENTRY / "dashboards").iterdir())
RULES = sorted((ENTRY / "rules").iterdir())
# "name{labels} value", or "name{labels} from..to" for what grows each time that it is measured.
RAISED = {
    "RulesNotLoaded": ['prometheus_config_last_reload_successful{namespace="prometheus",pod="p-0"} 0'],
    "PrometheusOperatorRejectedResources": [
        'prometheus_operator_managed_resources{resource="ServiceMonitor",state="rejected"} 1'
    ],
    "RuleFails": ['prometheus_rule_evaluation_failures_total{rule_group="mine"} 0..9'],
    **{alert: made for alert, made in RAISED_BY_BOTH.items() if alert not in ("RulesNotLoaded", "RuleFails")},
}
POD = 'namespace="shop",pod="web-1",container="c"'
SHOWN = [
    'kube_node_info{node="n"} 1',
    'kube_namespace_created{namespace="shop"} 1',
    'kube_node_status_condition{node="m",condition="Ready",status="true"} 1',
    *(f'kube_node_status_capacity{{node="n",resource="{resource}"}} 4' for resource in ("cpu", "memory")),
    *(f'kube_pod_status_phase{{namespace="shop",pod="web-{p}",phase="{p}"}} 1' for p in ("Running", "Pending")),
    *(f'kube_pod_container_resource_{what}{{{POD},resource="{resource}"}} 2'
      for what in ("requests", "limits") for resource in ("cpu", "memory")),
    f"kube_pod_container_status_restarts_total{{{POD}}} 0..10",
    f'container_cpu_usage_seconds_total{{{POD},node="n"}} 0..10',
    'container_cpu_usage_seconds_total{id="/",node="n"} 0..10',
    f'container_memory_working_set_bytes{{{POD},node="n"}} 7',
    'container_memory_working_set_bytes{id="/",node="n"} 7',
    f"container_cpu_cfs_periods_total{{{POD}}} 0..10",
    f"container_cpu_cfs_throttled_periods_total{{{POD}}} 0..10",
    *(f'container_network_{way}_bytes_total{{id="/",interface="eth0",node="n"}} 0..10'
      for way in ("receive", "transmit")),
    'node_cpu_seconds_total{mode="idle",cpu="0",node="n"} 0..10',
    'node_load5{node="n"} 1',
    *(f'node_disk_{what}_bytes_total{{device="vda",node="n"}} 0..10' for what in ("read", "written")),
    *(f'apiserver_request_duration_seconds_bucket{{verb="GET",le="{le}"}} 0..10' for le in ("1", "+Inf")),
    'apiserver_current_inflight_requests{request_kind="mutating"} 1',
    *(f'process_resident_memory_bytes{{job="{job}",instance="a",service="s"}} 9'
      for job in ("apiserver", "monitoring", "etcd")),
    'up{job="etcd",node="cp-0",instance="10.0.0.5:2381"} 1',
    'scheduler_pending_pods{queue="active"} 1',
    *(f'scheduler_scheduling_attempt_duration_seconds_bucket{{job="kube-scheduler",le="{le}"}} 0..10'
      for le in ("1", "+Inf")),
    'workqueue_depth{job="kube-controller-manager",name="deployment"} 1',
    'openstack_api_requests_total{request="loadbalancer_list"} 0..10',
    'coredns_dns_requests_total{pod="coredns-1"} 0..10',
    "prometheus_tsdb_head_series 5",
    'prometheus_tsdb_head_samples_appended_total{type="float"} 0..10',
]  # fmt: skip
ALWAYS = {"groups": [{"name": "always", "rules": [{"alert": "Always", "expr": "vector(1)"}]}]}


def page(asked: int) -> str:
    """All of it, as it is measured at the time `asked`."""
    values: dict[str, float] = {}
    for sample in [*SHOWN, *(s for samples in RAISED.values() for s in samples)]:
        series, _, value = sample.rpartition(" ")
        first, _, last = value.partition("..")
        values.setdefault(series, float(first) + (float(last or first) - float(first)) * asked / 10)
    return "".join(f"{series} {value}\n" for series, value in values.items())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Prometheus that has measured it all, with the entry's rules."""
    with measured(page) as port, prometheus(tmp_path_factory.mktemp("prometheus"), port) as made:
        until(lambda: bool(ask(made, "min(count_over_time(prometheus_tsdb_head_series{job='all'}[1m])) > 3")))
        until(lambda: bool(ask(made, 'ALERTS{alertname="Always",alertstate="firing"}')))
        until(lambda: {r["health"] for r in rules_of(made)} == {"ok"})
        yield made


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[str]:
    port, closed = _free_ports(2)
    (folder / "always.yaml").write_text(json.dumps(ALWAYS))
    scraped = [
        {"job_name": "all", "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]},
        {"job_name": "closed", "static_configs": [{"targets": [f"127.0.0.1:{closed}"]}]},
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": scraped,
        "rule_files": [*map(str, RULES), f"{folder}/always.yaml"],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    argv = [
        entry_program("prometheus"),
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(argv, folder / "log", f"http://127.0.0.1:{port}/-/ready") as url:
        yield url


def written_rules() -> list[dict[str, Any]]:
    return [r for file in RULES for g in yaml.safe_load(file.read_text())["groups"] for r in g["rules"]]


def rules_of(url: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/api/v1/rules", trust_env=False).json()
    return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


def test_every_rule_is_loaded_and_evaluated(url: str) -> None:
    written = written_rules()
    loaded = [rule for rule in rules_of(url) if rule["name"] != "Always"]
    assert sorted(r["name"] for r in loaded) == sorted(r.get("alert") or r["record"] for r in written)
    assert [rule for rule in loaded if rule.get("lastError")] == []


def test_each_alert_is_raised_by_what_it_is_for(url: str) -> None:
    rules = [
        r for file in RULES for g in yaml.safe_load(file.read_text())["groups"] for r in g["rules"] if "alert" in r
    ]
    assert {rule["alert"] for rule in rules} == set(RAISED)
    for rule in rules:
        severities = ("none",) if rule["alert"] == "Watchdog" else ("warning", "critical")
        assert rule["labels"]["severity"] in severities, rule["alert"]
        found = ask(url, rule["expr"])
        assert found, rule["alert"]
        used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert any(used <= set(one["metric"]) for one in found), (rule["alert"], used, found)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_is_answered(file: Path, url: str) -> None:
    dashboard = json.loads(file.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= 6
    for variable in dashboard["templating"]["list"]:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        asked = httpx.get(f"{url}/api/v1/label/{label}/values", params={"match[]": metric}, trust_env=False).json()
        assert asked["data"], variable
        queries = [query.replace(f"${variable['name']}", variable["allValue"]) for query in queries]
    for query in queries:
        assert "$" not in query, query
        assert ask(url, query), query
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
