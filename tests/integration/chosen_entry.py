"""An entry of the catalogue in a real kube-apiserver, as a worker has it in a cluster."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.integration.kube_apiserver import ApiServer

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Asks, Installation, Removal
from navarch.addons.errors import Absent
from navarch.charts.entry import pack, read
from navarch.charts.rendering import Circumstances, Renderer
from navarch.domain.catalogue import ChosenSeen, Item

ADDONS = Path(__file__).parents[2] / "addons"


class ChosenEntry:
    """The entry `name` of `addons/`, chosen under its own name, with these values until it is rendered otherwise."""

    def __init__(
        self, name: str, kube: ApiServer, clusters: KubernetesClusters, renderer: Renderer, **values: Any
    ) -> None:
        self.name, self.kube, self.clusters, self.items = name, kube, clusters, tuple[Item, ...]()
        self._renderer = renderer
        self.render(values)

    def render(self, values: Mapping[str, Any]) -> None:
        """With these values from now on."""
        at = Circumstances(self.name, self.name, "1.37.2", self.clusters.served(self.kube.access).apis())
        rendered = self._renderer.render(pack(ADDONS / self.name), values, at)
        self.objects = (*rendered.definitions, *rendered.objects)

    def apply(self) -> tuple[str, ...]:
        """What it waits for."""
        wanted = Installation(self.name, self.name, "1", upgrade=False, objects=self.objects, before=self.items)
        done = self.clusters.install(self.kube.access, wanted, self._note)
        self.items = done.items
        return done.waits

    def look(self) -> ChosenSeen:
        """What became of it."""
        (seen,) = self.clusters.observe(self.kube.access, Asks(chosen=((self.name, self.items),))).chosen
        return seen

    def remove(self, *, with_data: bool = False) -> tuple[str, ...]:
        """What still goes."""
        made = read(pack(ADDONS / self.name)).card.terms.created_by(self.name, self.name)
        removal = Removal(self.name, self.items, with_data, namespace=self.name, creates=made)
        return self.clusters.uninstall(self.kube.access, removal, self._note)

    def left(self, api: Connection) -> list[Item]:
        """What is there of all that was made."""
        return [item for item in self.items if there(api, path_of(item))]

    def _note(self, items: tuple[Item, ...]) -> None:
        self.items = items


def path_of(item: Item) -> str:
    root = f"/apis/{item.group}/{item.version}" if item.group else f"/api/{item.version}"
    within = f"/namespaces/{item.namespace}" if item.namespace else ""
    return f"{root}{within}/{item.resource}/{item.name}"


def there(api: Connection, path: str) -> bool:
    try:
        api.get(path)
    except Absent:
        return False
    return True


def until(so: Callable[[], bool]) -> None:
    """Asked again and again, for so long that only a hang reaches it: 2 s on a machine that has nothing else to do."""
    end = time.monotonic() + 240
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)
