"""`navarch cluster figures` and `workloads`: what goes on inside a cluster."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.options import ClusterArgument, OutputOption
from navarch.cli.output import Column, Output, age, emit_data, note, print_table
from navarch.cli.session import connected

if TYPE_CHECKING:
    from navarch.client.shapes import Figures, Workloads

_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 40
_SIZES = ("", "Ki", "Mi", "Gi", "Ti", "Pi")


class Range(StrEnum):
    """How far back figures go."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "24h"
    WEEK = "7d"


RangeOption = Annotated[Range, typer.Option("--range", "-r", help="How far back they go.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Only what is in this one.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(figures)
    app.command()(workloads)


def figures(
    ctx: typer.Context, cluster: ClusterArgument, range_: RangeOption = Range.HOUR, output: OutputOption = Output.TABLE
) -> None:
    """Draw what a cluster uses: CPU, memory, nodes, API server, pods, alerts.

    The cluster's add-on `monitoring` or `prometheus` measures it.
    """
    with connected(ctx) as navarch:
        found = navarch.figures(cluster, range_.value)
        now = navarch.now()
    if output in (Output.JSON, Output.YAML):
        emit_data(found, output)
        return
    if found["charts"]:
        _draw(found)
        _list(found, now)
    _tell(found, now)


def workloads(
    ctx: typer.Context, cluster: ClusterArgument, namespace: NamespaceOption = "", output: OutputOption = Output.TABLE
) -> None:
    """List what runs in a cluster, and why pods wait.

    Deployments, StatefulSets, DaemonSets, Jobs and Services, 500 of them at the most.
    """
    with connected(ctx) as navarch:
        found = navarch.workloads(cluster, namespace)
        now = navarch.now()
    if output in (Output.JSON, Output.YAML):
        emit_data(found, output)
        return
    if output is Output.NAME:
        for its in found["workloads"]:
            print(f"{its['namespace']}/{its['name']}")
        return
    if found["workloads"] or found["seen_at"]:
        print_table(found["workloads"], _workload_columns(now))
    if found["services"]:
        print()
        print_table(found["services"], _SERVICES)
    if found["left_out"]:
        note(f"About {found['left_out']} more are left out; --namespace lists those of one namespace.")
    _tell(found, now)


def spark(values: Sequence[float | None], columns: int = _COLUMNS, most: float | None = None) -> str:
    """A line of bars, from 0 to the largest, or to `most`; a blank where nothing was measured."""
    groups = [values[len(values) * n // columns : len(values) * (n + 1) // columns] for n in range(columns)]
    known = [[v for v in group if v is not None] for group in groups]
    means = [sum(group) / len(group) if group else None for group in known]
    top = max((m for m in (*means, most) if m is not None), default=0.0) or 1.0
    return "".join(" " if m is None else _BARS[min(7, int(m / top * 8))] for m in means)


def amount(value: float | None, unit: str) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if unit in ("bytes", "bytes/s"):
        power = 0
        while value >= 1024 and power < len(_SIZES) - 1:
            value, power = value / 1024, power + 1
        said = f"{value:.0f}" if value >= 100 or not power else f"{value:.1f}"
        return f"{said} {_SIZES[power]}B{'/s' if unit == 'bytes/s' else ''}"
    if unit == "share":
        return f"{value:.0%}"
    if unit == "seconds":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    return {"cores": f"{value:.2f} cores", "1/s": f"{value:.1f}/s"}.get(unit, f"{value:.0f}")


def _draw(found: "Figures") -> None:
    rows = [
        {
            "chart": chart["name"] if place == 0 else "",
            "line": line["name"],
            "bars": spark(line["values"], most=_top(chart)),
            "now": amount(next((v for v in reversed(line["values"][-2:]) if v is not None), None), chart["unit"]),
            "most": amount(max((v for v in line["values"] if v is not None), default=None), chart["unit"]),
        }
        for chart in found["charts"]
        for place, line in enumerate(chart["lines"])
    ]
    print_table(
        rows,
        (
            Column("CHART", lambda r: r["chart"]),
            Column("LINE", lambda r: r["line"]),
            Column(f"LAST {found['range'].upper()}", lambda r: r["bars"], keep=True),
            Column("NOW", lambda r: r["now"], right=True),
            Column("MOST", lambda r: r["most"], right=True),
        ),
    )
    for chart in found["charts"]:
        if chart["left_out"]:
            note(f"{chart['name']}: {chart['left_out']} nodes more, which have less to do, are left out.")


def _top(chart: Any) -> float | None:
    """Lines of one chart are drawn to one scale; shares to a whole."""
    if chart["unit"] == "share":
        return 1.0
    return max((v for line in chart["lines"] for v in line["values"] if v is not None), default=None)


def _list(found: "Figures", now: datetime) -> None:
    for top in found["tops"]:
        print()
        print_table(
            top["containers"],
            (
                Column(
                    top["name"].upper().replace("-", " "), lambda c: f"{c['namespace']}/{c['pod']}/{c['container']}"
                ),
                Column("TAKES", lambda c, unit=top["unit"]: amount(c["value"], unit), right=True),  # type: ignore[misc]
            ),
        )
    print()
    if found["alerts"] is None:
        print("Alerts: could not be read.")
    elif not found["alerts"]:
        print("Alerts: none is raised.")
    else:
        print_table(
            found["alerts"],
            (
                Column("ALERT", lambda a: a["name"], keep=True),
                Column("SEVERITY", lambda a: a["severity"]),
                Column("SINCE", lambda a: age(a["since"], now) if a["since"] else None),
                Column("SUMMARY", lambda a: a["summary"]),
            ),
        )
    if found["alerts_left_out"]:
        note(f"{found['alerts_left_out']} alerts more are left out.")
    if found["unanswered"]:
        note(f"Not answered: {', '.join(found['unanswered'])}.")


def _tell(found: "Figures | Workloads", now: datetime) -> None:
    """Why there is nothing newer; what there is was seen when."""
    trouble = found["trouble"]
    if trouble is not None:
        note(" ".join(filter(None, (trouble["message"], trouble["remedy"]))))
        if found["seen_at"]:
            note(f"This was seen {age(found['seen_at'], now)} ago.")


def _workload_columns(now: datetime) -> Sequence[Column]:
    return (
        Column("NAMESPACE", lambda w: w["namespace"]),
        Column("KIND", lambda w: w["kind"]),
        Column("NAME", lambda w: w["name"], keep=True),
        Column("READY", lambda w: f"{w['ready']}/{w['wanted']}", right=True),
        Column("AGE", lambda w: age(w["created_at"], now) if w["created_at"] else None),
        Column("IMAGES", lambda w: ", ".join(w["images"])),
        Column("WAITS", lambda w: "; ".join(w["waits"])),
    )


_SERVICES = (
    Column("NAMESPACE", lambda s: s["namespace"]),
    Column("SERVICE", lambda s: s["name"], keep=True),
    Column("TYPE", lambda s: s["type"]),
    Column("ADDRESSES", lambda s: ", ".join(s["addresses"])),
    Column("PORTS", lambda s: ", ".join(s["ports"])),
)
