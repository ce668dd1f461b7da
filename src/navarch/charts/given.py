"""Values that Navarch gives to a chart: those that its schema asks for with `x-navarch-given`, unless they are set."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from navarch.domain.spec import Cluster

Of = TypeVar("Of")
GIVEN = "x-navarch-given"
FACTS: Mapping[str, Callable[[Cluster], str]] = {"cluster-id": lambda cluster: cluster.id}
"""What can be given to an entry that clusters choose, by the name that a schema asks for it with. Those that every
cluster has are given more: `addons.facts`."""


def completed(
    values: Mapping[str, Any], schema: Mapping[str, Any], of: Of, facts: Mapping[str, Callable[[Of], Any]]
) -> dict[str, Any]:
    """The values with what the schema asks for and nobody set: what is set stays, but for an empty text."""
    made = dict(values)
    for name, inner in (schema.get("properties") or {}).items():
        if not isinstance(inner, Mapping):
            continue
        if inner.get(GIVEN) in facts:
            made[name] = made.get(name) or facts[inner[GIVEN]](of)
            continue
        below = made.get(name, {})
        if isinstance(below, Mapping) and (filled := completed(below, inner, of, facts)):
            made[name] = filled
    return made


def unknown(schema: Any, facts: Collection[str] = FACTS) -> tuple[str, ...]:
    """What a schema asks for that is none of these facts."""
    if isinstance(schema, Mapping):
        asked = schema.get(GIVEN)
        here = (str(asked),) if asked is not None and asked not in facts else ()
        return (*here, *(said for inner in schema.values() for said in unknown(inner, facts)))
    if isinstance(schema, list):
        return tuple(said for inner in schema for said in unknown(inner, facts))
    return ()
