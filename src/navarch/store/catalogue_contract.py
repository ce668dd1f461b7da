"""What the API and the worker ask of the store about add-ons that clusters choose. See `contract` for what all of it
promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from navarch.domain.catalogue import Card
from navarch.domain.chosen import Chosen, ChosenStatus


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A version of an entry of the catalogue, without its chart. `digest`: the chart's SHA-256, in hex."""

    card: Card
    schema: Mapping[str, Any]
    digest: str


class CatalogueStore(Protocol):
    """The catalogue, and what clusters chose of it. Values of a chosen add-on are a sealed secret of the cluster's,
    named by `choices.values_name`."""

    def entries(self, name: str | None = None) -> tuple[StoredEntry, ...]:
        """All versions of all entries, or of one, by name; in no order of versions."""
        ...

    def chart(self, name: str, version: str) -> bytes:
        """The packed chart. Raises NotFound."""
        ...

    def chosen(self, cluster_id: str) -> tuple[Chosen, ...]:
        """The add-ons that a cluster chose, by name."""
        ...

    def values(self, cluster_id: str, name: str) -> bytes | None:
        """The sealed values of a chosen add-on."""
        ...


class ChoosingStore(CatalogueStore, Protocol):
    """The API's side of it. `request_id`: as in `ApiStore.request_deletion`."""

    def all_values(self, cluster_id: str) -> Mapping[str, bytes]:
        """The sealed values of every add-on that a cluster chose, by its name."""
        ...

    def choose(self, cluster_id: str, wish: Chosen, values: bytes, *, request_id: str | None = None) -> Chosen:
        """Write a new one, with its sealed values. Raises NotFound, EntryGone, NameTaken, Clash."""
        ...

    def change_chosen(self, cluster_id: str, wish: Chosen, values: bytes, *, request_id: str | None = None) -> Chosen:
        """Write another version or other values, if the row is still of the wish's generation. Raises NotFound,
        Stale, Clash."""
        ...

    def request_chosen_removal(
        self,
        cluster_id: str,
        name: str,
        *,
        at: datetime,
        with_data: bool,
        no_hooks: bool = False,
        request_id: str | None = None,
    ) -> Chosen:
        """Ask it to go; asking again changes nothing, but for `no_hooks`, which may come later. Raises NotFound, and
        Clash where another requires it."""
        ...

    def request_chosen_test(self, cluster_id: str, name: str, *, at: datetime, request_id: str | None = None) -> Chosen:
        """Ask for its tests; once more, if they ran before. Raises NotFound."""
        ...


class ChosenStore(CatalogueStore, Protocol):
    """The worker's side. All that writes raises LeaseLost."""

    def note_chosen(self, cluster_id: str, token: int, name: str, status: ChosenStatus) -> None:
        """Write what became of one."""
        ...

    def forget_chosen(self, cluster_id: str, token: int, name: str) -> None:
        """Drop one that was asked to go, and its values."""
        ...
