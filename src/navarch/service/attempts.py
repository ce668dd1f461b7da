"""Changing what others change at the same time: each attempt merges into what is there, and is written unless somebody
was faster.

No row is locked for it: between reading and writing, a change may wait seconds for the project's quotas, in which the
cluster's worker has to write.
"""

import time
from collections.abc import Callable, Iterator
from random import uniform

from navarch.service.refusals import InTheWay

_SECONDS = 10.0  # of two that overtake each other one is always done: a dozen take a second
_PAUSE_SECONDS = 0.02, 0.1  # at random, so that they do not meet again
_BUSY_FOR = 2.0  # seconds after which a client may try again


def attempts(
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Again and again, with a short pause between, for some seconds."""
    end = clock() + _SECONDS
    yield
    while clock() < end:
        sleep(uniform(*_PAUSE_SECONDS))
        yield


def overtaken() -> InTheWay:
    """Others changed the same thing before each of the attempts."""
    return InTheWay("busy", "it is being changed by others all the time; try again", after=_BUSY_FOR)
