"""What is told of clusters that are well, while a part of the cloud's answers does not come."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.scale import Scene

_SETTLING = 30.0  # seconds: what was begun under other faults ends
_WATCHED = 300.0  # seconds: each Ready cluster is looked at about twice
_EVERY = 1.0
_PHASES = "SELECT status->>'phase', count(*) FROM clusters GROUP BY 1"
_TOLD = """SELECT status->>'phase', c->>'reason', coalesce(c->>'responsible', ''), count(*), min(c->>'message')
FROM clusters, jsonb_array_elements(status->'conditions') c
WHERE c->>'type' = 'Ready' AND c->>'status' <> 'True' GROUP BY 1, 2, 3 ORDER BY 4 DESC"""
Figures = dict[str, Any]


def at_rest(stage: "Scene", share: float) -> Figures:
    """What share of the time clusters are shown in which phase, with that share of faults."""
    with _faults(stage, share):
        return {"faults": share} | _watched(stage)


def slow(stage: "Scene", service: str, seconds: float) -> Figures:
    """The same where each answer of one service takes so long, and all else is well."""
    with _faults(stage, 0.0, slow=service, slow_seconds=seconds):
        return {"service": service, "answers_in": seconds} | _watched(stage)


def away(stage: "Scene", service: str, seconds: float) -> Figures:
    """One service is away for so long: what is told meanwhile, and when all is well again."""
    total, first, told = stage.count("SELECT count(*) FROM clusters"), None, list[Figures]()
    with _faults(stage, 0.0, away=service):
        began, minute, before = monotonic(), 0, stage.simulator.census().faults
        while monotonic() - began < seconds:
            sleep(_EVERY)
            since = monotonic() - began
            phases = _phases(stage)
            if first is None and phases["Ready"] < total:
                first = since
            if since >= 60.0 * (minute + 1):
                minute += 1
                told.append({"minute": minute, "phases": dict(phases), "told": _told(stage)})
        calls = stage.simulator.census().faults - before
    began = monotonic()
    stage.settled()
    back = monotonic() - began
    return {
        "service": service,
        "seconds": seconds,
        "first_told_after": first,
        "minutes": told,
        "unanswered": calls,
        "ready_again_after": back,
        "load": os.getloadavg()[0],
    }


@contextmanager
def _faults(stage: "Scene", share: float, **more: Any) -> Iterator[None]:
    """Have the cloud fail so, once all is well; afterwards it fails no more."""
    stage.simulator.meet_faults(0.0)
    stage.settled()
    stage.simulator.meet_faults(share, **more)
    try:
        yield
    finally:
        stage.simulator.meet_faults(0.0)


def _watched(stage: "Scene") -> Figures:
    sleep(_SETTLING)
    seen, before, began = Counter[str](), stage.read(), monotonic()
    while (seconds := monotonic() - began) < _WATCHED:
        seen += _phases(stage)
        sleep(_EVERY)
    after, total = stage.read(), sum(seen.values())
    return {
        "shown": {phase: count / total for phase, count in seen.most_common()},
        "worker_cpu": (after.cpu["worker"] - before.cpu["worker"]) / seconds,
        "load": os.getloadavg()[0],
    }


def _phases(stage: "Scene") -> Counter[str]:
    return Counter(dict(stage.database.execute(_PHASES).fetchall()))


def _told(stage: "Scene") -> list[Figures]:
    """What is told of clusters that are not Ready, and of how many."""
    names = ("phase", "reason", "responsible", "clusters", "message")
    return [dict(zip(names, row, strict=True)) for row in stage.database.execute(_TOLD)]
