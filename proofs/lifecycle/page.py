"""The chapters' results as docs/lifecycle.md. Pure."""

import re
from collections.abc import Iterable, Mapping

from proofs.lifecycle.asked import Summary
from proofs.lifecycle.probing import ANSWER, CONNECT, PACE, RETRY_AFTER, SELDOM
from proofs.lifecycle.results import Figure, Probe, Results

_MET, _MISSED, _NO_END = "met", "**missed**", "**It came to no end**"
_JUDGED = re.compile(rf"^\| (.+?) \| .* \| ({_MET}|{re.escape(_MISSED)}) \|$", re.MULTILINE)
_HEAD = f"""\
# A cluster's whole life, measured

Written by `make proof-lifecycle`, on {{machine}}. Everything runs on it: OpenStack, Navarch, the clusters' machines and
the probers. The machine is shared, so seconds vary by half; counts do not.

{{verdict}}

While something happens, two probers ask: one the Kubernetes API through its public address, the other the page of an
application of two replicas, with a PodDisruptionBudget (`minAvailable: 1`), through its Service's balancer. Each
begins {1 / PACE:.0f} requests a second, however the ones before fare, and each request has a connection of its own. A
connection may take {CONNECT:.0f} s, an answer {ANSWER:.0f} s. What is not answered well is tried once more,
{RETRY_AFTER:.1f} s later; **failed** is what was in vain both times, **retried** what was answered then. The longest
gap is the time in which no answer came at all; the probers' pace, {PACE:.1f} s, is in it.

The API prober asks for `/readyz` and for all nodes; every tenth request changes a ConfigMap, every tenth counts the
ready endpoints of the cluster's DNS; every {SELDOM:.0f} seconds it also reads a pod's log or runs a command in a pod.
"""


def page(told: Iterable[Results], machine: str, before: str = "", order: Iterable[str] = ()) -> str:
    """The whole page. `machine`: what it was measured on. `before`: the page as it was, of which what was not measured
    anew is kept, word for word. `order`: of the chapters' names."""
    chapters = _chapters(before) | {each.chapter: _chapter(each) for each in told}
    known = tuple(order)
    names = sorted(chapters, key=lambda name: known.index(name) if name in known else len(known))
    ordered = {name: chapters[name] for name in names}
    return "\n".join([_HEAD.format(machine=machine, verdict=_verdict(ordered)), *ordered.values()])


def _chapters(text: str) -> dict[str, str]:
    """A page's chapters by name."""
    _, *parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {part.split("\n", 1)[0].removeprefix("## "): part.strip() + "\n" for part in parts}


def table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _verdict(chapters: Mapping[str, str]) -> str:
    """Of chapters as they stand on the page."""
    judged = [(name, *found) for name, text in chapters.items() for found in _JUDGED.findall(text)]
    aimed, missed = len(judged), [f"{name}: {what}" for name, what, verdict in judged if verdict == _MISSED]
    ended = [f"{name}: it came to no end" for name, text in chapters.items() if _NO_END in text]
    said = f"{aimed} figures have a goal; {len(missed)} miss it{':' if missed or ended else '.'}"
    return "\n".join([said, *([""] if missed or ended else []), *(f"- {line}" for line in (*ended, *missed))])


def _chapter(told: Results) -> str:
    parts = [f"## {told.chapter}", f"{told.date}, commit {told.commit}, {told.seconds / 60:.0f} minutes. {told.about}"]
    if told.failure:
        parts.append(f"{_NO_END}:\n\n```\n{told.failure}\n```")
    if told.figures:
        parts.append(table(("figure", "measured", "goal", ""), map(_figure, told.figures)))
    if told.probes:
        names = ("while", "prober", "requests", "retried", "failed", "longest gap", "slowest answer")
        parts.append(table(names, map(_probe, told.probes)))
    if why := _why(told.probes):
        parts.append(why)
    return "\n\n".join(parts) + "\n"


def _figure(figure: Figure) -> tuple[str, ...]:
    verdict = {True: _MET, False: _MISSED, None: ""}[figure.met]
    return figure.what, figure.measured, figure.goal, verdict


def _probe(probe: Probe) -> tuple[str, ...]:
    counted: Summary = probe.counted
    counts = (str(n) for n in (counted.requests, counted.retried, counted.failed))
    who = probe.prober if not probe.kind else f"{probe.prober}, {probe.kind}"
    return probe.during, who, *counts, f"{counted.longest_gap:.1f} s", f"{counted.slowest:.1f} s"


def _why(probes: Iterable[Probe]) -> str:
    """Why requests failed."""
    whole = (probe for probe in probes if not probe.kind and probe.counted.errors)
    rows = [
        (p.during, p.prober, str(count), f"`{' '.join(why.split())}`")
        for p in whole
        for why, count in p.counted.errors.items()
    ]
    return table(("while", "prober", "failed", "why"), rows) if rows else ""
