"""Lists of clusters as statements: conditions and order are put together from `queries/lists.sql`.

Only what is asked for is in the statement. A condition that may be absent (`%(x)s IS NULL OR …`) would hide from
PostgreSQL, once it has planned for any values, that an index can serve it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from navarch.domain.selection import SHORTEST_ID, Order, Selection
from navarch.store import rows
from navarch.store.queries import part, query

_ORDER_PARTS = {Order.NAME: b"c.name", Order.PHASE: b"c.phase", Order.VERSION: part("version_order")}
_IS_ORDERED, _CONDITIONS = b"c.ordinal /* order */", b"/* conditions */"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the values of its parameters."""

    text: bytes
    values: dict[str, Any]


def page(
    project_id: str | None,
    selection: Selection,
    order: Order,
    *,
    descending: bool,
    after: rows.Row | None,
    changed_after: int | None,
    limit: int,
) -> Statement:
    """The first `limit` clusters in that order, after the one whose place (`cluster_place`) is `after`."""
    asked = _asked(project_id, selection)
    if changed_after is not None:
        asked["changed_after"] = {"changed_after": changed_after}
    values = {name: value for condition in asked.values() for name, value in condition.items()} | {"limit": limit}
    if after is not None:
        values |= {"after": after["ordinal"], "after_key": after.get(order.value)}
    return Statement(_page(order, descending, after is not None, tuple(asked)), values)


def count(project_id: str | None, selection: Selection) -> Statement:
    """How many clusters there are."""
    asked = _asked(project_id, selection)
    values = {name: value for condition in asked.values() for name, value in condition.items()}
    return Statement(query("clusters_counted").replace(_CONDITIONS, _together(tuple(asked))), values)


def _asked(project_id: str | None, selection: Selection) -> dict[str, dict[str, Any]]:
    """The values that each condition needs, by the condition's part."""
    search = {"search": list(selection.search), "shortest_id": SHORTEST_ID}
    conditions: dict[str, tuple[bool, dict[str, Any]]] = {
        "in_project": (project_id is not None, {"project_id": project_id}),
        "of_name": (selection.name is not None, {"name": selection.name}),
        "of_labels": (bool(selection.labels), {"labels": rows.pairs(selection.labels)}),
        "of_phases": (bool(selection.phases), {"phases": [phase.value for phase in selection.phases]}),
        "of_versions": (bool(selection.versions), {"versions": list(selection.versions)}),
        "of_responsible": (bool(selection.responsible), {"responsible": [who.value for who in selection.responsible]}),
        "of_search": (bool(selection.search), search),
    }
    return {name: values for name, (wanted, values) in conditions.items() if wanted}


@lru_cache
def _page(order: Order, descending: bool, goes_on: bool, conditions: tuple[str, ...]) -> bytes:
    columns = [*([_ORDER_PARTS[order]] if order in _ORDER_PARTS else []), b"c.ordinal"]
    way, beyond = (b" DESC", b"<") if descending else (b"", b">")
    where = _together(conditions)
    if goes_on:
        places = [b"%(after_key)s"] * (len(columns) - 1) + [b"%(after)s"]
        where += b" AND (%s) %s (%s)" % (b", ".join(columns), beyond, b", ".join(places))
    in_order = b", ".join(column + way for column in columns)
    return query("clusters").replace(_CONDITIONS, where).replace(_IS_ORDERED, in_order)


def _together(conditions: tuple[str, ...]) -> bytes:
    return b"".join(b" AND " + part(name) for name in conditions)
