"""What is remembered of clusters, as many as there is room for."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
_KEPT = 5000  # clusters


class Remembered(Generic[T]):
    """One value a cluster; the oldest goes where there are too many. Safe to use from threads."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def get(self, cluster_id: str) -> T | None:
        """What is remembered, or None."""
        with self._lock:
            return self._values.get(cluster_id)

    def put(self, cluster_id: str, value: T) -> None:
        """Remember it as the newest."""
        with self._lock:
            self._values[cluster_id] = value
            self._values.move_to_end(cluster_id)
            while len(self._values) > _KEPT:
                self._values.popitem(last=False)

    def drop(self, cluster_id: str) -> None:
        """Remember nothing of it."""
        with self._lock:
            self._values.pop(cluster_id, None)
