"""What a worker runs on: time, chance, threads, and calls side by side.

`Threads` is the real one. The chaos tests put another in its place, in which a seed decides what happens when, so that
every line of the worker runs there as it does here.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread
from time import monotonic
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Answer(Protocol[T_co]):
    """What a call will give."""

    def result(self) -> T_co:
        """Wait for it; raises what the call raised."""
        ...


class Calls(Protocol):
    """Makes calls side by side, a bounded number at once."""

    def submit(self, call: Callable[..., T], /, *arguments: Any) -> Answer[T]:
        """Make the call as soon as there is room."""
        ...

    def finished(self, answers: Iterable[Answer[Any]], timeout: float) -> list[Answer[Any]]:
        """Those that have come, in the order given, once there is one; at the latest after `timeout` seconds."""
        ...

    def close(self) -> None:
        """Drop what has not begun."""
        ...


class Flag(Protocol):
    """A `threading.Event`."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...


class Task(Protocol):
    """A loop that was started."""

    def join(self, timeout: float) -> None: ...

    def is_alive(self) -> bool: ...


class Runtime(Protocol):
    """Safe to use from all that it started."""

    @property
    def random(self) -> Random:
        """Chance, for jitter."""
        ...

    def now(self) -> datetime:
        """The time of day, with its zone. It may jump."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment. Never jumps."""
        ...

    def start(self, name: str, loop: Callable[[], None]) -> Task:
        """Run a loop beside the others."""
        ...

    def flag(self) -> Flag:
        """A new flag, not set."""
        ...

    def calls(self, at_once: int, name: str) -> Calls:
        """Room for so many calls at once."""
        ...


class Threads:
    """`Runtime` with threads and this machine's clocks."""

    def __init__(self) -> None:
        self.random = Random()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return monotonic()

    def start(self, name: str, loop: Callable[[], None]) -> Task:
        thread = Thread(target=loop, name=name, daemon=True)
        thread.start()
        return thread

    def flag(self) -> Flag:
        return Event()

    def calls(self, at_once: int, name: str) -> Calls:
        return _Pool(ThreadPoolExecutor(at_once, thread_name_prefix=name))


class _Pool:
    """`Calls` with a thread pool. What the log says of the caller's work it says of the call, too."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def submit(self, call: Callable[..., T], /, *arguments: Any) -> Future[T]:
        return self._threads.submit(copy_context().run, call, *arguments)

    def finished(self, answers: Iterable[Any], timeout: float) -> list[Answer[Any]]:
        asked: list[Future[Any]] = list(answers)
        come, _ = wait(asked, timeout=timeout, return_when=FIRST_COMPLETED)
        return [answer for answer in asked if answer in come]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
