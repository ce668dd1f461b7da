"""One case, asked of both."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.integration.kube_apiserver import Client
from tests.scheduling.cases import CLASSES, DRIVERS, NAMESPACES, Case, Document, cases
from tests.scheduling.scheduler import CLAIMS, NODES, PODS, Refused, Shown, placed_at, shown

from navarch.addons import observing, pods
from navarch.domain.autoscaling.machines import room_of

_AT_ONCE = 20  # cases that are made up before they are tried
_TRIES, _SETTLES_IN = 4, 0.3  # the scheduler's own view of the state is a moment behind
_UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@dataclass
class Tally:
    """What came of cases. `placed`: pods that the scheduler found a node for; `refused`: no pods to the API server;
    `late`: answers that were the same only at a second look."""

    tried: int = 0
    placed: int = 0
    refused: int = 0
    late: int = 0


@dataclass(frozen=True)
class Disagreement:
    """`theirs`: where the scheduler put it; empty: nowhere. `ours`: for each node why not; empty: it fits."""

    theirs: str
    ours: dict[str, str]
    pod: Document
    state: dict[str, list[Document]]

    def document(self) -> Document:
        """All there is to say of it."""
        return {"summary": self.summary, "pod": self.pod, "state": self.state}

    @property
    def summary(self) -> str:
        """In a line."""
        return f"the scheduler: {self.theirs or 'nowhere'}; Navarch: {self.ours}"


def compared(admin: Client, tally: Tally, *, pods: int, seed: int) -> Iterator[Disagreement]:
    """Make up cases until so many pods were tried. The same seed makes the same cases."""
    for number in count(seed * 100_000):
        for case in _made_up(number, _AT_ONCE):
            yield from compare(admin, case, tally)
            if tally.tried >= pods:
                return
        print(tally, file=sys.stderr, flush=True)


def _made_up(seed: int, how_many: int) -> list[Case]:
    made: list[Case] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=how_many,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def note(case: Case) -> None:
        made.append(case)

    note()
    return made


def compare(admin: Client, case: Case, tally: Tally) -> list[Disagreement]:
    """Try the pods of a case, one after the other."""
    found = []
    with shown(admin, case) as there:
        for pod, claims in case.tried:
            try:
                disagreement = _compared(there, pod, claims, tally)
            except Refused:
                tally.refused += 1
                continue
            tally.tried += 1
            if disagreement is not None:
                found.append(disagreement)
    return found


def _compared(there: Shown, pod: Document, claims: list[Document], tally: Tally) -> Disagreement | None:
    for number in range(_TRIES):
        made, own, node = placed_at(there, pod, claims)
        ours = _ours(there, made, own)
        agrees = not ours[node] if node in ours else all(ours.values())
        if agrees:
            tally.placed += bool(node)
            tally.late += bool(number)
            return None
        time.sleep(_SETTLES_IN)
    state = {path: list(objects) for path, objects in there.objects.items()}
    return Disagreement(node, ours, made, {**state, "own claims": own})


def _ours(there: Shown, pod: Document, claims: list[Document]) -> dict[str, str]:
    """Why each node would not do, as Navarch's worker would find."""
    waiting = {**pod, "status": {**pod.get("status", {}), **_UNSCHEDULABLE}}
    lists = _Lists({**there.objects, CLAIMS: [*there.objects.get(CLAIMS, []), *claims]}, waiting)
    seen = pods.seen(lists, all_of_them=True)  # type: ignore[arg-type]
    room = room_of(map(observing.node, there.objects[NODES]), seen, seen.placed)
    (one,) = seen.waiting
    return {spot.name: room.why_not(one.shape, spot) for spot in room.spots}


class _Lists:
    """What a connection to the cluster lists."""

    def __init__(self, objects: dict[str, list[Document]], waiting: Document) -> None:
        self._objects, self._waiting = objects, waiting

    def count(self, path: str) -> int | None:
        return len(list(self.list(path)))

    def list(self, path: str, *, fieldSelector: str = "", **_: Any) -> Iterator[Document]:  # noqa: N803 - Kubernetes' word
        if path == PODS:
            yield from ([self._waiting] if "Pending" in fieldSelector else self._objects.get(PODS, ()))
        elif path.endswith("/namespaces"):
            for name, labels in NAMESPACES.items():
                yield {"metadata": {"name": name, "labels": labels}}
        elif path.endswith("/storageclasses"):
            for name, made in CLASSES.items():
                yield {"metadata": {"name": name}, **made}
        elif path.endswith("/csidrivers"):
            for name, spec in DRIVERS.items():
                yield {"metadata": {"name": name}, "spec": spec}
        else:
            yield from self._objects.get(path, ())
