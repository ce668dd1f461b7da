"""What will happen when: the simulator's only source of change beside requests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count


class Timeline:
    """Callbacks in order of their time, in seconds since `epoch`. Not safe to use from threads at once."""

    def __init__(self, epoch: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self.epoch, self.now = epoch, 0.0
        self._coming: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def after(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call back so many seconds from now."""
        heappush(self._coming, (self.now + seconds, next(self._order), callback))

    @property
    def next_at(self) -> float | None:
        """When the next callback is due; None: nothing will happen."""
        return self._coming[0][0] if self._coming else None

    def advance(self, to: float) -> None:
        """Let time pass, and what is due happen at its own time. Time never goes back."""
        while self._coming and self._coming[0][0] <= to:
            at, _, callback = heappop(self._coming)
            self.now = max(self.now, at)
            callback()
        self.now = max(self.now, to)

    def date(self) -> datetime:
        """Now, as a date."""
        return self.epoch + timedelta(seconds=self.now)
