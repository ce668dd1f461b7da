"""Fields of chosen add-ons that others had set and the add-on took back: who, how often, and what can be done.

Kubernetes knows who set which field last (server-side apply). What a chart sets is the add-on's, whoever else sets it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from navarch.domain.condition import Condition
from navarch.domain.errors import Responsible

UNDISPUTED = "Undisputed"
REMEMBERED = timedelta(hours=24)
"""For how long a field is told of after it was taken back last: whoever sets it once a night is told of all day."""
FOUGHT = 3
"""So often within that time, and somebody sets it again and again."""
MOST = 20
"""Fields of an add-on that are remembered."""
_SAID = 5
_REMEDY = (
    "Set the value of the add-on that makes this field, so that both want the same, or stop what sets it. A field that "
    "others are to set is named in the entry (`ignore` in its navarch.yaml), by who keeps the catalogue."
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A field that somebody else had set. `object`, `field` and `manager` as the cluster says them: who writes to it
    names itself. `times`: so often it was taken back; `at`: the last time."""

    object: str
    field: str
    manager: str
    times: int = 1
    at: datetime | None = None

    def __str__(self) -> str:
        often = f", {self.times} times" if self.times > 1 else ""
        return f"{self.object} {self.field}, set by {self.manager}{often}"


def remembered(before: Iterable[Dispute], taken: Iterable[Dispute], now: datetime) -> tuple[Dispute, ...]:
    """What is remembered once these were taken back now: the latest first."""
    known = {_which(d): d for d in before if d.at is not None and now - d.at < REMEMBERED}
    for dispute in taken:
        times = known[_which(dispute)].times if _which(dispute) in known else 0
        known[_which(dispute)] = replace(dispute, times=times + 1, at=now)
    latest = sorted(known.values(), key=lambda d: (-(d.at or now).timestamp(), _which(d)))
    return tuple(latest[:MOST])


def condition(disputes: Iterable[Dispute], now: datetime) -> Condition | None:
    """What is said of them; None: nothing. It says the same for as long as they are remembered, and changes nothing
    about the phase: the add-on has what it wants."""
    recent = [d for d in disputes if d.at is not None and now - d.at < REMEMBERED]
    if not recent:
        return None
    fought = [d for d in recent if d.times >= FOUGHT]
    told = fought or recent
    more = f"; and {len(told) - _SAID} more" if len(told) > _SAID else ""
    said = f"taken back: {'; '.join(map(str, told[:_SAID]))}{more}"
    if fought:
        return Condition(UNDISPUTED, "False", "FieldsFoughtOver", said, Responsible.USER.value, _REMEDY)
    return Condition(UNDISPUTED, "False", "FieldsTakenBack", said, remedy=_REMEDY)


def _which(dispute: Dispute) -> tuple[str, str, str]:
    return dispute.object, dispute.field, dispute.manager
