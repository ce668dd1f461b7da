"""Several requests to one cluster at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 4
"""Of one call. Its threads are its own and end with it: a cluster that does not answer keeps no other waiting."""


def at_once(deed: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to all of them, a few at the same time. Returns, or raises the first error, when the last one has ended:
    nothing goes on behind the caller's back."""
    wanted = tuple(things)
    if len(wanted) < 2:
        return [deed(thing) for thing in wanted]
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), thread_name_prefix="kubernetes") as threads:
        started = [threads.submit(deed, thing) for thing in wanted]
    return [done.result() for done in started]
