"""What a request for an add-on means: which version of which entry, where, with which values, what that makes, and
everything that is wrong with it. The same for a cluster that is there and for one that is asked for."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from navarch.charts.differing import MASK, Difference, differences, masked, masks_in, secrets_in, veiled
from navarch.charts.given import FACTS, completed
from navarch.charts.rendering import Circumstances, Object, Rendered, Renderer, Unrenderable
from navarch.charts.taking import taken
from navarch.domain.catalogue import Card, newest_first, suits
from navarch.domain.chosen import Chosen
from navarch.domain.errors import FieldError
from navarch.domain.neighbours import never_first
from navarch.domain.spec import Cluster
from navarch.service import beside
from navarch.service.access import Access
from navarch.service.addon_wish import NewAddon
from navarch.service.refusals import InTheWay, Invalid
from navarch.store.contract import NotFound, StoredEntry

Document = dict[str, Any]
MOST_NEW = 20
"""Add-ons of one new cluster: each is rendered before the request is answered."""
MOST_VALUES = 256 << 10
"""Bytes of an add-on's values as JSON: what patches add up to as well. An object of Kubernetes has 1.5 MiB at most."""
DEFINITION = "CustomResourceDefinition"
_UNSHOWN = "does not fit its schema; what was given is not shown"
NO_LONGER = "was taken out of the catalogue"
REQUIRED = "every cluster has it, with its node image: it is neither chosen, changed nor removed"
_NONE_HERE = "this installation has no add-ons to choose: its operator has not set it up"
_ENTRY = re.compile(r"[-\w.]{1,250}", re.ASCII)
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Choice:
    """An add-on as it would be written. `made`: of its chart, as far as that is known without the cluster; None: not
    even the cluster's version is."""

    wish: Chosen
    entry: StoredEntry
    values: Document
    made: Rendered | None

    @property
    def shown_values(self) -> Document:
        """The values without what is secret."""
        return masked(self.values, self.entry.schema)

    @property
    def takes(self) -> Counter[str]:
        """Of the project's quotas, by their names: as it is rendered; where it is not, as its entry says."""
        if self.made is not None:
            return taken(_objects(self.made))
        needs = self.entry.card.needs
        return +Counter(volumes=needs.volumes, load_balancers=needs.balancers)

    @property
    def definitions(self) -> frozenset[str]:
        """Names of the kinds that it defines."""
        made = _objects(self.made) if self.made is not None else ()
        return frozenset(o["metadata"]["name"] for o in made if o["kind"] == DEFINITION)

    @property
    def plan(self) -> "AddonPlan":
        """What it would bring."""
        return plan_of(self)


@dataclass(frozen=True, slots=True)
class AddonPlan:
    """What a request would do: the objects that come, go and change. `looked_up`: what the chart asks the cluster for
    while it is rendered, which is not known here; `notes`: what the chart says to who installs it."""

    version: str
    differences: tuple[Difference, ...]
    looked_up: tuple[str, ...] = ()
    notes: str = ""


