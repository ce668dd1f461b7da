"""What can be said of a cluster, and of an add-on that it chose."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """A statement about a cluster, or an add-on: `status` is True, False or Unknown. Where somebody must act,
    `responsible` says who and `remedy` how. `deadline`: when a step in progress counts as stuck."""

    type: str
    status: str
    reason: str
    message: str
    responsible: str | None = None
    remedy: str | None = None
    last_transition_at: datetime | None = None
    deadline: datetime | None = None
    observed_generation: int = 0
