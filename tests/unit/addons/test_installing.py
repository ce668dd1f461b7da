"""What a cluster says of an add-on's objects is its owner's word, and is kept in a row."""

from typing import Any, cast

import pytest

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.contract import Installation
from navarch.addons.installing import install, mark_of
from navarch.addons.targets import LABEL
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent

ENDLESS = "\0" + "x" * 100_000
WANTED = Installation(
    "shop", "shop", "1", False, ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}},)
)


class Boundless:
    """An API server that serves ConfigMaps and says of each what has no bound."""

    def __init__(self, *, there: bool) -> None:
        self._there = there

    def get(self, path: str) -> Any:
        return {"gitVersion": "v1.37.2"}

    def discover(self, root: str) -> Any:
        kind = {
            "resource": "configmaps",
            "responseKind": {"kind": "ConfigMap"},
            "scope": "Namespaced",
            "verbs": ["list"],
        }
        core = {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [kind]}]}
        return {"items": [core] if root == "/api" else []}

    def metadata(self, path: str) -> Any:
        if not self._there:
            raise errors.Absent
        return {"labels": {LABEL: ENDLESS}}

    def apply_as(self, manager: str, path: str, made: Any, *, force: bool = True, dry_run: bool = False) -> Any:
        return {"uid": ENDLESS, "resourceVersion": ENDLESS}


def test_what_is_kept_of_an_object_has_a_bound() -> None:
    noted: list[tuple[Item, ...]] = []
    (item,) = install(cast(Connection, Boundless(there=False)), WANTED, noted.append).items
    for kept in (item.uid, item.mark, mark_of("DaemonSet", {"generation": ENDLESS}, "shop")):
        assert 0 < len(kept) <= 64
        assert "\0" not in kept


def test_whose_an_object_is_has_a_bound_in_what_is_told() -> None:
    with pytest.raises(Permanent, match="is of the add-on") as refused:
        install(cast(Connection, Boundless(there=True)), WANTED, lambda _: None)
    assert len(refused.value.message) < 300
    assert "\0" not in refused.value.message
