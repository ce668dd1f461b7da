"""Places for work that is dear, shared fairly: however much one owner asks for, the next owner's is not behind it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Crowded(Exception):
    """There is no place for this owner's work now."""


class Places:
    """`most` at once, one of each owner. Of one owner `queue` may wait, each for so many seconds. More are told so:
    each that waits holds one of its process's threads."""

    def __init__(self, most: int, queue: int) -> None:
        self._most, self._queue = most, queue
        self._changed = Condition()
        self._busy: set[str] = set()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def one_of(self, owner: str, seconds: float) -> Iterator[None]:
        """Within, the owner has a place. Raises Crowded."""
        with self._changed:
            if self._waiting[owner] >= self._queue:
                raise Crowded
            self._waiting[owner] += 1
            try:
                if not self._changed.wait_for(lambda: self._free(owner), seconds):
                    raise Crowded
                self._busy.add(owner)
            finally:
                self._waiting[owner] -= 1
                if not self._waiting[owner]:
                    del self._waiting[owner]  # or every project that ever asked would be kept
        try:
            yield
        finally:
            with self._changed:
                self._busy.discard(owner)
                self._changed.notify_all()

    def _free(self, owner: str) -> bool:
        return len(self._busy) < self._most and owner not in self._busy
