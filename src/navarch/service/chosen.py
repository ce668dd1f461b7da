"""Add-ons of a cluster: what the catalogue offers, choosing, changing, asking to go."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from navarch.bootstrap.vault import close_values, open_values
from navarch.charts.differing import masked
from navarch.domain import drafts
from navarch.domain.catalogue import Card, newest_first, order_of, suits
from navarch.domain.chosen import HOOK_SECONDS, Chosen
from navarch.domain.errors import FieldError
from navarch.domain.neighbours import needed_by
from navarch.domain.required import RequiredAddon
from navarch.domain.terms import Created
from navarch.service import beside
from navarch.service.access import ANY, Access, Generations, being_deleted
from navarch.service.addon_wish import AddonPatch, NewAddon
from navarch.service.attempts import attempts, overtaken
from navarch.service.choice import (
    DEFINITION,
    NO_LONGER,
    REQUIRED,
    AddonPlan,
    Choice,
    consider,
    defined_before,
    plan_of,
    rendered,
    renderer_of,
    version_of,
    wrong_values,
)
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.service.understanding import judged, understand
from navarch.store.contract import Clash, EntryGone, NameTaken, NotFound, Stale, Stored, StoredEntry

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A chosen add-on as people see it. `upgrade`: the newest version above its own for the cluster's Kubernetes.
    `needed_by`: add-ons that require it."""

    chosen: Chosen
    title: str
    values: Document
    upgrade: str | None
    needed_by: tuple[str, ...] = ()

    @property
    def creates(self) -> tuple[Created, ...]:
        """What its programs make, which goes with it."""
        return self.chosen.terms.created_by(self.chosen.name, self.chosen.namespace)


def entries(access: Access) -> tuple[tuple[StoredEntry, ...], ...]:
    """The catalogue: of each entry its versions, newest first; those that every cluster has among them."""
    by_name: dict[str, list[StoredEntry]] = {}
    for entry in access.service.store.entries():
        by_name.setdefault(entry.card.name, []).append(entry)
    found = {
        name: tuple(sorted(versions, key=lambda e: order_of(e.card.version), reverse=True))
        for name, versions in by_name.items()
    }
    # Of these there is one version, Navarch's, which is none of the form that entries' versions have: 1.0.0rc1.
    found |= {entry.card.name: (entry,) for entry in access.service.required}
    return tuple(versions for _, versions in sorted(found.items()))


def entry(access: Access, name: str) -> tuple[StoredEntry, ...]:
    """One entry's versions, newest first; `presented.entry` is one of them. Raises Missing."""
    for versions in entries(access):
        if versions[0].card.name == name:
            return versions
    raise Missing("entry of the catalogue")


def all_of(access: Access, reference: str) -> tuple[tuple[Shown, ...], tuple[tuple[RequiredAddon, Card | None], ...]]:
    """A cluster's add-ons: those that it chose, and those that every cluster has, with what the catalogue says of them.
    Raises Missing, Unreadable, as all here."""
    stored = access.cluster(reference)
    offered = access.service.store.entries()
    sealed = access.service.store.all_values(stored.cluster.id)
    there = access.service.store.chosen(stored.cluster.id)
    found = tuple(
        _shown(stored, wish, there, offered, _opened(access, stored, wish.name, sealed.get(wish.name)))
        for wish in there
    )
    cards = {entry.card.name: entry.card for entry in access.service.required}
    return found, tuple((its, cards.get(its.name)) for its in stored.status.required)


def show(access: Access, reference: str, name: str) -> Shown:
    """One of them."""
    stored = access.cluster(reference)
    return _one_shown(access, stored, _of(access, stored, name))


def create(access: Access, reference: str, document: Document) -> Shown:
    """Choose an add-on. Raises Invalid with everything that is wrong, InTheWay."""
    stored = access.changeable(reference)
    choice = _wished(access, stored, document)
    name = choice.wish.name
    sealed = close_values(access.service.sealer, stored.cluster.id, name, choice.values)
    try:
        made = access.service.store.choose(stored.cluster.id, choice.wish, sealed, request_id=access.request_id)
    except NameTaken:
        raise _taken(name) from None
    except EntryGone:
        raise Invalid((FieldError("entry", NO_LONGER),)) from None
    except Clash as clash:
        raise Invalid((FieldError("entry", str(clash)),)) from None
    except NotFound:
        raise Missing("cluster") from None
    note_asked(access, stored.cluster.id, made)
    return _one_shown(access, stored, made)


