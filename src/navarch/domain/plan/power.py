"""Whether a cluster is to run now."""

from dataclasses import dataclass
from datetime import datetime

from navarch.domain.calendar import last_edge, next_edge
from navarch.domain.spec import Cluster


@dataclass(frozen=True, slots=True)
class Power:
    """`running`: whether the cluster is to run now; `since` when that was said or the schedule came to it (None: it was
    never otherwise); `until` when its schedule changes it (None: never)."""

    running: bool
    since: datetime | None = None
    until: datetime | None = None


def power(cluster: Cluster, now: datetime) -> Power:
    """What a cluster's spec says of now: the last of what a person said and what the schedule came to."""
    spec = cluster.spec
    if spec.schedule is None:
        return Power(spec.running, spec.running_since)
    said, came, coming = (
        spec.running_since or cluster.created_at,
        last_edge(spec.schedule, now),
        next_edge(spec.schedule, now),
    )
    follows = coming.at if coming is not None else None
    if came is None or came.at <= said:
        return Power(spec.running, spec.running_since, follows)
    return Power(came.running, came.at, follows)
