"""What a cluster's add-on that measures says of the cluster: asked of its Prometheus API, which the cluster's API
server leads to (`services/…/proxy`). Nothing outside the cluster reaches it otherwise.

The queries are Navarch's and stand here, all of them: nobody hands any in. They name series that both entries have
(`monitoring`, `prometheus`) as they are measured, not those that rules record, for rules can be switched off. What
comes back is bounded: 120 points of a line, 20 lines of a chart, ten containers, 100 alerts; numbers that are finite
and not negative, names that Kubernetes takes.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from navarch.addons import errors, foreign
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.insight import POINTS, Alert, Chart, Figures, Greedy, Line, Source, Span, Top, Unit

_WINDOW = 300  # seconds at least over which what grows is counted: ten times the distance of two measurements
_MOST_LINES, _MOST_ALERTS = 20, 100
_MOST = 1e18  # no cluster has as much of anything: beyond it nothing can be drawn
_DIGITS = 6
_STARTED = '{phase=~"Pending|Running"}'
_DISK = '{fstype!~"tmpfs|overlay|squashfs"}'
_PHASES = ("Running", "Pending", "Succeeded", "Failed", "Unknown")
_ABOUT = (
    "namespace", "node", "pod", "container", "deployment", "statefulset", "daemonset", "job_name", "job",
    "persistentvolumeclaim", "horizontalpodautoscaler", "mountpoint", "instance",
)  # fmt: skip


def filled(query: str, step: int) -> str:
    """A query with its windows: `$w` for what moves all the time, `$h` for what happens seldom. None is shorter than
    the distance of two points, so that nothing falls between them."""
    return query.replace("$w", f"{max(_WINDOW, step)}s").replace("$h", f"{max(3600, step)}s")


def _requested(resource: str) -> str:
    """What pods that are there ask for: those that ended take nothing."""
    return (
        f'sum(sum by (namespace, pod) (kube_pod_container_resource_requests{{resource="{resource}"}})'
        f" * on (namespace, pod) group_left () max by (namespace, pod) (kube_pod_status_phase{_STARTED} == 1))"
    )


def _by_node(query: str) -> str:
    """Of the nodes that have most to do now."""
    busy = 'sum by (node) (rate(container_cpu_usage_seconds_total{id="/"}[5m] @ end()))'
    return f"({query}) and on (node) topk({_MOST_LINES}, {busy})"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A chart. `lines`: (name, query), see `filled`; `by`: instead of names, the label that names the
    lines of the one query."""

    name: str
    unit: Unit
    lines: tuple[tuple[str, str], ...]
    by: str = ""


