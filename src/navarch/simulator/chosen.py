"""How a chosen add-on looks in a simulated cluster."""

from collections.abc import Sequence

from navarch.domain.catalogue import ChosenSeen
from navarch.domain.terms import Complaint, EventsRule

STARTS_SECONDS = 2.0  # from its application to all replicas


def seen(name: str, since: float | None, said: str, rules: Sequence[EventsRule], now: float) -> ChosenSeen:
    """Healthy a while after it was installed (`since`, None: it is not there), or with what its programs complain of
    (`said`) where its entry has a rule for it."""
    if since is None:
        return ChosenSeen(name, lost=("all of its objects: not there",))
    if now < since + STARTS_SECONDS:
        return ChosenSeen(name, waiting=("its pods start",))
    if not said or not rules:
        return ChosenSeen(name)
    return ChosenSeen(name, complaint=Complaint(rules[0].reason, said, rules[0].responsible, rules[0].remedy))
