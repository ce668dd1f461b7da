"""Asking again for what only reads: a lost answer is not a lost look.

A read that got no answer, or a 5xx or 429 in its place, is made again within a bound. What changes something is never
made again here: whoever wants it done looks first whether it was.

Reads that are repeated must not bring down a service that can hardly answer. So each service has a credit: every answer
earns part of a repetition, and once nothing is left, reads fail at the first try. With the figures here, repetitions go
on for as long as fewer than a third of all tries fail; a service that is away is soon asked once for each thing.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from random import Random
from threading import Lock
from typing import TypeVar

from navarch.clouds.openstack.errors import Unanswered

T = TypeVar("T")
BOUND = 15.0  # seconds after the first try; none begins later. One that waits for a time-out of 30 s is the last
_PAUSES = (0.1, 0.3, 0.9, 2.7)  # seconds between tries, half as long to half as long again
_SERVICE_BUSY = 1.2  # times what a Retry-After says at most: all who were told the same do not come back together
_CREDIT = 100.0  # repetitions
_EARNED = 0.5  # of a repetition by each answer


class Patience:
    """Makes reads again, for all projects of one cloud. `elapsed` and `pause` are the clock, in seconds. Safe to use
    from threads."""

    def __init__(
        self,
        elapsed: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        random: Random | None = None,
    ) -> None:
        self._elapsed, self._pause, self._random = elapsed, pause, random or Random()
        self._credit: defaultdict[str, float] = defaultdict(lambda: _CREDIT)
        self._lock = Lock()

    def read(self, service: str, ask: Callable[[], T]) -> T:
        """What `ask` gives, if need be at a later try. It must change nothing. Raises what the last try raised."""
        end = self._elapsed() + BOUND
        for usual in _PAUSES:
            try:
                answer = ask()
            except Unanswered as error:
                pause = usual * self._random.uniform(0.5, 1.5)
                if error.retry_after is not None:
                    pause = max(pause, error.retry_after * self._random.uniform(1.0, _SERVICE_BUSY))
                if self._elapsed() + pause > end or not self._may_repeat(service):
                    raise
                self._pause(pause)
            else:
                self._answered(service)
                return answer
        return ask()

    def _answered(self, service: str) -> None:
        with self._lock:
            self._credit[service] = min(_CREDIT, self._credit[service] + _EARNED)

    def _may_repeat(self, service: str) -> bool:
        with self._lock:
            if self._credit[service] < 1:
                return False
            self._credit[service] -= 1
            return True
