"""Add-ons of a cluster: what the catalogue offers, choosing, changing, asking to go."""

import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from navarch.bootstrap.vault import close_values, open_values
from navarch.charts.differing import MASK, Difference, differences, masked, masks_in, secrets_in, veiled
from navarch.charts.rendering import Circumstances, Object, Rendered, Renderer, Unrenderable
from navarch.domain import drafts
from navarch.domain.catalogue import Card, newest_first, order_of, suits
from navarch.domain.chosen import Chosen
from navarch.domain.errors import FieldError
from navarch.service.access import ANY, Access, Generations, being_deleted
from navarch.service.attempts import attempts, overtaken
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.service.understanding import understand
from navarch.store.contract import NameTaken, NotFound, Stale, Stored, StoredEntry

Document = dict[str, Any]
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class NewAddon(BaseModel):
    """An add-on of the catalogue for a cluster."""

    model_config = ConfigDict(extra="forbid", strict=True)

    entry: str | None = Field(default=None, description="Name of the catalogue's entry.")
    name: str | None = Field(default=None, description="Its name in this cluster. Default: the entry's.")
    version: str | None = Field(default=None, description="Default: the newest for the cluster's Kubernetes.")
    namespace: str | None = Field(default=None, description="Where it goes. Default: what the entry says.")
    values: dict[str, Any] | None = Field(default=None, description="What is other than the entry's defaults.")


class AddonPatch(BaseModel):
    """What is to be changed of an add-on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str | None = Field(default=None, description="Another version of the entry.")
    values: dict[str, Any] | None = Field(
        default=None, description="Merged into the values; null in the place of a value has it as the entry says again."
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A chosen add-on as people see it. `upgrade`: the newest version above its own for the cluster's Kubernetes."""

    chosen: Chosen
    title: str
    values: Document
    upgrade: str | None


@dataclass(frozen=True, slots=True)
class AddonPlan:
    """What a request would do: the objects that come, go and change. `looked_up`: what the chart asks the cluster for
    while it is rendered, which is not known here; `notes`: what the chart says to who installs it."""

    version: str
    differences: tuple[Difference, ...]
    looked_up: tuple[str, ...] = ()
    notes: str = ""


def entries(access: Access) -> tuple[tuple[StoredEntry, ...], ...]:
    """The catalogue: of each entry its versions, newest first."""
    by_name: dict[str, list[StoredEntry]] = {}
    for entry in access.service.store.entries():
        by_name.setdefault(entry.card.name, []).append(entry)
    return tuple(
        tuple(sorted(versions, key=lambda e: order_of(e.card.version), reverse=True))
        for _, versions in sorted(by_name.items())
    )


def entry(access: Access, name: str) -> tuple[StoredEntry, ...]:
    """One entry's versions, newest first. Raises Missing."""
    for versions in entries(access):
        if versions[0].card.name == name:
            return versions
    raise Missing("entry of the catalogue")


def chosen(access: Access, reference: str) -> tuple[Shown, ...]:
    """A cluster's add-ons. Raises Missing, Unreadable, as all here."""
    stored = access.cluster(reference)
    offered = access.service.store.entries()
    sealed = access.service.store.all_values(stored.cluster.id)
    return tuple(
        _shown(stored, wish, offered, _opened(access, stored, wish.name, sealed.get(wish.name)))
        for wish in access.service.store.chosen(stored.cluster.id)
    )


def show(access: Access, reference: str, name: str) -> Shown:
    """One of them."""
    stored = access.cluster(reference)
    return _one_shown(access, stored, _of(access, stored, name))


def create(access: Access, reference: str, document: Document) -> Shown:
    """Choose an add-on. Raises Invalid with everything that is wrong, InTheWay."""
    stored = access.changeable(reference)
    wish, values, _ = _wished(access, stored, document)
    sealed = close_values(access.service.sealer, stored.cluster.id, wish.name, values)
    try:
        made = access.service.store.choose(stored.cluster.id, wish, sealed, request_id=access.request_id)
    except NameTaken:
        raise _taken(wish.name) from None
    except NotFound:
        raise Missing("cluster") from None
    access.note(stored.cluster.id, "AddonRequested", f"asked for add-on {made.name} {made.version}", subject=made.name)
    return _one_shown(access, stored, made)


def plan_creation(access: Access, reference: str, document: Document) -> AddonPlan:
    """What `create` would do."""
    stored = access.changeable(reference)
    wish, values, made = _wished(access, stored, document)
    return _planned(access, stored, wish, values, made, None)


