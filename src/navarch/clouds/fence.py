"""What is asked before each request that changes something: whether whoever asks may still do so.

A worker that was paused in the middle of a step must not go on with it when another has taken the cluster over. The
cloud knows nothing of leases, so the question is asked as late as it can be: here, by every cloud, before each request.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("navarch_fence", default=None)


@contextmanager
def fenced(check: Callable[[], None]) -> Iterator[None]:
    """Within it, `check` is called before each changing request of this thread; what it raises ends the step."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def before_a_change() -> None:
    """Raises what the fence raises; nothing where there is none."""
    check = _check.get()
    if check is not None:
        check()
