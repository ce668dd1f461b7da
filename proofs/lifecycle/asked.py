"""What a prober asked, how it was answered, and what is to be said of it. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise

MESSAGE_SHOWN = 120  # characters of an error


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with its second attempt where it needed one.

    `at`: when it was begun, in seconds since 1970. `took`: seconds until it was answered or given up. `errors`: why
    attempts were in vain. `number`: the prober's own count. `seen`: what was counted in the answer, where that is
    asked for.
    """

    number: int
    kind: str
    at: float
    took: float
    answered: bool
    errors: tuple[str, ...] = ()
    seen: int | None = None

    @property
    def ended(self) -> float:
        """When it was answered or given up."""
        return self.at + self.took

    def line(self) -> str:
        """As one line of a prober's log."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Summary:
    """Of some requests. `retried`: answered at the second attempt. `failed`: at none. Seconds: `longest_gap` without an
    answer, `slowest` of those that were answered. `errors`: why they failed, and how often."""

    requests: int
    retried: int
    failed: int
    longest_gap: float
    slowest: float
    errors: dict[str, int]


def read(text: str) -> tuple[Asked, ...]:
    """A prober's log, in the order in which requests were begun. A last line that was cut off is left out."""
    lines = text.splitlines()
    if lines and not text.endswith("\n"):
        lines.pop()
    found = (Asked(**{**values, "errors": tuple(values["errors"])}) for values in map(json.loads, lines))
    return tuple(sorted(found, key=lambda a: a.at))


def summary(asked: Iterable[Asked]) -> Summary:
    """What became of them."""
    every = tuple(asked)
    answered = [a for a in every if a.answered]
    failed = [a for a in every if not a.answered]
    return Summary(
        requests=len(every),
        retried=sum(bool(a.errors) for a in answered),
        failed=len(failed),
        longest_gap=round(longest_gap(every), 2),
        slowest=round(max((a.took for a in answered), default=0.0), 2),
        errors=dict(Counter(a.errors[-1] if a.errors else "no reason" for a in failed).most_common(5)),
    )


def longest_gap(asked: Iterable[Asked]) -> float:
    """Seconds in which no answer came: between two of them, before the first or after the last. A prober's own pace is
    in it: 0.1 s where ten requests a second are answered at once."""
    every = tuple(asked)
    if not every:
        return 0.0
    moments = sorted(a.ended for a in every if a.answered)
    marks = [min(a.at for a in every), *moments, max(a.ended for a in every)]
    return max(later - earlier for earlier, later in pairwise(marks))


def lost_writes(asked: Iterable[Asked], kept: Iterable[str]) -> tuple[int, ...]:
    """Numbers of writes that were acknowledged and are not among the keys that are there."""
    there = set(kept)
    return tuple(a.number for a in asked if a.kind == WRITE and a.answered and write_key(a.number) not in there)


def fewest_seen(asked: Iterable[Asked], kind: str) -> int | None:
    """The least that was counted in an answer of that kind; None: none was answered."""
    return min((a.seen for a in asked if a.kind == kind and a.seen is not None), default=None)


READYZ, NODES, WRITE, DNS, LOGS, EXEC, PAGE = "readyz", "nodes", "write", "dns", "logs", "exec", "page"
"""Kinds of requests: the API's own word, all nodes, a change of a ConfigMap, the endpoints of the cluster's DNS, a
pod's log, a command in a pod; and the workload's page."""


def write_key(number: int) -> str:
    """The key that a write makes."""
    return f"w{number}"


def api_kind(number: int) -> str:
    """What the API prober asks as its request of that number: every tenth a write, every tenth the DNS' endpoints."""
    return {0: WRITE, 5: DNS}.get(number % 10, READYZ if number % 2 else NODES)