def consider(
    access: Access, cluster: Cluster, asked: NewAddon, *, version_known: bool = True
) -> tuple[Choice | None, tuple[FieldError, ...]]:
    """A new add-on as far as it can be had, and what is wrong with it, by the fields of its document. Unless the
    cluster's version is known, neither is judged by it. Raises InTheWay where none can be chosen here."""
    errors: list[FieldError] = []
    offered = access.service.store.entries(asked.entry) if _ENTRY.fullmatch(asked.entry or "") else ()
    if access.service.is_required(asked.entry or ""):
        return None, (FieldError("entry", REQUIRED),)
    if not offered:
        known = ", ".join(sorted({e.card.name for e in access.service.store.entries()})) or "none"
        errors.append(FieldError("entry", f"{(asked.entry or '')[:60]!r} is not in the catalogue; known: {known}"))
    name, values = asked.name or asked.entry or "", asked.values or {}
    if (asked.name or offered) and not _NAME.fullmatch(name):
        errors.append(FieldError("name", "must be 1 to 40 small letters, digits and dashes, a letter first"))
    elif access.service.is_required(name):
        errors.append(FieldError("name", f"{name} is an add-on that every cluster has; take another"))
    kubernetes = cluster.spec.kubernetes_version if version_known else None
    card = version_of(kubernetes, offered, asked.version, errors)
    if card is None:
        return None, tuple(errors)
    namespace = asked.namespace or card.namespace
    if not _NAMESPACE.fullmatch(namespace) or namespace.startswith("kube-"):
        errors.append(FieldError("namespace", "must be a name of Kubernetes, and none that begins with kube-"))
    entry = next(e for e in offered if e.card.version == card.version)
    wish = Chosen(name, card.name, card.version, namespace, digest="", terms=card.terms)
    try:
        errors += wrong_values(access, cluster, wish, values, entry.schema)
        made = rendered(access, cluster, wish, values, entry.schema) if version_known and not errors else None
    except NotFound:
        return None, (*errors, FieldError("entry", NO_LONGER))
    except Invalid as invalid:
        return Choice(wish, entry, values, None), invalid.errors
    return Choice(wish, entry, values, made), tuple(errors)


def consider_new(
    access: Access, cluster: Cluster, asked: Sequence[NewAddon], *, version_known: bool
) -> tuple[tuple[Choice, ...], tuple[FieldError, ...]]:
    """The add-ons of a cluster that is asked for, and what is wrong with each, by the fields of the cluster's
    document."""
    if asked and access.service.renderer is None:
        return (), (FieldError("spec.addons", _NONE_HERE),)
    errors: list[FieldError] = []
    if len(asked) > MOST_NEW:
        errors.append(FieldError("spec.addons", f"must be at most {MOST_NEW}, got {len(asked)}"))
    choices: list[Choice] = []
    places: list[str] = []
    for place, one in enumerate(asked[:MOST_NEW]):
        at = f"spec.addons[{place}]"
        choice, wrong = consider(access, cluster, one, version_known=version_known)
        errors += [FieldError(f"{at}.{error.field}", error.detail) for error in wrong]
        if choice is None:
            continue
        if any(other.wish.name == choice.wish.name for other in choices):
            errors.append(FieldError(f"{at}.name", f"{choice.wish.name!r} is used twice"))
        others = ((other.wish, other.definitions) for other in choices)
        errors += [FieldError(f"{at}.{e.field}", e.detail) for e in defined_before(choice, others)]
        choices.append(choice)
        places.append(at)
    errors += _beside(access, choices, places)
    return tuple(choices), tuple(errors)


def _beside(access: Access, choices: Sequence[Choice], places: Sequence[str]) -> Iterator[FieldError]:
    """What is wrong with add-ons of a new cluster because of each other. Of two, the later one is told."""
    wishes = [choice.wish for choice in choices]
    offered = [entry.card for entry in access.service.store.entries()] if wishes else []
    for number, (at, wish) in enumerate(zip(places, wishes, strict=True)):
        for error in beside.of_new(wish, wishes[:number], wishes, offered):
            yield FieldError(f"{at}.{error.field}", error.detail)
    if names := never_first(wishes):
        yield FieldError("spec.addons", f"{', '.join(names)} would wait for each other: none can be installed first")


def defined_before(choice: Choice, others: Iterable[tuple[Chosen, Iterable[str]]]) -> Iterator[FieldError]:
    """Whether another add-on defines its kinds, which a cluster has once: the second would wait for the first to go.
    `others`: with the kinds that they define as far as that is known."""
    for other, definitions in others:
        common = choice.definitions & frozenset(definitions)
        if not common and other.entry == choice.wish.entry:  # it was not applied yet
            common = choice.definitions
        if common:
            yield FieldError("entry", f"{other.name} defines {min(common)} already, which a cluster has once")


