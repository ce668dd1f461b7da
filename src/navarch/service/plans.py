"""Dry runs: what a request would do, as a value; and what differs between two wishes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from navarch.domain.change import growth
from navarch.domain.impact import Impact, impact
from navarch.domain.needs import Need
from navarch.domain.offer import Offer
from navarch.domain.prices import Price, price_of
from navarch.domain.spec import Cluster
from navarch.domain.status import Status
from navarch.domain.steps import Step
from navarch.domain.upgrades import Obstacle, lost_by_a_stop
from navarch.service.access import Access
from navarch.service.choice import Choice
from navarch.store.contract import Stored

_LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """A field that would change, by its dotted path."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request would do: the cluster as it would be, the steps to it as far as they are known, what it takes of
    the quotas (as far as `quota_known`), the fields that would change, what becomes of the machines that there are
    (None: there are none yet), what is to be known before (`notes`), what it costs (None: nobody gave prices), and the
    add-ons that a new cluster begins with."""

    cluster: Cluster
    status: Status
    steps: tuple[Step, ...] = ()
    needs: tuple[Need, ...] = ()
    quota_known: bool = False
    changes: tuple[Change, ...] = ()
    machines: Impact | None = None
    notes: tuple[Obstacle, ...] = ()
    price: Price | None = None
    addons: tuple[Choice, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the quotas suffice."""
        return not any(need.short for need in self.needs)


def plan_of_change(
    access: Access, stored: Stored, after: Cluster, offer: Offer, differs: tuple[Change, ...] = ()
) -> Plan:
    """What becomes of a cluster that is there, and whether the quotas suffice."""
    quota = access.quota(after.project_id)
    machines = access.service.store.machines(after.id, removed=True)
    return Plan(
        after,
        stored.status,
        needs=growth(stored.cluster, after, offer, quota),
        quota_known=quota is not None,
        changes=differs,
        machines=impact(stored.cluster, after, machines, access.service.now()),
        notes=lost_by_a_stop(stored.status) if stored.cluster.spec.running and not after.spec.running else (),
        price=price_of(after, offer, access.service.settings.prices, stored.cluster),
    )


def changes(before: Any, after: Any) -> tuple[Change, ...]:
    """What differs between two documents."""
    return tuple(_changes("", before, after))


def change_text(before: Any, after: Any) -> str:
    """The same on one line."""
    said = (f"{c.field} {json.dumps(c.before)} -> {json.dumps(c.after)}" for c in changes(before, after))
    return ", ".join(said)[:_LONGEST_TEXT]


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _changes(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif before != after:
        yield Change(path, before, after)
