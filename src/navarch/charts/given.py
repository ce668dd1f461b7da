"""Values that Navarch gives to a chart: those that its schema asks for with `x-navarch-given`, unless they are set."""

from collections.abc import Callable, Mapping
from typing import Any

from navarch.domain.spec import Cluster

GIVEN = "x-navarch-given"


FACTS: Mapping[str, Callable[[Cluster], str]] = {"cluster-id": lambda cluster: cluster.id}
"""What can be given, by the name that a schema asks for it with."""


def completed(values: Mapping[str, Any], schema: Mapping[str, Any], cluster: Cluster) -> dict[str, Any]:
    """The values with what the schema asks for and nobody set: what is set stays, but for an empty text."""
    made = dict(values)
    for name, inner in (schema.get("properties") or {}).items():
        if not isinstance(inner, Mapping):
            continue
        if inner.get(GIVEN) in FACTS:
            made[name] = made.get(name) or FACTS[inner[GIVEN]](cluster)
            continue
        below = made.get(name, {})
        if isinstance(below, Mapping) and (filled := completed(below, inner, cluster)):
            made[name] = filled
    return made


def unknown(schema: Any) -> tuple[str, ...]:
    """What a schema asks for and nobody gives."""
    if isinstance(schema, Mapping):
        asked = schema.get(GIVEN)
        here = (str(asked),) if asked is not None and asked not in FACTS else ()
        return (*here, *(said for inner in schema.values() for said in unknown(inner)))
    if isinstance(schema, list):
        return tuple(said for inner in schema for said in unknown(inner))
    return ()