def change(access: Access, reference: str, name: str, patch: Document, *, generations: Generations = ANY) -> Shown:
    """Merge a patch into a chosen add-on. Raises Stale where it is not of one of these generations."""
    for _ in attempts():
        stored, before, after, values, _ = _changed(access, reference, name, patch, generations)
        sealed = close_values(access.service.sealer, stored.cluster.id, name, values)
        try:
            made = access.service.store.change_chosen(stored.cluster.id, after, sealed, request_id=access.request_id)
        except Stale:
            continue
        except NotFound:
            raise Missing("add-on") from None
        told = f"version {before.version} -> {after.version}" if before.version != after.version else "other values"
        access.note(stored.cluster.id, "AddonChangeRequested", f"asked for {name}: {told}", subject=name)
        return _one_shown(access, stored, made)
    raise overtaken()


def plan_change(
    access: Access, reference: str, name: str, patch: Document, *, generations: Generations = ANY
) -> AddonPlan:
    """What `change` would do."""
    stored, before, after, values, made = _changed(access, reference, name, patch, generations)
    return _planned(access, stored, after, values, made, before)


def remove(
    access: Access, reference: str, name: str, *, with_data: bool = False, generations: Generations = ANY
) -> Shown:
    """Ask an add-on to go. Asking again changes nothing."""
    stored = access.changeable(reference)
    before = _of(access, stored, name)
    generations.check(before.generation)
    gone = access.service.store.request_chosen_removal(
        stored.cluster.id, name, at=access.service.now(), with_data=with_data, request_id=access.request_id
    )
    if not before.leaving:
        access.note(stored.cluster.id, "AddonRemovalRequested", f"asked to remove add-on {name}", subject=name)
    return _one_shown(access, stored, gone)


def _wished(access: Access, stored: Stored, document: Document) -> tuple[Chosen, Document, Rendered]:
    """What a request for a new one means, and what is made of it. Raises Invalid, InTheWay."""
    asked, malformed = understand(NewAddon, document)
    errors = list(malformed)
    offered = access.service.store.entries(asked.entry) if asked.entry else ()
    if not offered:
        known = ", ".join(sorted({e.card.name for e in access.service.store.entries()})) or "none"
        errors.append(FieldError("entry", f"{(asked.entry or '')[:60]!r} is not in the catalogue; known: {known}"))
    name, values = asked.name or asked.entry or "", asked.values or {}
    if not _NAME.fullmatch(name):
        errors.append(FieldError("name", "must be 1 to 40 small letters, digits and dashes, a letter first"))
    card = _version(stored, offered, asked.version, errors)
    namespace = asked.namespace or (card.namespace if card is not None else "")
    if card is not None and (not _NAMESPACE.fullmatch(namespace) or namespace.startswith("kube-")):
        errors.append(FieldError("namespace", "must be a name of Kubernetes, and none that begins with kube-"))
    if card is None or errors:
        raise Invalid(tuple(errors))
    if any(wish.name == name for wish in access.service.store.chosen(stored.cluster.id)):
        raise _taken(name)
    wish = Chosen(name, card.name, card.version, namespace, digest="")
    return wish, values, _checked(access, stored, wish, values)


def _changed(
    access: Access, reference: str, name: str, patch: Document, generations: Generations
) -> tuple[Stored, Chosen, Chosen, Document, Rendered]:
    stored = access.changeable(reference)
    before = _of(access, stored, name)
    generations.check(before.generation)
    if before.leaving:
        raise being_deleted(f"add-on {name}")
    asked, malformed = understand(AddonPatch, patch)
    errors = list(malformed)
    card = _version(stored, access.service.store.entries(before.entry), asked.version or before.version, errors)
    if card is None or errors:
        raise Invalid(tuple(errors))
    own = _values(access, stored, name)
    values = {} if "values" in patch and patch["values"] is None else drafts.merge(own, asked.values or {})
    after = replace(before, version=card.version)
    return stored, before, after, values, _checked(access, stored, after, values)


