"""Objects as charts render them: what each one is, where it goes, and in which order.

An object is known by group, kind, namespace and name. Its version is none of that: when a chart moves an object to a
newer version of its API it is the same object.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from navarch.domain.catalogue import Item

Object = dict[str, Any]

DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
WORKLOADS = frozenset(
    {("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("batch", "Job"), ("", "Pod")}
)
GATES = frozenset(
    {
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("apiregistration.k8s.io", "APIService"),
    }
)
"""What the API server asks before it answers others: last to come, first to go."""
_CLAIM = ("", "PersistentVolumeClaim")
HOOK, HOOK_WEIGHT, KEEP = "helm.sh/hook", "helm.sh/hook-weight", "helm.sh/resource-policy"
HOOK_DELETE = "helm.sh/hook-delete-policy"
TEST = ("test", "test-success")  # the latter as Helm 2 had it
HOOKS = ("pre-install", "post-install", "pre-upgrade", "post-upgrade", "pre-delete", "post-delete", *TEST)
RUN = frozenset({("batch", "Job"), ("", "Pod")})
"""Hooks that do something, and are waited for. Others are there for these."""
_BUILT_IN_GROUPS = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which object it is. `namespace` is empty for one of the cluster's own."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def group_of(made: Mapping[str, Any]) -> str:
    """Its API group; empty for the core's."""
    group, slash, _ = str(made["apiVersion"]).partition("/")
    return group if slash else ""


def key_of(made: Mapping[str, Any]) -> Key:
    """Which object it is. Raises KeyError for what is no object."""
    metadata = made["metadata"]
    return Key(group_of(made), made["kind"], metadata.get("namespace") or "", metadata["name"])


def annotation(made: Mapping[str, Any], name: str) -> str:
    """One of its annotations; empty where it has none."""
    return str((made.get("metadata", {}).get("annotations") or {}).get(name, ""))


def hooks_of(made: Mapping[str, Any]) -> tuple[str, ...]:
    """The moments at which it is a hook; none for what simply is to be there."""
    return tuple(word.strip().lower() for word in annotation(made, HOOK).split(",") if word.strip())


