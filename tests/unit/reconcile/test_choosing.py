"""Which version of a chart a worker renders for hooks, and what a look is asked of an add-on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.unit.domain.clusters import NOW, cluster

from navarch.addons.contract import Access, Removal
from navarch.addons.kinds import Discovery
from navarch.charts.rendering import Circumstances, Rendered
from navarch.domain.catalogue import Beside, Card, Item
from navarch.domain.chosen import COUNTED_EVERY, Chosen, ChosenStatus
from navarch.domain.terms import Created, Terms
from navarch.reconcile.choosing import is_to_be_counted, uninstall
from navarch.reconcile.dependencies import Dependencies
from navarch.store.contract import StoredEntry

WISH = Chosen("db", "store", "2.0.0", "db", "d" * 64, deletion_requested_at=NOW)
DEFINITION = Item("apiextensions.k8s.io", "CustomResourceDefinition", "", "boats.example.org", uid="u")


class Parts:
    """A store with two versions of an entry, a renderer that names the version in a hook, and a cluster that keeps what
    it was asked to remove."""

    def __init__(self) -> None:
        self.removal: Removal | None = None
        self.asked = 0
        self.store = self.renderer = self.addons = self

    def chart(self, name: str, version: str) -> bytes:
        return version.encode()

    def entries(self, name: str) -> tuple[StoredEntry, ...]:
        versions = ("1.0.0", "2.0.0")
        return tuple(StoredEntry(Card(name, v, name, "", "", "", ">=1.30.0-0", "db"), {}, "d" * 64) for v in versions)

    def values(self, cluster_id: str, name: str) -> None:
        return None

    def render(self, chart: bytes, values: Mapping[str, Any], at: Circumstances, *, owner: str) -> Rendered:
        metadata = {"name": f"drain-{chart.decode()}", "annotations": {"helm.sh/hook": "pre-delete"}}
        return Rendered((), ({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata},))

    def served(self, access: Access) -> Discovery:
        self.asked += 1
        return Discovery("1.37.2", ())

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        self.removal = removal
        return ()

    def forget_chosen(self, cluster_id: str, token: int, name: str) -> None:
        pass


@pytest.mark.parametrize(("applied", "rendered"), [("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("", "2.0.0")])
def test_a_removal_runs_the_hooks_of_the_version_that_was_applied(applied: str, rendered: str) -> None:
    parts = Parts()
    status = ChosenStatus(applied=applied and f"1 {applied}", applied_version=applied, removal_hooks=("Job drain",))
    access = Access("https://shop", "", "", "")
    uninstall(cast(Dependencies, parts), cluster(), 1, access, replace(WISH, status=status))
    assert parts.removal is not None
    assert [hook["metadata"]["name"] for hook in parts.removal.hooks] == [f"drain-{rendered}"]
    assert (parts.asked, parts.removal.served) == (1, Discovery("1.37.2", ())), "what it serves is asked once"


@pytest.mark.parametrize(
    ("status", "goes"),
    [
        (ChosenStatus(), False),
        (ChosenStatus(items=(Item("", "Secret", "db", "keys"),)), False),
        (ChosenStatus(items=(Item("", "Secret", "db", "keys", uid="u"),)), True),
        (ChosenStatus(applied="1 2.0.0"), True),
    ],
    ids=["refused", "about to be made", "made in part", "applied"],
)
def test_of_an_add_on_that_never_came_programs_made_nothing(status: ChosenStatus, goes: bool) -> None:
    parts = Parts()
    terms = Terms(creates=(Created("Secret", name="{name}-ca"),))
    wish = replace(WISH, status=status, terms=terms)
    uninstall(cast(Dependencies, parts), cluster(), 1, Access("https://shop", "", "", ""), wish)
    assert parts.removal is not None
    assert parts.removal.creates == ((Created("Secret", namespace="db", name="db-ca"),) if goes else ())


def test_what_hangs_on_an_add_on_is_asked_for_now_and_then() -> None:
    def asked(beside: Beside | None = None, *items: Item, applied: str = "1") -> bool:
        return is_to_be_counted(replace(WISH, status=ChosenStatus(applied=applied, items=items, beside=beside)), NOW)

    assert asked(None, DEFINITION)
    assert asked(None, Item("apps", "StatefulSet", "db", "db", uid="u"))
    assert not asked(None, DEFINITION, applied="")
    assert not asked(None, Item("apps", "Deployment", "db", "web", uid="u"))
    assert not asked(Beside(at=NOW - COUNTED_EVERY + timedelta(seconds=1)), DEFINITION)
    assert asked(Beside(at=NOW - COUNTED_EVERY), DEFINITION)
