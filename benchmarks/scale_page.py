"""docs/scale.md from what `benchmarks.scale` measured. Each goal is judged; a miss is published as a miss."""

import os
from pathlib import Path
from typing import Any

from benchmarks.bad_day_page import bad_day
from benchmarks.tables import goal as _goal
from benchmarks.tables import parts as _parts
from benchmarks.tables import table as _table
from benchmarks.tables import where as _where
from navarch.simulator.openstack.fates import Fates

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
Figures = dict[str, Any]
BOOT_SECONDS = 20.0  # of a simulated machine that runs, until it reports
FAULTS = 0.01  # of the cloud's answers
_CREATED = ("until all are Ready", "beyond a machine's boot, per cluster", "CPU per cluster")
_HEAD = f"""\
# Scale

Made by `make scale`; do not edit. Everything measured is the real thing but the cloud: the API over HTTPS with a
Keystone, worker processes, PostgreSQL with durable commits, all on one machine together with the simulated cloud and
the customers. A cluster is 1 control plane + 2 workers; simulated machines run after {Fates.server_seconds:.0f} s and
report in {BOOT_SECONDS:.0f} s later; {FAULTS:.0%} of the cloud's answers are faults (500, 503, 429, no answer though
done, no answer and not done; an answer that does not come takes 5 s). The clusters are in 100 projects.

"""


def page(results: Figures) -> str:
    """The whole page; what was not measured is left out."""
    parts = [
        part(results[name])
        for name, part in (
            ("large", _large),
            ("small", lambda small: _curve(small, results)),
            ("huge", _huge),
            ("kill", _kill),
            ("fair", _fair),
            ("workers", _workers),
            ("faults", bad_day),
        )
        if name in results
    ]
    return _HEAD + "\n".join(parts)


def _large(figures: Figures) -> str:
    creation, idle, api = figures["creation"], figures["idle"], figures["api"]
    change, deletion, count = figures["change"], figures["deletion"], figures["creation"]["clusters"]
    mcpu, mib = sum(idle["mcpu"].values()), sum(idle["mib"].values())
    left = sum(deletion["left"].values())
    per_cluster = {part: seconds / count * 1000 for part, seconds in creation["cpu"].items()}
    rows: list[tuple[object, ...]] = [
        (
            f"{count} clusters asked for at once, until all are Ready",
            f"{creation['seconds']:.0f} s",
            "< 300 s",
            _goal(creation["seconds"] < 300 and not creation["failures"]),
        ),
        (
            "objects of the same name in a cluster afterwards",
            creation["twice"],
            "0",
            _goal(creation["twice"] == 0),
        ),
        (
            "CPU of an idle cluster: worker, API, PostgreSQL",
            f"{mcpu:.2f} mCPU ({_parts(idle['mcpu'])})",
            "<= 1",
            _goal(mcpu <= 1),
        ),
        (
            "memory of an idle cluster (PSS)",
            f"{mib:.2f} MiB ({_parts(idle['mib'])})",
            "<= 0.5",
            _goal(mib <= 0.5),
        ),
        (
            f"from a change to the first call to the cloud, p99 of {change['changes']}",
            f"{change['p99'] * 1000:.0f} ms (p50 {change['p50'] * 1000:.0f} ms)",
            "< 1 s",
            _goal(change["p99"] < 1 and not change["failures"]),
        ),
        (
            f"all {deletion['clusters']} deleted, until the last is gone",
            f"{deletion['seconds']:.0f} s",
            "< 300 s",
            _goal(deletion["seconds"] < 300 and not deletion["failures"]),
        ),
        ("objects left in the cloud", left, "0", _goal(left == 0)),
    ]
    for what in ("list", "show"):
        figure = api[what]
        words = {
            "paced_": f"50 clients {what}, {figure['pace']:.0f} a second together",
            "": f"50 clients {what} without a pause",
        }
        for pace, who in words.items():
            p50, p99 = figure[f"{pace}p50"], figure[f"{pace}p99"]
            rows.append(
                (
                    f"{who}: p99",
                    f"{p99 * 1000:.0f} ms (p50 {p50 * 1000:.0f} ms), {figure['errors']} errors",
                    "< 100 ms, 0 errors",
                    _goal(p99 < 0.1 and figure["errors"] == 0),
                )
            )
    adding = figures["adding"]
    words = {"read": "was read in the last seconds", "unread": "has to be read first"}
    for what, quota in words.items():
        p50, p99 = adding[what]["p50"], adding[what]["p99"]
        rows.append(
            (
                f"50 clients create, {adding['pace']:.0f} a second together, where the project's quota {quota}: p99",
                f"{p99 * 1000:.0f} ms (p50 {p50 * 1000:.0f} ms), {adding['errors']} errors",
                "< 100 ms, 0 errors",
                _goal(p99 < 0.1 and adding["errors"] == 0),
            )
        )
    a_second = api["show"]["a_second"]
    rows.append(("shows a second", f"{a_second:.0f}", "> 500", _goal(a_second > 500)))
    rows.append(("lists a second, of ten clusters each", f"{api['list']['a_second']:.0f}", "", ""))
    costs = {
        what: {part: seconds / api[what]["asked"] * 1000 for part, seconds in api[what]["cpu"].items()}
        for what in ("list", "show")
    }
    return "\n".join(
        [
            f"## {count} clusters\n",
            _where(figures, deletion["load"]) + "\n",
            _table(("what", "measured", "goal", ""), rows),
            f"CPU per creation: {_parts(per_cluster, 'ms')}; of a list: {_parts(costs['list'], 'ms')}; of a show: "
            f"{_parts(costs['show'], 'ms')}. While all {count} were asked for, by 20 clients without a pause, half of "
            f"the requests took {creation['create_p50'] * 1000:.0f} ms, 99 of 100 "
            f"{creation['create_p99'] * 1000:.0f} ms. "
            f"An idle cluster costs the cloud {idle['calls_an_hour']:.0f} requests an hour and is asked "
            f"{idle['kube_calls_an_hour']:.0f} times an hour itself. PostgreSQL has {idle['database_mib']:.0f} MiB and "
            f"writes {idle['rows_an_hour']:.0f} rows an hour while nothing happens. With no cluster, all have "
            f"{_parts(idle['mib_empty'], 'MiB')}.\n",
        ]
    )


