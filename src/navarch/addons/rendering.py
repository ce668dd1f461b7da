"""From a folder of manifests and a few values to Kubernetes objects.

The language is as small as it can be: `${name}` in a string of the YAML stands for a value. A string that is nothing
else becomes the value itself, whatever its type; inside a longer string it becomes text. Values go in after the YAML
was parsed, so none of them can change the structure. Two annotations speak to Navarch and never reach the cluster:

- `navarch.io/create-once: "true"`: made if absent, never written again: it is the user's from then on;
- `navarch.io/only-if: ${flag}`: left out unless the flag is true.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Object = dict[str, Any]

ADDON_LABEL = "navarch.io/addon"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
_CREATE_ONCE = "navarch.io/create-once"
_ONLY_IF = "navarch.io/only-if"
_PLACEHOLDER = re.compile(r"\$\{([a-z0-9_]+)\}")


@dataclass(frozen=True, slots=True)
class Fixed:
    """Objects that depend on no value, with the SHA-256 of their manifest: read once per process."""

    objects: tuple[Object, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """An add-on's objects: those Navarch owns, those it only makes once, and large ones that are always the same.
    `default_storage_class`: the class to be the default for as long as no class of the cluster says anything about
    that."""

    name: str
    objects: tuple[Object, ...]
    once: tuple[Object, ...] = ()
    fixed: Fixed = Fixed((), "")
    default_storage_class: str | None = None


def render(name: str, manifest: str, values: Mapping[str, Any]) -> tuple[tuple[Object, ...], tuple[Object, ...]]:
    """The objects of an add-on's manifest, and those to be made only once. Raises KeyError for a placeholder that has
    no value: a mistake of ours."""
    owned: list[Object] = []
    once: list[Object] = []
    for document in documents(manifest):
        made = _encoded(fill(document, values))
        wanted, only_once = _spoken_to_navarch(made)
        if wanted:
            (once if only_once else owned).append(marked(made, name))
    return tuple(owned), tuple(once)


@cache
def fixed(name: str, manifest: str) -> Fixed:
    """The objects of a manifest without placeholders."""
    text = _text(manifest)
    return Fixed(tuple(marked(made, name) for made in _load(text)), hashlib.sha256(text.encode()).hexdigest())


def marked(made: Object, addon: str) -> Object:
    """The object with the labels by which it is found again."""
    labels = {**made["metadata"].get("labels", {}), ADDON_LABEL: addon, MANAGED_BY_LABEL: "navarch"}
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def fill(tree: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a parsed manifest with its placeholders replaced."""
    if isinstance(tree, dict):
        return {key: fill(value, values) for key, value in tree.items()}
    if isinstance(tree, list):
        return [fill(item, values) for item in tree]
    if not isinstance(tree, str) or "${" not in tree:
        return tree
    whole = _PLACEHOLDER.fullmatch(tree)
    if whole:
        return values[whole[1]]
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), tree)


def _encoded(made: Object) -> Object:
    """A Secret's text as `data`: of `stringData`, which is never read back, server-side apply cannot tell that it is
    unchanged."""
    if "stringData" not in made:
        return made
    text: Mapping[str, str] = made.pop("stringData")
    return {**made, "data": {key: b64encode(value.encode()).decode() for key, value in text.items()}}


def _spoken_to_navarch(made: Object) -> tuple[bool, bool]:
    """Take out the annotations that are for Navarch; whether the object is wanted, and whether only once."""
    annotations = made["metadata"].get("annotations")
    if not annotations:
        return True, False
    wanted = annotations.pop(_ONLY_IF, True)
    once = annotations.pop(_CREATE_ONCE, "false") == "true"
    if not annotations:
        del made["metadata"]["annotations"]
    return bool(wanted), once


@cache
def documents(manifest: str) -> tuple[Object, ...]:
    """A manifest as it is written, placeholders and all. Not to be changed: it is read once per process."""
    return _load(_text(manifest))


def _text(manifest: str) -> str:
    return files(__package__).joinpath("manifests", manifest).read_text(encoding="utf-8")


def _load(text: str) -> tuple[Object, ...]:
    # Parsed in C where the wheel has it: Calico's definitions alone take 0.4 s in Python.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(document for document in yaml.load_all(text, Loader=loader) if document)
