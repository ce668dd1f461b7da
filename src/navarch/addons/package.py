"""An add-on that every cluster has: an entry of the catalogue that ships with Navarch, as its chart's folder says it.

The chart is a Helm chart as every entry's. Its navarch.yaml says `required: true`, after which others it is applied
(`after`), and about its pods what has to be known without rendering: the `components` of the node image that its images
are of, and which `workloads` run which of them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from navarch import __version__
from navarch.addons.contract import Inputs
from navarch.addons.facts import FACTS
from navarch.addons.placing import Places, Workload, places
from navarch.charts.entry import pack, read
from navarch.charts.given import completed
from navarch.domain.catalogue import Card, Image

REGISTRY = "registry.navarch.internal"
"""Where images are said to be: they are built by Navarch, so they carry its name, and lie in the node image already."""

CONTROL_PLANE_TAINT = "node-role.kubernetes.io/control-plane"
_FINISH = "1"
"""Of what `addons.rendering` makes of a rendered chart. Another one has every add-on applied anew."""
_REPLICAS = "replicas"
_FOR_PEOPLE = frozenset({"README.md", "icon.svg"})


@dataclass(frozen=True, slots=True)
class Package:
    """One add-on; pure. `after`: add-ons that are applied before it. `components`: the images that its pods run, each
    with the component of the node image that says its tag; the first gives the add-on its version. `made_of`: SHA-256,
    in hex, of its chart's files, but for those that people read."""

    card: Card
    chart: bytes = field(default=b"", repr=False)
    schema: Mapping[str, Any] = field(default_factory=dict, repr=False)
    after: tuple[str, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = ()
    made_of: str = ""

    @property
    def name(self) -> str:
        """As clusters, people and conditions know it."""
        return self.card.name

    @property
    def repository(self) -> str | None:
        """Where the image lies that gives it its version. None: it has no pods."""
        return next((f"{REGISTRY}/{image}" for image in self.components), None)

    @property
    def is_told_secrets(self) -> bool:
        """Whether a value that its chart is given is secret."""
        return any(described.get("writeOnly") for described in self.schema.get("properties", {}).values())

    def values(self, inputs: Inputs) -> dict[str, Any]:
        """What its chart is given."""
        return completed({}, self.schema, inputs, FACTS)

    def replicas(self, inputs: Inputs) -> int:
        """How many pods its Deployment is to have: `replicas` of its values, one where it has no such value."""
        replicas: int = self.values(inputs).get(_REPLICAS, 1)
        return replicas

    def places(self, inputs: Inputs) -> Places:
        """Which tags its workloads run. Raises Permanent where the node image that is wanted lacks a component."""
        return places(inputs, self.workloads, self.components, replicas=self.replicas(inputs))

    def asked(self, inputs: Inputs) -> str:
        """SHA-256, in hex, over what is rendered with what values. What is secret goes in as a SHA-256 of its own."""
        described = self.schema.get("properties", {})
        values = {
            name: _sha256(_plain(value)) if described[name].get("writeOnly") else value
            for name, value in self.values(inputs).items()
        }
        return _sha256(_plain([self.made_of, values]))

    def digest(self, inputs: Inputs) -> str:
        """SHA-256, in hex, over everything that what would be applied is made from: no chart is rendered for it. Raises
        Permanent as `places`."""
        placed = [[workload.kind, workload.name, tags] for workload, tags in self.places(inputs).items()]
        return _sha256(_plain([_FINISH, self.asked(inputs), placed, self.unlabelled(inputs)]))

    def unlabelled(self, inputs: Inputs) -> Mapping[str, Mapping[str, str]]:
        """Nodes that lack labels which its pods ask for, with these labels."""
        return inputs.unlabelled if self.workloads else {}


def package_in(folder: Path) -> Package:
    """The add-on whose chart is in this folder. Raises NoEntry, and KeyError or ValueError for a mistake of ours in its
    navarch.yaml."""
    packed = pack(folder)
    entry = read(packed)
    page = entry.page
    components: Mapping[str, str] = page.get("components", {})
    images = tuple(Image(f"{REGISTRY}/{image}", "") for image in components)
    return Package(
        card=replace(entry.card, version=__version__, images=images),
        chart=packed,
        schema=entry.schema,
        after=tuple(page.get("after", ())),
        components=components,
        workloads=tuple(
            Workload(said["kind"], said["name"], tuple(said["images"]), said.get("control_plane", False))
            for said in page.get("workloads", ())
        ),
        made_of=_sha256(_plain(sorted(_digests(folder)))),
    )


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """(path, SHA-256) of each file that may have a part in what is made: templates read all files of their chart, and
    navarch.yaml says namespace and components. Not of the archive, which another zlib may pack otherwise, and not of
    what people read."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _FOR_PEOPLE:
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(said: Any) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