def _row(first: object, creation: Figures) -> tuple[object, ...]:
    count, seconds = creation["clusters"], creation["seconds"]
    beyond = (seconds - Fates.server_seconds - BOOT_SECONDS) / count
    cpu = {part: used / count * 1000 for part, used in creation["cpu"].items()}
    return first, f"{seconds:.0f} s", f"{beyond:.2f} s", _parts(cpu, "ms")


def _curve(small: Figures, results: Figures) -> str:
    """From ten clusters to as many as were measured."""
    more = (results[name]["creation"] for name in ("large", "huge") if name in results)
    table = _table(("clusters", *_CREATED), [_row(c["clusters"], c) for c in (*small["creations"], *more)])
    return f"## The curve\n\n{_where(small, small['creations'][-1]['load'])}\n\n{table}"


def _huge(figures: Figures) -> str:
    creation, idle, deletion = figures["creation"], figures["idle"], figures["deletion"]
    again = (
        f"{deletion['again']} requests to delete were not accepted at first, and made again. "
        if deletion["again"]
        else ""
    )
    return (
        f"## {creation['clusters']} clusters\n\n{_where(figures, deletion['load'])} Measured by "
        "`python -m benchmarks.scale --only huge`.\n\n"
        f"All were Ready after {creation['seconds']:.0f} s, with {creation['twice']} objects there twice. An idle one "
        f"costs {sum(idle['mcpu'].values()):.2f} mCPU and {sum(idle['mib'].values()):.2f} MiB (worker, API, "
        f"PostgreSQL). All were deleted in {deletion['seconds']:.0f} s; {sum(deletion['left'].values())} objects were "
        f"left. {again}The simulated OpenStack is one process, with machines and Kubernetes in it: it needed "
        f"{creation['cpu']['simulator'] / creation['clusters'] * 1000:.0f} ms of CPU for a creation.\n"
    )


def _workers(figures: Figures) -> str:
    count, load = figures["creations"][0]["clusters"], figures["creations"][-1]["load"]
    told = f"{count} clusters each; {os.cpu_count()} cores shared with others (load {load:.1f}), {figures['at']}."
    table = _table(("workers", *_CREATED), [_row(c["workers"], c) for c in figures["creations"]])
    return f"## Workers\n\n{told}\n\n{table}"


def _kill(figures: Figures) -> str:
    rows: list[tuple[object, ...]] = [
        (
            f"the {figures['held']} that it held, all taken over",
            f"{figures['seconds']:.0f} s",
            "< 30 s",
            _goal(figures["seconds"] < 30),
        ),
        ("made twice", len(figures["twice"]), "0", _goal(not figures["twice"])),
        (
            "machines of all when Ready",
            figures["servers"],
            figures["clusters"] * 3,
            _goal(figures["servers"] == figures["clusters"] * 3),
        ),
    ]
    return (
        f"## A worker dies\n\nOne of two workers is killed (SIGKILL) while {figures['clusters']} clusters are made.\n\n"
        + _table(("what", "measured", "goal", ""), rows)
    )


def _fair(figures: Figures) -> str:
    return (
        f"## A neighbour in trouble\n\nOf {figures['doomed']} clusters in other projects every machine ends in ERROR, "
        f"again and again. Another project's one cluster is Ready after {figures['beside']:.0f} s; with nobody beside "
        f"it, after {figures['alone']:.0f} s.\n"
    )
