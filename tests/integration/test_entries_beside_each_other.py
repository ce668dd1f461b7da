"""The entries of `addons/` in one cluster: what two of them would both make, or write on a machine, is said by them."""

from collections.abc import Iterator
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
from tests.integration.chosen_entry import ADDONS
from tests.integration.entry_programs import renderer as renderer
from tests.integration.test_catalogue import CHART, NOBODY, SCHEMA, config_map

from navarch.charts.entry import Entry, pack, read
from navarch.charts.objects import key_of
from navarch.charts.rendering import Circumstances, Renderer
from navarch.domain.chosen import Chosen
from navarch.domain.neighbours import unbearable
from navarch.operate.catalogue import add, check
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.tools

ENTRIES = {folder.name: read(pack(folder)) for folder in sorted(ADDONS.iterdir()) if (folder / "Chart.yaml").is_file()}
OF_ITS_VALUES = {"/etc/containerd/certs.d"}
"""Folders of which each installation has one of its own below, as its values say: the registry's host."""


def chosen(entry: Entry, name: str) -> Chosen:
    return Chosen(name, entry.card.name, entry.card.version, name, "", terms=entry.card.terms)


def made(renderer: Renderer, entry: Entry, name: str) -> tuple[dict[str, Any], ...]:
    """With the values of its trial, in a namespace of its own."""
    apis = ("monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor")
    rendered = renderer.render(entry.chart, entry.trials[0], Circumstances(name, name, "1.37.2", apis))
    return (*rendered.definitions, *rendered.objects)


def on_machines(made: dict[str, Any]) -> Iterator[str]:
    """Ports and folders of machines that an object's pods take for themselves, or write."""
    spec = made.get("spec", {}).get("template", {}).get("spec", {})
    containers = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    mounts = [mount for container in containers for mount in container.get("volumeMounts", ())]
    for volume in spec.get("volumes", ()):
        if "hostPath" in volume and any(m["name"] == volume["name"] and not m.get("readOnly") for m in mounts):
            yield volume["hostPath"]["path"]
    ports = [port for container in containers for port in container.get("ports", ())]
    yield from (f"port {p['containerPort']}" for p in ports if spec.get("hostNetwork") or p.get("hostPort"))


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(ENTRIES, 2)))
def test_two_that_would_take_the_same_say_that_they_cannot_be_in_one_cluster(
    first: str, second: str, renderer: Renderer
) -> None:
    a, b = ENTRIES[first], ENTRIES[second]
    mine, others = made(renderer, a, "a"), made(renderer, b, "b")
    objects = {str(key_of(o)) for o in mine} & {str(key_of(o)) for o in others}
    taken = {p for o in mine for p in on_machines(o)} & {p for o in others for p in on_machines(o)}
    common = sorted(objects | (taken - OF_ITS_VALUES))
    said = list(unbearable(chosen(a, "a"), [chosen(b, "b")]))
    assert bool(common) == bool(said), (common, said)


def test_monitoring_and_prometheus_can_be_in_one_cluster() -> None:
    assert not list(unbearable(chosen(ENTRIES["monitoring"], "a"), [chosen(ENTRIES["prometheus"], "b")]))


def put(place: Path, name: str, terms: str = "", *, template: str = "") -> None:
    """An entry of this name, with these terms."""
    folder = place / name
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text(CHART.replace("name: demo", f"name: {name}"))
    (folder / "navarch.yaml").write_text(f"title: {name}\n{terms}\n")
    (folder / "values.schema.json").write_text(SCHEMA)
    (folder / "templates" / "a.yaml").write_text(template or config_map("1"))


@pytest.mark.postgres
def test_entries_that_require_each_other_or_what_nobody_has_are_refused(
    store: PostgresStore, renderer: Renderer, tmp_path: Path
) -> None:
    place = str(tmp_path)
    put(tmp_path, "one", "requires: [two-kinds]")
    assert check(renderer, place, NOBODY, ())[1], "what is not here may be in the catalogue"
    told, good = add(store, renderer, place, NOBODY, ())
    assert (good, "one: it requires two-kinds, which no entry of the catalogue is or provides" in told) == (False, True)

    put(tmp_path, "two", "provides: [two-kinds]\nrequires: [one]")
    told, good = check(renderer, place, NOBODY, ())
    assert (good, told.splitlines()[-1].endswith("in a circle: one -> two -> one")) == (False, True)
    told, good = add(store, renderer, place, NOBODY, ())
    assert (good, "in a circle: one -> two -> one" in told) == (False, True)
    assert store.entries() == ()

    put(tmp_path, "two", "provides: [two-kinds]")
    assert add(store, renderer, place, NOBODY, ()) == ("one 1.0.0: added\ntwo 1.0.0: added", True)
    put(tmp_path, "three", "requires: [two-kinds]\nconflicts: one")
    told, good = check(renderer, place, NOBODY, ())
    assert (good, "navarch.yaml: conflicts is a list of 20 at most" in told) == (False, True)


@pytest.mark.postgres
def test_what_is_refused_is_nothing_that_others_can_require(
    store: PostgresStore, renderer: Renderer, tmp_path: Path
) -> None:
    put(tmp_path, "first", "requires: [second]")
    put(tmp_path, "second", "requires: [third]")
    put(tmp_path, "third", template="{{ fail `no` }}")
    told, good = add(store, renderer, str(tmp_path), NOBODY, ())
    assert (good, store.entries()) == (False, ())
    assert "first: it requires second, which no entry of the catalogue is or provides" in told
    assert "second: it requires third, which no entry of the catalogue is or provides" in told
