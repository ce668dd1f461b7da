"""What a request for add-ons means, before a store that is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from tests.integration.catalogue_fixtures import SCHEMA, Unchanging
from tests.unit.domain.clusters import cluster

from navarch.domain.catalogue import Card
from navarch.service.access import Access
from navarch.service.addon_wish import NewAddon
from navarch.service.choice import consider_new
from navarch.store.contract import StoredEntry


def entry(name: str, version: str, kubernetes: str = ">=1.30.0-0", schema: Mapping[str, Any] = SCHEMA) -> StoredEntry:
    card = Card(name, version, name.title(), "", "", "", kubernetes, namespace=name)
    return StoredEntry(card, schema, digest=version)


@dataclass
class Shelf:
    """The part of a store that is asked."""

    found: tuple[StoredEntry, ...]
    asked_for: list[str] = field(default_factory=list)

    def entries(self, name: str | None = None) -> tuple[StoredEntry, ...]:
        self.asked_for.append(name or "")
        return tuple(e for e in self.found if name in (None, e.card.name))

    def chart(self, name: str, version: str) -> bytes:
        return f"{name} {version}".encode()


def access(*found: StoredEntry) -> tuple[Access, Shelf]:
    shelf = Shelf(found)
    service = SimpleNamespace(store=shelf, renderer=Unchanging(), is_required=lambda name: name == "coredns")
    until = datetime.now(UTC)
    return Access(cast(Any, service), "ann-id", "ann", "alpha", "req-1", until, found=lambda _: None), shelf


def test_neither_an_entry_that_every_cluster_has_nor_its_name_is_chosen() -> None:
    who, _ = access(entry("store", "1.9.0"))
    asked = [NewAddon(entry="coredns"), NewAddon(entry="store", name="coredns"), NewAddon(entry="store")]
    _, wrong = consider_new(who, cluster(), asked, version_known=True)
    assert [(e.field, e.detail.partition(":")[0]) for e in wrong] == [
        ("spec.addons[0].entry", "every cluster has it, with its node image"),
        ("spec.addons[1].name", "coredns is an add-on that every cluster has; take another"),
    ]


def test_the_newest_that_suits_the_new_clusters_kubernetes_is_chosen_and_rendered() -> None:
    who, _ = access(entry("store", "1.9.0"), entry("store", "1.10.0"), entry("store", "2.0.0", ">=1.99.0-0"))
    (made,), wrong = consider_new(who, cluster(), [NewAddon(entry="store")], version_known=True)
    assert wrong == ()
    assert (made.wish.name, made.wish.version, made.wish.namespace) == ("store", "1.10.0", "store")
    assert [d.object for d in made.plan.differences] == ["ConfigMap store", "Secret store"]


def test_while_the_clusters_version_is_not_known_no_version_is_refused_and_nothing_rendered() -> None:
    who, _ = access(entry("store", "2.0.0", ">=1.99.0-0"))
    asked = [NewAddon(entry="store", values={"size": "x"})]
    (made,), wrong = consider_new(who, cluster(), asked, version_known=False)
    assert [e.field for e in wrong] == ["spec.addons[0].values.size"]
    assert made.made is None
    assert made.plan.differences == ()


def test_what_cannot_be_an_entrys_name_is_not_looked_for() -> None:
    who, shelf = access(entry("store", "1.0.0"))
    for odd in ("a\0b", "../store", "x" * 300, ""):
        _, wrong = consider_new(who, cluster(), [NewAddon(entry=odd)], version_known=True)
        assert [e.field for e in wrong] == ["spec.addons[0].entry"]
    assert set(shelf.asked_for) == {""}


def test_what_is_secret_is_masked_and_a_mask_is_no_value() -> None:
    who, _ = access(entry("store", "1.0.0"))
    secret = NewAddon(entry="store", values={"password": "hunter2"})
    (made,), _ = consider_new(who, cluster(), [secret], version_known=True)
    assert made.shown_values == {"password": "(sealed)"}
    back = NewAddon(entry="store", values=made.shown_values)
    _, wrong = consider_new(who, cluster(), [back], version_known=True)
    assert [e.field for e in wrong] == ["spec.addons[0].values"]
