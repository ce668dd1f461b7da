"""Add-ons and the catalogue's entries as OpenAPI shows them. See `models.responses`."""

from datetime import datetime
from typing import Any

from navarch.api.models.responses import ConditionView
from navarch.service.wish import Shown


class ImageView(Shown):
    """A container image that an entry needs."""

    reference: str
    digest: str


class NeedsView(Shown):
    """What an entry takes of a cluster, in all."""

    memory_mib: int
    cpu_millis: int
    volumes: int
    balancers: int


class EntryView(Shown):
    """An entry of the catalogue in its newest version. `icon`: where it is had, an SVG. `versions`: all of them, newest
    first, each with the Kubernetes versions that it is for and what is new in it. `required`: every cluster has it, and
    nobody chooses it; its version is Navarch's, and its images come with the node image, which says their versions:
    they have no digest. `instances`: one or many, of a cluster; `requires`, `conflicts`: entries that must be there, or
    may not be, by their names or by what they say they provide; `leaves`: what stays when it is removed."""

    name: str
    version: str
    title: str
    description: str
    category: str
    licence: str
    namespace: str
    app_version: str
    required: bool
    deprecated: bool
    icon: str | None
    needs: NeedsView
    images: list[ImageView]
    versions: list[dict[str, str]]
    instances: str
    provides: list[str]
    requires: list[str]
    conflicts: list[str]
    leaves: list[str]


class EntryDetailView(EntryView):
    """The same in the version that was asked for, with its README (Markdown of the chart's author: to be shown as such,
    not as HTML) and the schema of its values: JSON Schema, from which forms can be made."""

    readme: str
    values_schema: dict[str, Any]


class EntryPage(Shown):
    """All entries of the catalogue."""

    entries: list[EntryView]


class ObjectView(Shown):
    """An object in the cluster that was made for an add-on. `stays`: it outlives the add-on, unless its data is asked
    to go, too."""

    kind: str
    namespace: str
    name: str
    stays: bool


class CreatedView(Shown):
    """Objects that an add-on's programs make by themselves, and that go with it: the one of this name, or all that have
    these labels. `namespace`: empty for those of the cluster's own."""

    kind: str
    namespace: str
    name: str
    labels: dict[str, str]


class KindCountView(Shown):
    """How many objects of a kind there are, about. `kind`: the name of its definition."""

    kind: str
    count: int


class BesideView(Shown):
    """What hangs on an add-on and is none of its objects: it stays when the add-on goes, and goes with its data.
    `claims`: those that its StatefulSets made, with their volumes; `objects`: of the kinds that it defines, whoever
    made them; `at`: when they were counted."""

    claims: list[ObjectView]
    objects: list[KindCountView]
    at: datetime | None


class TrialRunView(Shown):
    """How tests are that were asked for then. `passed`: null while they run; `said`: what failed, or is waited for."""

    asked_at: datetime
    passed: bool | None
    said: str


class AddonStatusView(Shown):
    """What is seen of an add-on. `version`: the one that was applied last; `notes`: what its chart says. `tests`: what
    of its chart runs when tests are asked for; `removal_hooks`: what runs before or after its removal. `beside`: null
    where nothing was counted."""

    phase: str
    version: str
    conditions: list[ConditionView]
    objects: list[ObjectView]
    notes: str
    tests: list[str]
    test: TrialRunView | None
    removal_hooks: list[str]
    beside: BesideView | None


class AddonView(Shown):
    """An add-on of a cluster: the wish, and what is seen of it. Of `values` only what the customer set is there; what
    is secret is masked. `upgrade`: a newer version for the cluster's Kubernetes. `creates`: what its programs make,
    which goes with it; `leaves`: what stays when it is removed, in phrases; `needed_by`: add-ons of the cluster that
    require it, for which it cannot be removed."""

    name: str
    title: str
    entry: str
    version: str
    namespace: str
    values: dict[str, Any]
    generation: int
    created_at: datetime | None
    deletion_requested_at: datetime | None
    test_requested_at: datetime | None
    upgrade: str | None
    creates: list[CreatedView]
    leaves: list[str]
    needed_by: list[str]
    status: AddonStatusView


class RequiredAddonView(Shown):
    """An add-on that every cluster has. `version`: of what its pods run; several while machines are replaced. It cannot
    be changed or removed: it comes with the cluster's node image."""

    name: str
    title: str
    description: str
    category: str
    licence: str
    phase: str
    version: str
    message: str


class AddonTestView(Shown):
    """dry_run: what would run, in order, each for so many seconds at most. `asked_at`: the tests that were asked for
    then have not ended; asking again changes nothing."""

    hooks: list[str]
    most_seconds: int
    asked_at: datetime | None


class AddonPage(Shown):
    """A cluster's add-ons: those that it chose, and those that every cluster has."""

    addons: list[AddonView]
    required: list[RequiredAddonView]
