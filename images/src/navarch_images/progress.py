"""How far a build is and how long it will still take, said in lines that suit a terminal and a log alike.

The work is weighed in CPU seconds: each component's, as the release file notes them from a build with empty caches.
How long a CPU second takes on this machine, with whatever else runs on it, is first guessed from its cores and a short
measurement, and then more and more taken from how the build itself goes.
"""

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter, process_time

_EVERY = 20.0  # seconds between two lines
_TRUST = 60.0  # CPU seconds of work whose pace counts as much as the first guess
_REFERENCE = 0.075  # seconds that `_sample` takes on the machine on which the release files' figures were measured
_BUSY = 1.1  # wall time over CPU time and cores: cores idle where a program is linked


@dataclass(frozen=True, slots=True)
class Package:
    """A Go package: the path it is imported by, the folder that tells its version, and its bytes of source."""

    path: str
    folder: str
    size: int


class Progress:
    """What of a build is done. `weights` are CPU seconds by component; `tell` takes a line."""

    def __init__(
        self,
        weights: Mapping[str, float],
        tell: Callable[[str], None],
        *,
        pace: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._weights, self._tell, self._clock = dict(weights), tell, clock
        self._guess = first_pace() if pace is None else pace
        self._began = self._said = clock()  # anew with the first component: fetching modules says nothing of compiling
        self._done: set[str] = set()
        self._current, self._label = "", ""
        self._sizes: dict[str, int] = {}
        self._heard = 0
        self._compiled: set[str] = set()  # folders of packages that this run has compiled: Go does not do so again

    @property
    def total(self) -> float:
        """CPU seconds of the whole."""
        return sum(self._weights.values())

    @property
    def remaining(self) -> float:
        """Seconds until all is done, about."""
        return remaining(self.total, self._finished, self._clock() - self._began, self._guess)

    def begin(self, name: str, label: str, packages: Sequence[Package]) -> None:
        """A component's turn has come; `packages` are all that it is made of."""
        self._current, self._label, self._heard = name, label, 0
        self._sizes = {package.path: package.size for package in packages if package.folder not in self._compiled}
        self._compiled |= {package.folder for package in packages}
        if not self._done:
            self._began = self._clock()
        self._say(f"{label}: compiling")

    def heard(self, line: str) -> None:
        """A line of `go build -v`: the path of a package that it begins to compile, or a message."""
        self._heard += self._sizes.pop(line, 0)
        if self._clock() - self._said >= _EVERY:
            self._say(f"{self._label}: {self._fraction:.0%} of its source")

    def end(self, name: str, cpu_seconds: float) -> None:
        """The component is built."""
        self._done.add(name)
        self._current = ""
        self._tell(f"{self._label}: compiled with {cpu_seconds:.0f} s of CPU")

    @property
    def _fraction(self) -> float:
        whole = self._heard + sum(self._sizes.values())
        return self._heard / whole if self._current and whole else 0.0

    @property
    def _finished(self) -> float:
        done = sum(self._weights[name] for name in self._done)
        return done + self._fraction * self._weights.get(self._current, 0.0)

    def _say(self, text: str) -> None:
        self._said = self._clock()
        share = self._finished / self.total if self.total else 1.0
        self._tell(f"{share:4.0%} {text}; {words(self.remaining)} left")


def remaining(total: float, done: float, elapsed: float, guess: float) -> float:
    """Seconds that the rest of `total` CPU seconds takes when `done` of them took `elapsed`.

    `guess` is the pace (seconds per CPU second) expected beforehand: it weighs as much as the first `_TRUST` of work.
    """
    pace = (elapsed + _TRUST * guess) / (done + _TRUST)
    return max(0.0, total - done) * pace


def first_pace() -> float:
    """Seconds that a CPU second of the release files is likely to take here."""
    return _BUSY * min(_sample() for _ in range(3)) / _REFERENCE / (os.cpu_count() or 1)


def words(seconds: float) -> str:
    """A duration as a person would say it."""
    if seconds < 50:
        return "less than a minute"
    return f"about {round(seconds / 60)} min"


def _sample() -> float:
    text = b"".join(b"%d %d;" % (number, number * number % 8191) for number in range(60_000))
    began = perf_counter(), process_time()
    zlib.compress(text, 9)
    return max(perf_counter() - began[0], process_time() - began[1])