def version_of(
    kubernetes: str | None, offered: tuple[StoredEntry, ...], wanted: str | None, errors: list[FieldError]
) -> Card | None:
    """The version that is wanted, or the newest for this Kubernetes; None: for any."""
    if not offered:
        return None
    cards = newest_first(entry.card for entry in offered)
    fitting = [card for card in cards if kubernetes is None or suits(card, kubernetes)]
    card = next((p for p in cards if p.version == wanted), None) if wanted else next(iter(fitting), None)
    known = ", ".join(p.version for p in cards)
    if card is None and wanted:
        errors.append(FieldError("version", f"{wanted[:40]!r} is not in the catalogue; known: {known}"))
    elif card is None or card not in fitting:
        needed = (card or cards[0]).kubernetes
        errors.append(FieldError("version", f"is for Kubernetes {needed}, and the cluster has {kubernetes}"))
        return None
    return card


def wrong_values(
    access: Access, cluster: Cluster, wish: Chosen, values: Document, schema: Mapping[str, Any]
) -> tuple[FieldError, ...]:
    """Every value that does not fit the schema of the wanted version. What is secret is in no answer: it may be
    somebody else's who set it before."""
    if masks_in(values):
        return (FieldError("values", f"{MASK} stands for what is not shown; leave such values out"),)
    size = len(json.dumps(values))
    if size > MOST_VALUES:
        return (FieldError("values", f"must be at most {MOST_VALUES >> 10} KiB in all, would be {size >> 10}"),)
    chart = access.service.store.chart(wish.entry, wish.version)
    found = renderer_of(access).wrong_values(chart, values, owner=cluster.project_id)
    hidden, shown = secrets_in([values], {"items": schema}), masked(values, schema)
    return tuple(
        FieldError(e.field, _UNSHOWN if _at(shown, e.field) == MASK else veiled(e.detail, hidden)) for e in found
    )


def _at(shown: Any, field: str) -> Any:
    """What stands at a place such as `values.a.0`, or at the first place above it that has no parts."""
    for part in field.split(".")[1:]:
        if isinstance(shown, dict) and part in shown:
            shown = shown[part]
        elif isinstance(shown, list) and part.isdigit() and int(part) < len(shown):
            shown = shown[int(part)]
        else:
            return shown
    return shown


def rendered(access: Access, cluster: Cluster, wish: Chosen, values: Document, schema: Mapping[str, Any]) -> Rendered:
    """What the chart makes, as far as that is known without the cluster. Raises Invalid."""
    at = Circumstances(wish.name, wish.namespace, cluster.spec.kubernetes_version, upgrade=bool(wish.status.applied))
    try:
        chart = access.service.store.chart(wish.entry, wish.version)
        whole = completed(values, schema, cluster, FACTS)
        return renderer_of(access).render(chart, whole, at, owner=cluster.project_id)
    except Unrenderable as error:
        hidden = secrets_in([values], {"items": schema})
        raise Invalid(tuple(FieldError("values", veiled(said, hidden)) for said in error.problems)) from None


def plan_of(after: Choice, before: tuple[Rendered, Document] | None = None) -> AddonPlan:
    """What would come of it. `before`: what is made of the wish as it is, and its values."""
    old, own = (_objects(before[0]), before[1]) if before is not None else ((), {})
    hidden = secrets_in([after.values, own], {"items": after.entry.schema})
    if after.made is None:
        return AddonPlan(after.wish.version, ())
    looked_up = tuple(f"{asked.kind} {asked.namespace}/{asked.name}".strip("/") for asked in after.made.lookups)
    differs = differences(old, _objects(after.made), hidden)
    return AddonPlan(after.wish.version, differs, looked_up, veiled(after.made.notes, hidden))


def renderer_of(access: Access) -> Renderer:
    """Raises InTheWay where the operator has set up none."""
    renderer = access.service.renderer
    if renderer is None:
        raise InTheWay("no-add-ons", _NONE_HERE)
    return renderer


def _objects(made: Rendered) -> tuple[Object, ...]:
    return (*made.definitions, *made.objects)
