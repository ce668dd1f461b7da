"""The add-ons there are, found in the folders of `addons/packages`, in the order in which they are applied."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from navarch.addons import packages
from navarch.addons.contract import Inputs
from navarch.addons.package import Package
from navarch.addons.rendering import Object, Rendered


def names() -> tuple[str, ...]:
    """Every add-on, in the order to apply."""
    return tuple(_found())


def wanted(inputs: Inputs) -> tuple[str, ...]:
    """The add-ons of this cluster, in the order to apply: the required ones, as a cluster cannot choose others yet."""
    return tuple(name for name, package in _found().items() if package.required)


def package(name: str) -> Package:
    """One add-on. Raises KeyError for a name that none has."""
    return _found()[name]


def rendered(inputs: Inputs, name: str) -> Rendered:
    """One add-on as it would be applied now. Pure. Raises Permanent where the node image that is wanted lacks a
    component."""
    return package(name).rendered(inputs)


def digest(addon: Rendered) -> str:
    """SHA-256, in hex, over everything the add-on would apply. What is secret goes in as a SHA-256 of its own."""
    said: dict[str, Any] = {
        "fixed": addon.fixed.digest,
        "objects": [_veiled(o) for o in addon.objects],
        "once": [[o["kind"], o["metadata"]["name"]] for o in addon.once],
        "default": addon.default_storage_class,
    }
    if addon.unlabelled:
        said["unlabelled"] = addon.unlabelled
    return _sha256(json.dumps(said, sort_keys=True, separators=(",", ":")))


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
    modules = (import_module(f"{packages.__name__}.{module.name}") for module in iter_modules(packages.__path__))
    found: dict[str, Package] = {module.ADDON.name: module.ADDON for module in modules}
    return {name: found[name] for name in in_order(found)}


def _veiled(made: Object) -> Object:
    if made["kind"] != "Secret":
        return made
    return {**made, "data": {key: _sha256(value) for key, value in made["data"].items()}}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