def _version(
    stored: Stored, offered: tuple[StoredEntry, ...], wanted: str | None, errors: list[FieldError]
) -> Card | None:
    """The version that is wanted, or the newest for the cluster's Kubernetes."""
    if not offered:
        return None
    kubernetes = stored.cluster.spec.kubernetes_version
    cards = newest_first(entry.card for entry in offered)
    fitting = [card for card in cards if suits(card, kubernetes)]
    card = next((p for p in cards if p.version == wanted), None) if wanted else next(iter(fitting), None)
    known = ", ".join(p.version for p in cards)
    if card is None and wanted:
        errors.append(FieldError("version", f"{wanted[:40]!r} is not in the catalogue; known: {known}"))
    elif card is None or card not in fitting:
        needed = (card or cards[0]).kubernetes
        errors.append(FieldError("version", f"is for Kubernetes {needed}, and the cluster has {kubernetes}"))
        return None
    return card


def _checked(access: Access, stored: Stored, wish: Chosen, values: Document) -> Rendered:
    """What is made of it. Raises Invalid with every value that does not fit."""
    renderer = _renderer(access)
    if masks_in(values):
        raise Invalid((FieldError("values", f"{MASK} stands for what is not shown; leave such values out"),))
    chart, owner = access.service.store.chart(wish.entry, wish.version), stored.cluster.project_id
    wrong = renderer.wrong_values(chart, values, owner=owner)
    if wrong:
        raise Invalid(wrong)
    return _rendered(access, stored, wish, values)


def _planned(
    access: Access, stored: Stored, after: Chosen, values: Document, made: Rendered, before: Chosen | None
) -> AddonPlan:
    old: tuple[Object, ...] = ()
    own: Document = {}
    if before is not None:
        own = _values(access, stored, before.name)
        old = _objects(_rendered(access, stored, before, own))
    looked_up = tuple(f"{asked.kind} {asked.namespace}/{asked.name}".strip("/") for asked in made.lookups)
    schemas = [e.schema for e in access.service.store.entries(after.entry) if e.card.version == after.version]
    hidden = secrets_in([values, own], {"items": schemas[0] if schemas else {}})
    return AddonPlan(after.version, differences(old, _objects(made), hidden), looked_up, veiled(made.notes, hidden))


def _objects(made: Rendered) -> tuple[Object, ...]:
    return (*made.definitions, *made.objects)


def _rendered(access: Access, stored: Stored, wish: Chosen, values: Document) -> Rendered:
    """What the chart makes, as far as that is known without the cluster. Raises Invalid."""
    kubernetes = stored.cluster.spec.kubernetes_version
    at = Circumstances(wish.name, wish.namespace, kubernetes, upgrade=bool(wish.status.applied))
    try:
        chart = access.service.store.chart(wish.entry, wish.version)
        return _renderer(access).render(chart, values, at, owner=stored.cluster.project_id)
    except Unrenderable as error:
        raise Invalid(tuple(FieldError("values", problem) for problem in error.problems)) from None


def _renderer(access: Access) -> Renderer:
    renderer = access.service.renderer
    if renderer is None:
        raise InTheWay("no-add-ons", "this installation has no add-ons to choose: its operator has not set it up")
    return renderer


def _of(access: Access, stored: Stored, name: str) -> Chosen:
    for wish in access.service.store.chosen(stored.cluster.id):
        if wish.name == name:
            return wish
    raise Missing("add-on")


def _values(access: Access, stored: Stored, name: str) -> Document:
    return _opened(access, stored, name, access.service.store.values(stored.cluster.id, name))


def _opened(access: Access, stored: Stored, name: str, sealed: bytes | None) -> Document:
    return {} if sealed is None else open_values(access.service.sealer, stored.cluster.id, name, sealed)


def _one_shown(access: Access, stored: Stored, wish: Chosen) -> Shown:
    return _shown(stored, wish, access.service.store.entries(), _values(access, stored, wish.name))


def _shown(stored: Stored, wish: Chosen, offered: tuple[StoredEntry, ...], values: Document) -> Shown:
    mine = [entry for entry in offered if entry.card.name == wish.entry]
    own = next((entry for entry in mine if entry.card.version == wish.version), None)
    kubernetes = stored.cluster.spec.kubernetes_version
    newer = [p for p in newest_first(e.card for e in mine) if suits(p, kubernetes) and not p.deprecated]
    upgrade = newer[0].version if newer and order_of(newer[0].version) > order_of(wish.version) else None
    return Shown(
        wish,
        own.card.title if own is not None else wish.entry,
        masked(values, own.schema if own is not None else {}),
        upgrade,
    )


def _taken(name: str) -> InTheWay:
    errors = (FieldError("name", f"{name!r} is taken"),)
    return InTheWay("name-taken", f"the cluster has an add-on named {name} already", errors)