def malformed(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with rendered objects whatever the cluster: each in a sentence that names the object."""
    problems: list[str] = []
    seen: set[Key] = set()
    for made in objects:
        try:
            key = key_of(made)
        except (KeyError, TypeError, AttributeError):
            problems.append(f"an object without apiVersion, kind or metadata.name: {str(made)[:100]}")
            continue
        hooks = hooks_of(made)
        problems += [f"{key}: the hook {h} is not supported" for h in hooks if h not in HOOKS]
        if hooks and (key.group, key.kind) in (DEFINITION, ("", "Namespace"), ("", "PersistentVolumeClaim")):
            problems.append(f"{key}: a hook cannot be of this kind: it would go and come with each upgrade")
        if key in seen:
            problems.append(f"{key} is there twice")
        seen.add(key)
        problems += [f"{key}: {said}" for said in _doubles(made)]
    return problems


def kept_apart(objects: Iterable[Object]) -> tuple[tuple[Object, ...], tuple[Object, ...]]:
    """The objects that are to be there, and those that run as hooks, by weight, kind and name as Helm has it:
    what pods need before what makes pods."""
    plain: list[Object] = []
    hooks: list[Object] = []
    for made in objects:
        (hooks if hooks_of(made) else plain).append(made)
    return tuple(plain), tuple(
        sorted(hooks, key=lambda h: (_weight(h), _wave(group_of(h), h["kind"]), h["metadata"]["name"]))
    )


def waves(objects: Iterable[Object]) -> tuple[tuple[Object, ...], ...]:
    """What may be sent at the same time. Each wave waits until the one before is healthy: namespaces and definitions;
    rights and configuration; workloads; webhooks and APIServices; objects of kinds that others defined."""
    parts: tuple[list[Object], ...] = ([], [], [], [], [])
    for made in objects:
        parts[_wave(group_of(made), made["kind"])].append(made)
    return tuple(tuple(part) for part in parts if part)


def leaving(keys: Iterable[Key]) -> tuple[tuple[Key, ...], ...]:
    """The order to remove in: custom resources while their operator lives, webhooks and APIServices, all else, and
    namespaces at the very end."""
    order = {4: 0, 3: 1}
    parts: tuple[list[Key], ...] = ([], [], [], [])
    for key in keys:
        parts[3 if (key.group, key.kind) == ("", "Namespace") else order.get(_wave(key.group, key.kind), 2)].append(key)
    return tuple(tuple(part) for part in parts if part)


def while_it_runs(group: str, kind: str) -> bool:
    """Whether objects of a kind are to go while the add-on's programs run: these clean up after them, or answer for
    the API server."""
    return _wave(group, kind) in (3, 4)


def stays(item: Item, *, with_data: bool) -> bool:
    """Whether an object outlives its add-on: definitions, with which every object of their kind would go, and claims
    with their volumes, unless asked for; and what the chart says is to be kept."""
    return item.keep or (not with_data and (item.group, item.kind) in (DEFINITION, _CLAIM))


def is_stateful(item: Item) -> bool:
    """Whether it is a StatefulSet: what it makes stays when it goes."""
    return (item.group, item.kind) == ("apps", "StatefulSet")


def hangs_more(item: Item) -> bool:
    """Whether there may be something that hangs on it and is no object of its add-on."""
    return (item.group, item.kind) == DEFINITION or is_stateful(item)


def without(made: Object, ignored: Iterable[str]) -> Object:
    """The object without fields (dotted paths) that others set: what is not said is not owned."""
    for path in ignored:
        *parents, last = path.split(".")
        made = deepcopy(made)
        inner: Any = made
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return made


def encoded(made: Object) -> Object:
    """A Secret with its text as `data`: of `stringData`, which is never read back, server-side apply cannot tell that
    it is unchanged."""
    text = made.get("stringData") or {}
    data = {key: b64encode(str(value).encode()).decode() for key, value in text.items()}
    return {key: value for key, value in made.items() if key != "stringData"} | {
        "data": {**(made.get("data") or {}), **data}
    }


def scaled_by_others(objects: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str, str]]:
    """(kind, namespace, name) of workloads that a HorizontalPodAutoscaler of the set scales: their `replicas` are
    its."""
    return frozenset(
        (target.get("kind", ""), made["metadata"].get("namespace") or "", target.get("name", ""))
        for made in objects
        if made["kind"] == "HorizontalPodAutoscaler"
        for target in [made.get("spec", {}).get("scaleTargetRef", {})]
    )


def _wave(group: str, kind: str) -> int:
    if (group, kind) == DEFINITION or (group, kind) == ("", "Namespace"):
        return 0
    if (group, kind) in GATES:
        return 3
    if (group, kind) in WORKLOADS:
        return 2
    return 1 if group in _BUILT_IN_GROUPS or group.endswith(".k8s.io") else 4


def _weight(made: Mapping[str, Any]) -> int:
    try:
        return int(annotation(made, HOOK_WEIGHT) or 0)
    except ValueError:
        return 0


def _doubles(made: Mapping[str, Any]) -> list[str]:
    """Names that stand twice in a list whose items are known by name: Helm 3 sent them, server-side apply refuses."""
    template = made.get("spec", {}).get("template", {}) if isinstance(made.get("spec"), dict) else {}
    pod = template.get("spec", {}) if isinstance(template, dict) else {}
    problems = []
    for container in [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]:
        names = [variable.get("name") for variable in container.get("env") or ()]
        for name in sorted({str(n) for n in names if names.count(n) > 1}):
            problems.append(f"container {container.get('name')} has the variable {name} twice")
    return problems
