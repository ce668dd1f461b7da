"""A bound on how often one caller may ask: a token bucket for each, forgotten when full again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_BUCKETS = 10_000


class Rate:
    """`burst` calls at once, `per_second` in the long run, for each key. Safe to share between threads."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, *, count: bool = True) -> float:
        """Seconds until the call is allowed; 0: it is, and counts, unless it is to count later."""
        now = self._clock()
        with self._lock:
            level, at = self._buckets.pop(key, (float(self._burst), now))
            level = min(self._burst, level + (now - at) * self._per_second)
            allowed = level >= 1
            self._buckets[key] = (level - 1 if allowed and count else level, now)
            if len(self._buckets) > _BUCKETS:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._per_second