CHARTS = (
    _Asked("cpu", Unit.CORES, (
        ("used", 'sum(rate(container_cpu_usage_seconds_total{id="/"}[$w]))'),
        ("requested", _requested("cpu")),
        ("allocatable", 'sum(kube_node_status_allocatable{resource="cpu"})'),
    )),
    _Asked("memory", Unit.BYTES, (
        ("used", 'sum(container_memory_working_set_bytes{id="/"})'),
        ("requested", _requested("memory")),
        ("allocatable", 'sum(kube_node_status_allocatable{resource="memory"})'),
    )),
    _Asked("node-cpu", Unit.SHARE, (("", _by_node(
        'sum by (node) (rate(container_cpu_usage_seconds_total{id="/"}[$w]))'
        ' / sum by (node) (kube_node_status_capacity{resource="cpu"})')),), "node"),
    _Asked("node-memory", Unit.SHARE, (("", _by_node(
        'sum by (node) (container_memory_working_set_bytes{id="/"})'
        ' / sum by (node) (kube_node_status_capacity{resource="memory"})')),), "node"),
    _Asked("node-disk", Unit.SHARE, (("", _by_node(
        f"max by (node) (1 - node_filesystem_avail_bytes{_DISK} / node_filesystem_size_bytes{_DISK})")),), "node"),
    _Asked("node-received", Unit.BYTES_PER_SECOND, (("", _by_node(
        'sum by (node) (rate(container_network_receive_bytes_total{id="/",interface="eth0"}[$w]))')),), "node"),
    _Asked("node-sent", Unit.BYTES_PER_SECOND, (("", _by_node(
        'sum by (node) (rate(container_network_transmit_bytes_total{id="/",interface="eth0"}[$w]))')),), "node"),
    _Asked("api-requests", Unit.PER_SECOND, (
        ("all", "sum(rate(apiserver_request_total[$w]))"),
        ("errors", 'sum(rate(apiserver_request_total{code=~"5.."}[$w])) or sum(rate(apiserver_request_total[$w])) * 0'),
    )),
    _Asked("api-latency", Unit.SECONDS, (
        ("p99", "histogram_quantile(0.99, sum by (le)"
                ' (rate(apiserver_request_duration_seconds_bucket{verb!~"WATCH|CONNECT"}[$w])))'),
    )),
    _Asked("pods", Unit.COUNT, (("", "sum by (phase) (kube_pod_status_phase)"),), "phase"),
    _Asked("restarts", Unit.COUNT, (("all", "sum(rate(kube_pod_container_status_restarts_total[$h])) * 3600"),)),
)  # fmt: skip
TOPS = (
    ("container-cpu", Unit.CORES,
     'topk(10, sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{container!=""}[5m])))'),
    ("container-memory", Unit.BYTES,
     'topk(10, sum by (namespace, pod, container) (container_memory_working_set_bytes{container!=""}))'),
)  # fmt: skip
NODES = "count(kube_node_info)"


def figures(connection: Connection, source: Source, span: Span, until: datetime) -> Figures:
    """All of it, up to `until`. Raises Temporary or Permanent where nothing was answered."""
    asked = _Asker(connection, source, until - timedelta(seconds=(POINTS - 1) * span.step), until, span.step)
    answers: dict[str, Any] = {}
    failures: dict[str, Temporary | Permanent] = {}
    for name, answer, failure in at_once(asked.attempt, tuple(_questions(asked))):
        if failure is None:
            answers[name] = answer
        else:
            failures[name] = failure
    if not answers:
        raise next(iter(failures.values()))
    nodes = answers.get("nodes", 0)
    charts: list[Chart] = [answers[its.name] for its in CHARTS if its.name in answers]
    alerts, alerts_left_out = answers.get("alerts", (None, 0))
    return Figures(
        source.entry,
        asked.start,
        asked.step,
        tuple(replace(chart, left_out=_left_out(chart, nodes)) for chart in charts),
        tuple(answers[name] for name, _, _ in TOPS if name in answers),
        alerts,
        alerts_left_out,
        tuple(name for name in failures if name != "nodes"),
    )


