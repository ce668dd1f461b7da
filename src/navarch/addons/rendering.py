"""From manifests and a few values to Kubernetes objects.

The language is as small as it can be: `${name}` in a string of the YAML stands for a value. A string that is nothing
else becomes the value itself, whatever its type; inside a longer string it becomes text. Values go in after the YAML
was parsed, so none of them can change the structure. Three annotations speak to Navarch and never reach the cluster:

- `navarch.io/create-once: "true"`: made if absent, never written again: it is the user's from then on;
- `navarch.io/only-if: ${flag}`: left out unless the flag is true;
- `navarch.io/default-class-once: "true"`: this storage class is the default one while no class says anything of that.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

Object = dict[str, Any]

ADDON_LABEL = "navarch.io/addon"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
CREATE_ONCE = "navarch.io/create-once"
ONLY_IF = "navarch.io/only-if"
DEFAULT_CLASS_ONCE = "navarch.io/default-class-once"
_TO_NAVARCH = (CREATE_ONCE, ONLY_IF, DEFAULT_CLASS_ONCE)
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
    that. `unlabelled`: nodes that lack labels which its pods ask for."""

    name: str
    objects: tuple[Object, ...]
    once: tuple[Object, ...] = ()
    fixed: Fixed = Fixed((), "")
    default_storage_class: str | None = None
    unlabelled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def assemble(addon: str, filled: Iterable[Object], definitions: Fixed) -> Rendered:
    """An add-on from its objects, whose annotations to Navarch are heeded and taken out."""
    owned: list[Object] = []
    once: list[Object] = []
    default_class: str | None = None
    for made in filled:
        said = _take_out(made)
        if not said.get(ONLY_IF, True):
            continue
        if said.get(DEFAULT_CLASS_ONCE) == "true":
            default_class = made["metadata"]["name"]
        (once if said.get(CREATE_ONCE) == "true" else owned).append(marked(_encoded(made), addon))
    return Rendered(addon, tuple(owned), tuple(once), definitions, default_class)


def marked(made: Object, addon: str) -> Object:
    """The object with the labels by which it is found again."""
    labels = {**made["metadata"].get("labels", {}), ADDON_LABEL: addon, MANAGED_BY_LABEL: "navarch"}
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def fill(tree: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a parsed manifest with its placeholders replaced. Raises KeyError for one that has no value: a mistake
    of ours."""
    if isinstance(tree, dict):
        return {key: fill(value, values) for key, value in tree.items()}
    if isinstance(tree, list):
        return [fill(item, values) for item in tree]
    if not isinstance(tree, str) or "${" not in tree:
        return tree
    whole = _PLACEHOLDER.fullmatch(tree)
    if whole:
        return values[whole[1]]
    return _PLACEHOLDER.sub(lambda found: _text(values[found[1]]), tree)


@cache
def documents(module: str, file: str) -> tuple[Object, ...]:
    """A manifest in an add-on's folder as it is written, placeholders and all. Not to be changed: it is read once per
    process."""
    return _load(_read(module, file))


@cache
def placeholders(module: str, file: str) -> tuple[frozenset[str], ...]:
    """The names of the placeholders in each document of a manifest."""
    return tuple(frozenset(_named(document)) for document in documents(module, file))


@cache
def fixed(addon: str, module: str, file: str) -> Fixed:
    """The objects of a manifest without placeholders; none where the add-on has no such file."""
    if not files(module).joinpath(file).is_file():
        return Fixed((), "")
    text = _read(module, file)
    return Fixed(tuple(marked(made, addon) for made in _load(text)), hashlib.sha256(text.encode()).hexdigest())


def _named(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _named(item)
    elif isinstance(tree, str):
        yield from _PLACEHOLDER.findall(tree)


def _text(value: Any) -> str:
    """A value inside a longer string, with truth as YAML and command lines have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encoded(made: Object) -> Object:
    """A Secret's text as `data`: of `stringData`, which is never read back, server-side apply cannot tell that it is
    unchanged."""
    if "stringData" not in made:
        return made
    text: Mapping[str, str] = made.pop("stringData")
    return {**made, "data": {key: b64encode(value.encode()).decode() for key, value in text.items()}}


def _take_out(made: Object) -> dict[str, Any]:
    """Remove the annotations that are for Navarch from the object; what they said."""
    annotations = made["metadata"].get("annotations", {})
    said = {key: annotations.pop(key) for key in _TO_NAVARCH if key in annotations}
    if said and not annotations:
        del made["metadata"]["annotations"]
    return said


def _read(module: str, file: str) -> str:
    return files(module).joinpath(file).read_text(encoding="utf-8")


def _load(text: str) -> tuple[Object, ...]:
    # Parsed in C where the wheel has it: Calico's definitions alone take 0.4 s in Python.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(document for document in yaml.load_all(text, Loader=loader) if document)
