"""The time of day that all of Navarch agrees on: the database's.

What a worker compares with its own time was mostly written by another process: a machine's report, a person's wish,
what another worker decided. A worker whose clock is ten minutes ahead would find each new machine late. So it follows
the database, which it asks for work anyway."""

from collections.abc import Callable
from datetime import datetime, timedelta

from navarch.domain import clocks


class Clock:
    """`own` is the machine's own time, with which it begins. Safe to use from threads."""

    def __init__(self, own: Callable[[], datetime]) -> None:
        self.own = own
        self._ahead = timedelta()  # by how much the database's clock is ahead of it

    def now(self) -> datetime:
        """The time of day, with its zone. It may jump."""
        return self.own() + self._ahead

    def agree(self, said: datetime, asked_at: datetime) -> None:
        """Follow the database, which said this after it was asked at `asked_at` of the machine's own time."""
        self._ahead = clocks.ahead(said, asked_at, self.own(), known=self._ahead)
