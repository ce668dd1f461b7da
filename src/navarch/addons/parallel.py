"""Several requests at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def at_once(pool: Executor, deed: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to all of them at the same time, in the pool's threads. Returns, or raises the first error, when the last
    one has ended: nothing goes on behind the caller's back."""
    started = [pool.submit(deed, thing) for thing in things]
    wait(started)
    return [done.result() for done in started]
