"""`navarch-server catalogue`: which add-ons clusters can choose."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

from navarch.charts.checking import problems
from navarch.charts.entry import Entry, NoEntry, pack, read
from navarch.charts.rendering import Renderer
from navarch.domain.catalogue import Card, order_of
from navarch.domain.codec import encode
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.neighbours import circle, providers
from navarch.operate.chart_registry import SCHEME, Address, Credentials, pull
from navarch.store.contract import NameTaken, StoredEntry
from navarch.store.postgres import PostgresStore

_OF_NAVARCH = "{name} is an add-on that every cluster has: those come with Navarch, and are in no region's catalogue"


def listed(store: PostgresStore, required: Iterable[Card], *, as_json: bool) -> str:
    """All versions of all entries; those that every cluster has come with Navarch, and are marked."""
    cards = sorted((entry.card for entry in store.entries()), key=lambda card: (card.name, order_of(card.version)))
    cards += sorted(required, key=lambda card: card.name)
    if as_json:
        return json.dumps([encode(card) for card in cards], indent=2)
    rows = [("NAME", "VERSION", "KUBERNETES", "IMAGES", "REQUIRED", "WHAT IT IS")]
    rows += [
        (p.name, p.version, p.kubernetes, str(len(p.images)), "required" if p.required else "", p.description)
        for p in cards
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[5]]).rstrip() for row in rows)


def check(renderer: Renderer | None, place: str, who: Credentials, taken: Collection[str]) -> tuple[str, bool]:
    """Everything that is wrong with the entries at a place, and whether nothing is. A place is a chart's folder or
    archive, a folder of them, or an address in an OCI registry. `taken`: names of add-ons that every cluster has.
    Raises Permanent without a renderer."""
    lines, good, cards = [], True, []
    for where, entry, wrong in _examined(renderer, place, who, taken):
        good = good and not wrong
        lines += [f"{where}: {said}" for said in wrong]
        if entry is not None:
            cards.append(entry.card)
        if entry is not None and not wrong:
            lines.append(f"{entry.card.name} {entry.card.version}: good")
    if said := _circle(cards):
        lines.append(f"{place}: {said}")
    return "\n".join(lines), good and not said


def add(
    store: PostgresStore, renderer: Renderer | None, place: str, who: Credentials, taken: Collection[str]
) -> tuple[str, bool]:
    """Add those entries at a place that nothing is wrong with; what became of each, and whether all are there now.
    `taken`: as in `check`."""
    lines, good, examined = [], True, list(_examined(renderer, place, who, taken))
    fit = [entry.card for _, entry, wrong in examined if entry is not None and not wrong]
    known = _known([stored.card for stored in store.entries()], fit)
    if said := _circle(known):
        return f"{place}: {said}", False
    for where, entry, wrong in examined:
        if entry is not None:
            wrong = (*wrong, *_unknown(entry.card, known))
        if entry is None or wrong:
            good = False
            lines += [f"{where}: {said}" for said in wrong]
            continue
        try:
            added = store.add_entry(StoredEntry(entry.card, entry.schema, entry.digest), entry.chart)
        except NameTaken as error:
            good = False
            lines.append(f"{where}: {error}; give it another version")
            continue
        lines.append(f"{entry.card.name} {entry.card.version}: {'added' if added else 'is there already'}")
    return "\n".join(lines), good


def _newest(cards: Iterable[Card]) -> tuple[Card, ...]:
    """Of each entry its newest version."""
    newest = {card.name: card for card in sorted(cards, key=lambda card: order_of(card.version))}
    return tuple(newest.values())


def _known(there: Iterable[Card], fit: list[Card]) -> tuple[Card, ...]:
    """The newest versions of what the catalogue has once those are added that fit: of these, which lack nothing that
    only one has that is not added."""
    had = tuple(there)
    while True:
        known = _newest((*had, *fit))
        added = [card for card in fit if not any(_unknown(card, known))]
        if len(added) == len(fit):
            return known
        fit = added


def _circle(cards: Iterable[Card]) -> str:
    """Why entries that require each other could never be installed; empty: they can."""
    names = circle(_newest(cards))
    return f"they require each other in a circle: {' -> '.join(names)}" if names else ""


def _unknown(card: Card, known: tuple[Card, ...]) -> Iterator[str]:
    for name in card.terms.requires:
        if not providers(name, known):
            yield f"it requires {name}, which no entry of the catalogue is or provides: add that first, or with it"


def _examined(
    renderer: Renderer | None, place: str, who: Credentials, taken: Collection[str]
) -> Iterator[tuple[str, Entry | None, tuple[str, ...]]]:
    """Each entry at a place with all that is wrong with it; None where it is none."""
    if renderer is None:
        raise Permanent(
            "charts cannot be rendered here: the setting catalogue.renderer is not set",
            reason="RendererMissing",
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Build navarch-render with `navarch-images tools`, and name it in the setting.",
        )
    for where, packed in _charts(place, who):
        try:
            entry = read(packed())
        except NoEntry as error:
            yield where, None, error.problems
            continue
        if entry.card.required or entry.card.name in taken:
            yield where, entry, (_OF_NAVARCH.format(name=entry.card.name),)
            continue
        yield where, entry, problems(entry, renderer)


def _charts(place: str, who: Credentials) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Where each chart of a place is, and how to have it packed. Of a folder that is no chart, all that are in it."""
    if place.startswith(SCHEME):
        yield place, lambda: pull(Address.read(place), who)
        return
    path = Path(place)
    if path.is_file() or (path / "Chart.yaml").is_file():
        paths = [path]
    else:
        paths = sorted(p for p in path.iterdir() if p.suffix == ".tgz" or (p / "Chart.yaml").is_file())
    for each in paths:
        yield str(each), partial(pack, each) if each.is_dir() else each.read_bytes
