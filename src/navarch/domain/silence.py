"""Silence: not everything answered when a cluster was looked at.

Pure. Among many clusters somebody misses an answer at any moment, and it means nothing. So for judging, and only for
judging, what could not be read counts as it was last seen: a condition stays as it was judged then, unless what did
answer speaks against it. That ends with `GRACE`. As a cluster that is Ready is looked at every three minutes, what is
shown is then five minutes old at most. Nothing is made or removed for what was only seen earlier.
"""

from datetime import datetime, timedelta

from navarch.domain.observed import Observed
from navarch.domain.status import Status

GRACE = timedelta(minutes=2)  # a service that starts anew, or moves to another host, is back by then


def silent_since(observed: Observed, previous: Status, now: datetime, *, api_was_there: bool) -> datetime | None:
    """Since when not everything answers; None: all does. `api_was_there`: the Kubernetes API is one that has answered,
    and is to."""
    cloud_is_silent = any(trouble.responsible is None for trouble in observed.cloud.trouble)
    api_is_silent = api_was_there and observed.kube is None and observed.kube_trouble
    if not cloud_is_silent and not api_is_silent:
        return None
    return min(previous.silent_since or now, now)  # another worker's clock may be ahead


def is_short(since: datetime | None, now: datetime) -> bool:
    """Whether there is a silence of which nothing is told yet."""
    return since is not None and now - since < GRACE
