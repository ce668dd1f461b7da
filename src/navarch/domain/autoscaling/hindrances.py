"""What keeps node groups from growing though pods wait: why, who must act, how, and when it is tried again."""

from collections.abc import Iterator
from datetime import datetime

from navarch.domain.autoscaling import devices
from navarch.domain.autoscaling.memory import Backoff, Memory
from navarch.domain.finding import Finding


def hindrances(memory: Memory, now: datetime) -> Iterator[Finding]:
    """Of each group, those that hold now. They are never late: Navarch tries again by itself."""
    yield from (_not_asked(backoff) for backoff in memory.backoffs if now < backoff.until)
    yield from (devices.finding(device) for device in memory.devices if device.holds(now))


def backoff_in_words(backoff: Backoff) -> str:
    """Of one that holds."""
    return f"{backoff.group} is asked for no more machines until {backoff.until:%H:%M:%S} UTC: {backoff.why}"


def _not_asked(backoff: Backoff) -> Finding:
    return Finding(
        "FailedToScaleUpGroup",
        f"{backoff_in_words(backoff)}. Then one is tried again; other groups are asked meanwhile",
        backoff.responsible or None,
        backoff.remedy or None,
        late=None,
    )
