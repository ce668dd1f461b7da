"""What a cluster's owner is told of how it goes: how far it is, and where the time went."""

from collections.abc import Sequence
from datetime import datetime

from navarch.domain.machines import Machine
from navarch.domain.progress import Progress, progress_of
from navarch.domain.waterfall import Waterfall, waterfall
from navarch.service.access import Access

_EVENTS = 5000  # all that is kept of a cluster


def progress(access: Access, reference: str, since: datetime | None) -> Progress:
    """How far a cluster is on its way to what was asked for. `since`: see `progress_of`; None: now. Raises Missing, and
    the store's Unreadable, Unavailable."""
    stored = access.cluster(reference)
    now = access.service.now()
    machines: Sequence[Machine] = access.service.store.machines(stored.cluster.id)
    return progress_of(stored.cluster, stored.status, machines, now, since=since or now)


def timeline(access: Access, reference: str, *, everything: bool) -> Waterfall:
    """Where the time of its creation went; `everything`: also what happened since. Raises as `progress`."""
    stored = access.cluster(reference)
    store, id_ = access.service.store, stored.cluster.id
    events = [found.event for found in store.events(id_, limit=_EVENTS)]
    return waterfall(
        stored.cluster, stored.status, store.machines(id_), events, now=access.service.now(), everything=everything
    )
