"""The add-ons that every cluster has, found in the folders of `addons/packages`, in the order in which they are
applied."""

from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from navarch.addons import packages
from navarch.addons.package import Package, package_in


def names() -> tuple[str, ...]:
    """Every add-on, in the order to apply."""
    return tuple(_found())


def package(name: str) -> Package:
    """One add-on. Raises KeyError for a name that none has."""
    return _found()[name]


def in_order(found: Mapping[str, Package]) -> tuple[str, ...]:
    """Each add-on behind those that it says it comes after; otherwise by name. Raises ValueError where it comes after
    one that is not there, graphlib.CycleError where two come after each other."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, package in found.items():
        if unknown := set(package.after) - set(found):
            raise ValueError(f"add-on {name} comes after {', '.join(sorted(unknown))}, which there is not")
        sorter.add(name, *package.after)
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += ready
        sorter.done(*ready)
    return tuple(ordered)


@cache
def _found() -> Mapping[str, Package]:
    charts = (chart.parent for place in packages.__path__ for chart in Path(place).glob("*/Chart.yaml"))
    found = {made.name: made for made in map(package_in, charts)}
    return {name: found[name] for name in in_order(found)}
