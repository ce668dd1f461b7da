"""What an entry of the catalogue shows of itself in one of its versions: README, icon."""

from dataclasses import dataclass, field
from functools import lru_cache

from navarch.charts.entry import presented
from navarch.charts.presenting import ICON, Presentation
from navarch.domain.catalogue import Card, suits
from navarch.service import chosen
from navarch.service.access import Access, Shipped
from navarch.service.refusals import Missing
from navarch.store.contract import CatalogueStore, NotFound, StoredEntry

_MOST = 128  # versions whose README and icon are held: 192 KiB each at most, 2 KiB as a rule


@dataclass(frozen=True, slots=True)
class Presented:
    """A version of an entry, among all of its `versions`, newest first. `readme`: Markdown."""

    entry: StoredEntry
    versions: tuple[StoredEntry, ...]
    readme: str


def entry(access: Access, name: str, *, version: str | None = None, kubernetes: str | None = None) -> Presented:
    """This version of an entry; without one, the newest for this Kubernetes, or the newest. Raises Missing."""
    versions = chosen.entry(access, name)
    its = _of(versions, version) if version else next((v for v in versions if _fits(v, kubernetes)), versions[0])
    return Presented(its, versions, _presentation(access, its).readme)


def icon(access: Access, name: str, *, version: str | None = None) -> str:
    """Its icon, an SVG. Raises Missing, also where it has none that may be shown."""
    its = _of(chosen.entry(access, name), version)
    found = _presentation(access, its).icon
    if found is None:
        raise Missing("icon of the entry")
    return found


def has_icon(card: Card) -> bool:
    """Whether its chart says that it holds one."""
    return card.icon == f"file:{ICON}"


def _of(versions: tuple[StoredEntry, ...], version: str | None) -> StoredEntry:
    for its in versions:
        if version in (None, its.card.version):
            return its
    raise Missing("version of the entry")


def _fits(its: StoredEntry, kubernetes: str | None) -> bool:
    return kubernetes is None or suits(its.card, kubernetes)


@dataclass(frozen=True, slots=True)
class _Chart:
    """A chart to be read: known by what it holds."""

    digest: str
    name: str
    version: str
    store: CatalogueStore = field(compare=False)


def _presentation(access: Access, its: StoredEntry) -> Presentation:
    if isinstance(its, Shipped):
        return _shipped(its.chart)
    try:
        return _read(_Chart(its.digest, its.card.name, its.card.version, access.service.store))
    except NotFound:
        raise Missing("version of the entry") from None


@lru_cache(_MOST)
def _shipped(chart: bytes) -> Presentation:
    return presented(chart)


@lru_cache(_MOST)
def _read(chart: _Chart) -> Presentation:
    """A page of the catalogue asks for every icon at once, and a chart may have 2 MiB."""
    return presented(chart.store.chart(chart.name, chart.version))
