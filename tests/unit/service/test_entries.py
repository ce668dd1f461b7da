"""The catalogue as it is listed, beside what ships with Navarch."""

from types import SimpleNamespace
from typing import cast

from navarch.domain.catalogue import Card
from navarch.operate.catalogue import listed
from navarch.service.access import Access, Shipped
from navarch.service.chosen import entries
from navarch.store.contract import StoredEntry
from navarch.store.postgres import PostgresStore


def card(name: str, version: str, *, required: bool = False) -> Card:
    return Card(name, version, name, "", "", "", "", name, required=required)


OURS = card("dns", "1.0.0rc1", required=True)  # Navarch's version, as Python's packages have it
STORED = [StoredEntry(card("web", version), {}, "") for version in ("1.9.0", "1.10.0", "1.10.0-rc.1")]
STORE = SimpleNamespace(entries=lambda: STORED)


def test_versions_come_newest_first_and_a_release_candidate_of_navarch_is_one_of_its_entries() -> None:
    service = SimpleNamespace(store=STORE, required=(Shipped(OURS, {}, "", chart=b""),))
    found = entries(cast(Access, SimpleNamespace(service=service)))
    told = [[(entry.card.name, entry.card.version) for entry in versions] for versions in found]
    assert told == [[("dns", "1.0.0rc1")], [("web", "1.10.0"), ("web", "1.10.0-rc.1"), ("web", "1.9.0")]]


def test_the_operators_list_has_them_too() -> None:
    lines = listed(cast(PostgresStore, STORE), [OURS], as_json=False).splitlines()
    versions = [line.split()[1] for line in lines]
    assert versions == ["VERSION", "1.9.0", "1.10.0-rc.1", "1.10.0", "1.0.0rc1"]
