"""What pods ask for and machines have, as numbers: Kubernetes' quantities, and the scheduler's reckoning with them."""

from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

from navarch.addons.foreign import text
from navarch.domain.pods import Amounts

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(10**3), "M": Decimal(10**6),
    "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip
_MOST, _MOST_DIGITS = 2**63 - 1, 20  # a larger number is one that nobody has, and could take long to be written out
_MOST_RESOURCES = 50
_OF_WHOLE_PODS = ("cpu", "memory")  # and hugepages-…: what pod-level requests take the place of
Seen = Mapping[str, Any]


def amounts(said: object) -> Amounts:
    """Quantities by resource. What is no quantity counts as nothing."""
    if not isinstance(said, Mapping):
        return ()
    found = (
        (text(name, 253), _quantity(str(name), str(value)[:40])) for name, value in list(said.items())[:_MOST_RESOURCES]
    )
    return tuple(sorted(pair for pair in found))


def of_pod(pod: Seen) -> Amounts:
    """What the scheduler reckons that a pod needs: the sum of its containers and sidecars, or an init container with
    the sidecars before it if that is more; what is asked for the pod as a whole instead; its overhead beside. Of a pod
    whose resources are being changed, the largest of what is asked, what it was promised and what it has; what is asked
    counts for nothing where its machine can never give it (PodRequests of k8s.io/component-helpers)."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    pending: Seen = next((c for c in status.get("conditions", ()) if c.get("type") == "PodResizePending"), {})
    infeasible = pending.get("reason") == "Infeasible"
    has = {s.get("name"): s for s in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))}
    promised, given = status.get("allocatedResources"), (status.get("resources") or {}).get("requests")

    def asked(container: Seen) -> Any:
        return container.get("resources", {}).get("requests")

    def unless_infeasible(container: Seen) -> Any:
        return None if infeasible else asked(container)

    def of_container_promised(container: Seen) -> Any:
        known = has.get(container.get("name"), {}).get("allocatedResources")
        return known if known is not None else unless_infeasible(container)

    def of_container_given(container: Seen) -> Any:
        known = (has.get(container.get("name"), {}).get("resources") or {}).get("requests")
        return known if known is not None else of_container_promised(container)

    if promised is not None and given is not None:
        parts = [dict(amounts(promised)), dict(amounts(given))]
    else:
        parts = [_of_containers(spec, of_container_promised), _of_containers(spec, of_container_given)]
    if not infeasible:
        parts.append(_of_containers(spec, asked))
    needed: dict[str, int] = {}
    for part in parts:
        needed = _larger(needed, part)
    needed.update(_of_the_whole(spec, promised, status.get("resources"), given, infeasible=infeasible))
    needed = _total((needed, dict(amounts(spec.get("overhead")))))
    return tuple(sorted((name, amount) for name, amount in needed.items() if amount))


def _of_the_whole(spec: Seen, promised: Any, resources: Any, given: Any, *, infeasible: bool) -> Mapping[str, int]:
    """What is asked for a pod as a whole, of what may be."""
    whole = dict(amounts(spec.get("resources", {}).get("requests")))
    if not any(_is_of_the_whole(name) for name in whole):
        return {}
    if resources is not None:
        known = _larger(dict(amounts(promised)), dict(amounts(given)))
        whole = known if infeasible else _larger(whole, known)
    return {name: amount for name, amount in whole.items() if _is_of_the_whole(name)}


def _is_of_the_whole(name: str) -> bool:
    return name in _OF_WHOLE_PODS or name.startswith("hugepages-")


def _of_containers(spec: Seen, quantities: Callable[[Seen], Any]) -> dict[str, int]:
    """What containers need at once, by what each of them needs."""
    needed = _total(dict(amounts(quantities(c))) for c in spec.get("containers", ()))
    sidecars: dict[str, int] = {}
    starting: dict[str, int] = {}
    for container in spec.get("initContainers", ()):
        own = dict(amounts(quantities(container)))
        if container.get("restartPolicy") == "Always":
            sidecars = _total((sidecars, own))
            starting = _larger(starting, sidecars)
        else:
            starting = _larger(starting, _total((sidecars, own)))
    return _larger(_total((needed, sidecars)), starting)


def _total(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = found.get(name, 0) + amount
    return found


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


@lru_cache(maxsize=4096)
def _quantity(resource: str, said: str) -> int:
    """In thousandths of a CPU, else in whole units; rounded up, as Kubernetes does."""
    number = said.rstrip("numkKMGTPEi")
    factor = _SUFFIXES.get(said[len(number) :])
    if said == number or factor is None:
        number, factor = said, Decimal(1)  # also with an exponent
    try:
        value = Decimal(number)
        if not value.is_finite() or value <= 0:
            return 0
        if value.adjusted() > _MOST_DIGITS:
            return _MOST
        value *= factor * (1000 if resource == "cpu" else 1)
        return min(_MOST, int(value.to_integral_value(ROUND_CEILING)))
    except ArithmeticError:  # of decimal, too
        return 0