def _questions(asked: "_Asker") -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is asked, by its name."""
    for chart in CHARTS:
        yield chart.name, partial(asked.chart, chart)
    for name, unit, query in TOPS:
        yield name, partial(asked.top, name, unit, query)
    yield "nodes", asked.nodes
    yield "alerts", asked.alerts


def _left_out(chart: Chart, nodes: int) -> int:
    """How many nodes there are beside those that a chart shows."""
    is_full = chart.name.startswith("node-") and len(chart.lines) == _MOST_LINES
    return max(0, nodes - _MOST_LINES) if is_full else 0


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks the add-on of one cluster."""

    connection: Connection
    source: Source
    start: datetime
    end: datetime
    step: int

    def attempt(self, question: tuple[str, Callable[[], Any]]) -> tuple[str, Any, Temporary | Permanent | None]:
        """The answer, or why there is none."""
        name, ask = question
        try:
            with errors.understanding(f"figures of {name}"):
                return name, ask(), None
        except (Temporary, Permanent) as error:
            return name, None, error
        except errors.Absent as absent:
            its = self.source
            why = f"there is no Service {its.namespace}/{its.service} that answers this: {absent}"
            return name, None, Temporary(why, reason=errors.NOT_ANSWERING, after=5.0)

    def chart(self, asked: _Asked) -> Chart:
        """A chart with all of its lines."""
        lines: list[Line] = []
        for name, query in asked.lines:
            found = self._range(query)
            if asked.by:
                lines += _named(asked.by, found)
            else:
                lines.append(Line(name, found[0][1] if found else (None,) * POINTS))
        return Chart(asked.name, asked.unit, tuple(lines[:_MOST_LINES]))

    def top(self, name: str, unit: Unit, query: str) -> Top:
        """Containers, the one with most first."""
        found = []
        for metric, value in self._now(query)[:10]:
            who = [foreign.name(metric.get(label)) for label in ("namespace", "pod", "container")]
            if value is not None and all(who):
                found.append(Greedy(who[0], who[1], who[2], value))
        return Top(name, unit, tuple(sorted(found, key=lambda its: -its.value)))

    def nodes(self) -> int:
        """How many there are."""
        found = self._now(NODES)
        return int(found[0][1] or 0) if found else 0

    def alerts(self) -> tuple[tuple[Alert, ...], int]:
        """Those that are raised, and how many more."""
        listed = self._get("alerts")["alerts"] or ()
        raised = [a for a in listed if a.get("state") == "firing" and a["labels"].get("severity") != "none"]
        shown = sorted(map(_alert, raised), key=lambda its: (its.severity != "critical", its.name, its.about))
        return tuple(shown[:_MOST_ALERTS]), len(shown[_MOST_ALERTS:])

    def _range(self, query: str) -> list[tuple[Mapping[str, Any], tuple[float | None, ...]]]:
        answer = self._get(
            "query_range",
            query=filled(query, self.step),
            start=f"{self.start.timestamp():.0f}",
            end=f"{self.end.timestamp():.0f}",
            step=str(self.step),
            nocache="1",  # VictoriaMetrics' store keeps to the times that are asked for then
        )
        return [(its["metric"], self._values(its["values"])) for its in answer["result"][: 10 * _MOST_LINES]]

    def _values(self, pairs: Iterable[Any]) -> tuple[float | None, ...]:
        values: list[float | None] = [None] * POINTS
        for at, said in pairs:
            place = (float(at) - self.start.timestamp()) / self.step
            if -0.5 < place < POINTS - 0.5:
                values[round(place)] = number(said)
        return tuple(values)

    def _now(self, query: str) -> list[tuple[Mapping[str, Any], float | None]]:
        answer = self._get("query", query=query, time=f"{self.end.timestamp():.0f}")
        return [(its["metric"], number(its["value"][1])) for its in answer["result"]]

    def _get(self, page: str, **query: str) -> Any:
        its = self.source
        proxy = f"/api/v1/namespaces/{its.namespace}/services/{its.service}:{its.port}/proxy"
        return self.connection.get(f"{proxy}/api/v1/{page}", **query)["data"]


def number(said: object) -> float | None:
    """A sample's value as it is drawn; None where it is none, as where nothing was divided by nothing."""
    value = float(said) if isinstance(said, str | int | float) else math.nan
    return float(f"{value:.{_DIGITS}g}") if 0 <= value < _MOST else None


def _named(label: str, found: Iterable[tuple[Mapping[str, Any], tuple[float | None, ...]]]) -> list[Line]:
    """Lines by their label, in order: phases as they are told, nodes by name."""
    named = {str(metric.get(label)): values for metric, values in found}
    if label == "phase":
        return [Line(phase, named[phase]) for phase in _PHASES if phase in named]
    return [Line(name, named[name]) for name in sorted(named) if foreign.name(name)]


def _alert(said: Mapping[str, Any]) -> Alert:
    labels, notes = said["labels"], said.get("annotations") or {}
    about = tuple((label, foreign.text(labels[label], 100)) for label in _ABOUT if label in labels)
    return Alert(
        foreign.text(labels.get("alertname") or said.get("name") or "", 100),
        foreign.text(labels.get("severity") or "", 20),
        foreign.moment(said.get("activeAt")),
        about,
        foreign.text(notes.get("summary") or "", 300),
    )