def note_asked(access: Access, cluster_id: str, wish: Chosen) -> None:
    """Write into the timeline who asked for an add-on."""
    access.note(cluster_id, "AddonRequested", f"asked for add-on {wish.name} {wish.version}", subject=wish.name)


def plan_creation(access: Access, reference: str, document: Document) -> AddonPlan:
    """What `create` would do."""
    return _wished(access, access.changeable(reference), document).plan


def change(access: Access, reference: str, name: str, patch: Document, *, generations: Generations = ANY) -> Shown:
    """Merge a patch into a chosen add-on. Raises Stale where it is not of one of these generations."""
    for _ in attempts():
        stored, before, choice = _changed(access, reference, name, patch, generations)
        after = choice.wish
        sealed = close_values(access.service.sealer, stored.cluster.id, name, choice.values)
        try:
            made = access.service.store.change_chosen(stored.cluster.id, after, sealed, request_id=access.request_id)
        except Stale:
            continue
        except Clash as clash:
            raise Invalid((FieldError("version", str(clash)),)) from None
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
    stored, before, after = _changed(access, reference, name, patch, generations)
    own = _values(access, stored, name)
    schema = next(
        (e.schema for e in access.service.store.entries(before.entry) if e.card.version == before.version), {}
    )
    return plan_of(after, (rendered(access, stored.cluster, before, own, schema), own))


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What asking for tests would do: the hooks that run, in order, each for `most_seconds` at most. `asked_at`: they
    were asked for then and have not ended: asking again changes nothing."""

    hooks: tuple[str, ...]
    most_seconds: int
    asked_at: datetime | None = None


def plan_test(access: Access, reference: str, name: str) -> TrialPlan:
    """What `test` would do. Raises InTheWay where there is nothing to run, or nothing to run it on."""
    return _testable(_of(access, access.changeable(reference), name))


def test(access: Access, reference: str, name: str) -> Shown:
    """Have the tests of an add-on's chart run, once more if they ran before. While they run, asking again changes
    nothing. Raises InTheWay."""
    stored = access.changeable(reference)
    wish = _of(access, stored, name)
    if _testable(wish).asked_at is not None:
        return _one_shown(access, stored, wish)
    try:
        asked = access.service.store.request_chosen_test(
            stored.cluster.id, name, at=access.service.now(), request_id=access.request_id
        )
    except NotFound:
        raise Missing("add-on") from None
    access.note(stored.cluster.id, "AddonTestRequested", f"asked for the tests of add-on {name}", subject=name)
    return _one_shown(access, stored, asked)


def _testable(wish: Chosen) -> TrialPlan:
    if wish.leaving:
        raise being_deleted(f"add-on {wish.name}")
    if not wish.status.applied:
        raise InTheWay("not-applied", f"add-on {wish.name} is not applied yet")
    if not wish.status.tests:
        raise InTheWay("no-tests", f"the chart of add-on {wish.name} has no tests")
    return TrialPlan(wish.status.tests, HOOK_SECONDS, wish.test_requested_at if wish.to_test else None)


def remove(
    access: Access,
    reference: str,
    name: str,
    *,
    with_data: bool = False,
    no_hooks: bool = False,
    generations: Generations = ANY,
) -> Shown:
    """Ask an add-on to go. Asking again changes nothing, but that hooks which were to run do not. Raises InTheWay for
    one that another requires."""
    stored = access.changeable(reference)
    before = _of(access, stored, name)
    generations.check(before.generation)
    beside.check_removal(before, access.service.store.chosen(stored.cluster.id))
    try:
        gone = access.service.store.request_chosen_removal(
            stored.cluster.id,
            name,
            at=access.service.now(),
            with_data=with_data,
            no_hooks=no_hooks,
            request_id=access.request_id,
        )
    except Clash as clash:
        raise InTheWay("add-on-needed", str(clash)) from None
    if not before.leaving or gone.no_hooks != before.no_hooks:
        told = f"asked to remove add-on {name}{' without its hooks' if no_hooks else ''}"
        access.note(stored.cluster.id, "AddonRemovalRequested", told, subject=name)
    return _one_shown(access, stored, gone)


def _wished(access: Access, stored: Stored, document: Document) -> Choice:
    """What a request for a new one means, and what is made of it. Raises Invalid, InTheWay."""
    renderer_of(access)
    cluster = stored.cluster
    asked, malformed = understand(NewAddon, document)
    choice, wrong = consider(access, cluster, asked)
    there = access.service.store.chosen(cluster.id)
    offered = (entry.card for entry in access.service.store.entries())
    near = () if choice is None else beside.of_new(choice.wish, there, there, offered)
    errors = judged(malformed, (*wrong, *near))
    if errors or choice is None:
        raise Invalid(errors)
    if any(wish.name == choice.wish.name for wish in there):
        raise _taken(choice.wish.name)
    others = ((wish, [i.name for i in wish.status.items if i.kind == DEFINITION]) for wish in there)
    if wrong := tuple(defined_before(choice, others)):
        raise Invalid(wrong)
    return choice


def _changed(
    access: Access, reference: str, name: str, patch: Document, generations: Generations
) -> tuple[Stored, Chosen, Choice]:
    stored = access.changeable(reference)
    before = _of(access, stored, name)
    generations.check(before.generation)
    if before.leaving:
        raise being_deleted(f"add-on {name}")
    asked, malformed = understand(AddonPatch, patch)
    errors = list(malformed)
    offered, cluster = access.service.store.entries(before.entry), stored.cluster
    card = version_of(cluster.spec.kubernetes_version, offered, asked.version or before.version, errors)
    if card is None or errors:
        raise Invalid(tuple(errors))
    own = _values(access, stored, name)
    values = {} if "values" in patch and patch["values"] is None else drafts.merge(own, asked.values or {})
    after = replace(before, version=card.version, terms=card.terms)
    entry = next(e for e in offered if e.card.version == card.version)
    others, cards = access.service.store.chosen(cluster.id), (e.card for e in access.service.store.entries())
    unfit = beside.of_change(before, after, others, cards)
    if wrong := (*unfit, *wrong_values(access, cluster, after, values, entry.schema)):
        raise Invalid(wrong)
    return stored, before, Choice(after, entry, values, rendered(access, cluster, after, values, entry.schema))


def _of(access: Access, stored: Stored, name: str) -> Chosen:
    """Raises Missing, and InTheWay for one that every cluster has."""
    for wish in access.service.store.chosen(stored.cluster.id):
        if wish.name == name:
            return wish
    if access.service.is_required(name):
        raise InTheWay("required-add-on", f"add-on {name}: {REQUIRED}")
    raise Missing("add-on")


def _values(access: Access, stored: Stored, name: str) -> Document:
    return _opened(access, stored, name, access.service.store.values(stored.cluster.id, name))


def _opened(access: Access, stored: Stored, name: str, sealed: bytes | None) -> Document:
    return {} if sealed is None else open_values(access.service.sealer, stored.cluster.id, name, sealed)


def _one_shown(access: Access, stored: Stored, wish: Chosen) -> Shown:
    store = access.service.store
    there = store.chosen(stored.cluster.id)
    return _shown(stored, wish, there, store.entries(), _values(access, stored, wish.name))


def _shown(
    stored: Stored, wish: Chosen, there: tuple[Chosen, ...], offered: tuple[StoredEntry, ...], values: Document
) -> Shown:
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
        needed_by(wish, there),
    )


def _taken(name: str) -> InTheWay:
    errors = (FieldError("name", f"{name!r} is taken"),)
    return InTheWay(
        "name-taken", f"the cluster has an add-on named {name} already: update that, or give this another name", errors
    )
