"""How each line of the benchmark came out, as lines and as a page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proofs.cis.cluster_checks import CLUSTER_CHECKS
from proofs.cis.machine_checks import CONTROL_PLANE_CHECKS, NODE_CHECKS
from proofs.cis.seen import Check, Cluster, Machine

PASSED, ARGUED, FAILED = "pass", "argued", "FAIL"


@dataclass(frozen=True)
class Line:
    """One check's outcome. `seen`: what is not as the benchmark has it, and where."""

    number: str
    what: str
    outcome: str
    seen: str = ""


def lines(machines: Iterable[Machine], cluster: Cluster) -> Iterator[Line]:
    """Every check of every machine that it is about, and of the cluster."""
    found = tuple(machines)
    for check in (*CONTROL_PLANE_CHECKS, *NODE_CHECKS):
        wrong = {m.name: check.wrong(m) for m in found if check.concerns(m)}
        yield _line(check, "; ".join(f"{name}: {said}" for name, said in wrong.items() if said), bool(wrong))
    for about in CLUSTER_CHECKS:
        yield _line(about, about.wrong(cluster), True)


def page(made: Iterable[Line], about: str) -> str:
    """The lines as Markdown; `about`: what was looked at."""
    told = tuple(made)
    counts = ", ".join(f"{sum(x.outcome == o for x in told)} {o}" for o in (PASSED, ARGUED, FAILED))
    rows = "\n".join(f"| {x.number} | {x.what} | {x.outcome} | {x.seen.replace('|', chr(92) + '|')} |" for x in told)
    return f"""\
# A cluster against the CIS Kubernetes Benchmark

Made by `make proof-cis`, which reads files, arguments and objects of a running cluster ({about}). Numbers as in
version 1.10 of the benchmark; the words are ours. *argued* is not followed on purpose, with the reason.

{counts}.

| | check | outcome | |
| --- | --- | --- | --- |
{rows}
"""


def _line(check: Check[Machine] | Check[Cluster], wrong: str, looked: bool) -> Line:
    if not looked:
        return Line(check.number, check.what, FAILED, "no such machine was looked at")
    if not wrong:
        return Line(check.number, check.what, PASSED)
    if check.argued and check.expected in ("", wrong):
        return Line(check.number, check.what, ARGUED, check.argued)
    return Line(check.number, check.what, FAILED, wrong)
