"""All that can be said against an entry without a cluster, so that its writer sees it before anybody installs it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from navarch.charts.entry import Entry
from navarch.charts.objects import DEFINITION, GATES, Object, group_of, hooks_of, key_of, malformed
from navarch.charts.rendering import Circumstances, Found, Lookup, Rendered, Renderer, Unrenderable
from navarch.domain.catalogue import bounds_of

_NEVER_OF_US = frozenset({"kube-system", "kube-public", "kube-node-lease"})


def problems(entry: Entry, renderer: Renderer) -> tuple[str, ...]:
    """What is wrong with an entry, each in a sentence; none: it can be added. It is rendered with its defaults, or with
    the values of each of its trials."""
    return tuple(dict.fromkeys(said for values in entry.trials for said in _of_trial(entry, values, renderer)))


def _of_trial(entry: Entry, values: Mapping[str, Any], renderer: Renderer) -> tuple[str, ...]:
    at = Circumstances(entry.card.name, entry.card.namespace, _a_version(entry.card.kubernetes))
    try:
        first = renderer.render(entry.chart, values, at)
        found = tuple(Found(lookup, tuple(_made(first, lookup))) for lookup in first.lookups)
        second = renderer.render(entry.chart, values, _again(at, found))
    except Unrenderable as error:
        which = "the values of its trial" if values else "its defaults"
        return tuple(f"with {which}: {problem}" for problem in error.problems)
    objects = (*first.definitions, *first.objects)
    wrong = malformed(objects)
    if wrong:
        return tuple(wrong)
    return (
        *_random(first, second),
        *_images(entry, objects),
        *(said for made in objects for said in _risky(made)),
    )


def _again(at: Circumstances, found: tuple[Found, ...]) -> Circumstances:
    return Circumstances(at.name, at.namespace, at.kubernetes, at.apis, at.upgrade, found)


def _random(first: Rendered, second: Rendered) -> Iterator[str]:
    """What is another one at each rendering: it would be applied for ever. What is made once and looked up afterwards
    is found the second time."""
    later = {key_of(made): made for made in (*second.definitions, *second.objects)}
    for made in (*first.definitions, *first.objects):
        key = key_of(made)
        if json.dumps(made, sort_keys=True) != json.dumps(later.get(key), sort_keys=True):
            yield f"{key} is another one at each rendering: look up in the cluster what is made by chance"
    for key in later.keys() - {key_of(made) for made in (*first.definitions, *first.objects)}:
        yield f"{key} is rendered the second time only"


def _images(entry: Entry, objects: tuple[Object, ...]) -> Iterator[str]:
    """Images that the card does not name: nobody would have put them into the region's registry."""
    named = {image.reference: image.digest for image in entry.card.images}
    for used in sorted({reference for made in objects for reference in _references(made)}):
        reference, _, digest = used.partition("@")
        if reference not in named:
            yield f"image {reference} is used, and not among the images of Chart.yaml"
        elif digest and digest != named[reference]:
            yield f"image {reference} is used with another digest than Chart.yaml says"


def _references(tree: Any) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in ("containers", "initContainers") and isinstance(value, list):
                yield from (str(c["image"]) for c in value if isinstance(c, Mapping) and "image" in c)
            yield from _references(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _references(item)


def _risky(made: Object) -> Iterator[str]:
    """What could take a cluster down with it."""
    key = key_of(made)
    if key.namespace in _NEVER_OF_US and not hooks_of(made) and made["kind"] not in ("Role", "RoleBinding", "Service"):
        yield f"{key} is in a namespace of Kubernetes' own"
    if (group_of(made), made["kind"]) in GATES:
        for hook in made.get("webhooks") or ():
            everything = any("*" in (rule.get("resources") or ()) for rule in hook.get("rules") or ())
            if everything and hook.get("failurePolicy", "Fail") == "Fail" and not hook.get("namespaceSelector"):
                yield f"{key}: a webhook on every kind must exempt kube-system (namespaceSelector), or may not fail"
    if (group_of(made), made["kind"]) == DEFINITION and made["spec"].get("group", "").endswith(".k8s.io"):
        yield f"{key} defines a kind in a group of Kubernetes' own"


def _made(rendered: Rendered, lookup: Lookup) -> Iterator[Object]:
    """What a lookup would find once the first rendering was applied, as the API server gives it back: a Secret's text
    in base64."""
    for made in rendered.objects:
        key = key_of(made)
        if (made["apiVersion"], key.kind) == (lookup.api_version, lookup.kind) and lookup.name in ("", key.name):
            yield made


def _a_version(kubernetes: str) -> str:
    """A version that the entry is for."""
    for sign, number in bounds_of(kubernetes):
        if sign in (">=", "=", "<="):
            return ".".join(map(str, number))
    return ""
