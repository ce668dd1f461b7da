"""From the charts of add-ons to the objects of one cluster: rendered by Helm's engine, then placed by the images of its
machines.

A chart names images without a tag. Two annotations of it speak to Navarch and never reach the cluster:

- `navarch.io/create-once: "true"`: made if absent, never written again: it is the user's from then on;
- `navarch.io/default-class-once: "true"`: this storage class is the default one while no class says anything of that.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from navarch.addons import placing
from navarch.addons.contract import Inputs
from navarch.addons.package import CONTROL_PLANE_TAINT, REGISTRY, Package
from navarch.addons.placing import Tags, Workload
from navarch.charts import rendering as charts
from navarch.charts.objects import encoded
from navarch.charts.rendering import Circumstances, Renderer, Unrenderable
from navarch.domain.errors import Permanent, Responsible

Object = dict[str, Any]

ADDON_LABEL = "navarch.io/addon"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
CREATE_ONCE = "navarch.io/create-once"
DEFAULT_CLASS_ONCE = "navarch.io/default-class-once"
_TO_NAVARCH = (CREATE_ONCE, DEFAULT_CLASS_ONCE)
_MOST_KEPT = 32  # renderings


@dataclass(frozen=True, slots=True)
class Rendered:
    """An add-on's objects: those Navarch owns, those it only makes once, and definitions of kinds. `digest`: of the
    inputs that it is made from. `default_storage_class`: the class to be the default for as long as no class of the
    cluster says anything about that. `unlabelled`: nodes that lack labels which its pods ask for."""

    name: str
    objects: tuple[Object, ...] = field(repr=False)
    once: tuple[Object, ...] = ()
    definitions: tuple[Object, ...] = field(default=(), repr=False)
    default_storage_class: str | None = None
    unlabelled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    digest: str = field(kw_only=True)


class Rendering:
    """Renders add-ons of clusters. Safe to use from threads: nobody waits for another's cluster longer than all places
    of the renderer are taken. What was rendered last is kept, unless there are secrets in it: what fails is applied
    again, and what some charts are given (metrics-server, access) is the same in most clusters."""

    def __init__(self, renderer: Renderer | None) -> None:
        self._renderer = renderer
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], charts.Rendered] = OrderedDict()

    def rendered(self, package: Package, inputs: Inputs) -> Rendered:
        """An add-on as it would be applied now. Raises Permanent where the node image that is wanted lacks a component,
        and where nothing can be rendered here."""
        digest = package.digest(inputs)  # first: where images are lacking nothing is rendered
        made = self._made(package, inputs)
        owned: list[Object] = []
        once: list[Object] = []
        default_class: str | None = None
        for each in _placed(package, inputs, deepcopy(made.objects)):
            said = _take_out(each)
            if said.get(DEFAULT_CLASS_ONCE) == "true":
                default_class = each["metadata"]["name"]
            whole = encoded(each) if each["kind"] == "Secret" else each
            (once if said.get(CREATE_ONCE) == "true" else owned).append(marked(whole, package.name))
        return Rendered(
            package.name,
            tuple(owned),
            tuple(once),
            tuple(marked(definition, package.name) for definition in made.definitions),
            default_class,
            package.unlabelled(inputs),
            digest=digest,
        )

    def _made(self, package: Package, inputs: Inputs) -> charts.Rendered:
        key = (package.name, package.asked(inputs))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._ask(package, inputs)
        if package.is_told_secrets:
            return made
        with self._lock:
            self._kept[key] = self._sharing(package.name, made)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def _sharing(self, name: str, made: charts.Rendered) -> charts.Rendered:
        """The same, with the definitions of another of its chart: they take no values, and Calico's are large."""
        another = next((kept for (chart, _), kept in self._kept.items() if chart == name), made)
        return charts.Rendered(another.definitions, made.objects)

    def _ask(self, package: Package, inputs: Inputs) -> charts.Rendered:
        if self._renderer is None:
            raise Permanent(
                "this worker renders no charts",
                reason="RendererMissing",
                responsible=Responsible.NAVARCH_OPERATOR,
                remedy="Say in the setting `catalogue.renderer` where navarch-render is.",
            )
        owner = f"{inputs.cluster.id}/{package.name}"
        try:
            at = Circumstances(package.name, package.card.namespace)
            return self._renderer.render(package.chart, package.values(inputs), at, owner=owner)
        except Unrenderable as error:
            raise Permanent(
                f"the chart of {package.name} does not render: {'; '.join(error.problems[:5])}",
                reason="NotRendered",
                responsible=Responsible.NAVARCH_OPERATOR,
                remedy="Tell Navarch's developers: this chart ships with it.",
            ) from None


def marked(made: Object, addon: str) -> Object:
    """The object with the labels by which it is found again."""
    labels = {**made["metadata"].get("labels", {}), ADDON_LABEL: addon, MANAGED_BY_LABEL: "navarch"}
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def _placed(package: Package, inputs: Inputs, objects: Iterable[Object]) -> Iterator[Object]:
    """The objects, with what makes pods as often as there are sets of images, each for the nodes that hold them."""
    places, replicas = package.places(inputs), package.replicas(inputs)
    said = {(workload.kind, workload.name): workload for workload in places}
    for made in objects:
        workload = said.pop((made["kind"], made["metadata"]["name"]), None)
        if workload is None:
            if _images(made):
                raise ValueError(f"navarch.yaml does not name {made['kind']} {made['metadata']['name']}")
            yield made
            continue
        _compare(workload, made, replicas)
        for tags in places[workload]:
            one = _tagged(package, deepcopy(made), tags)
            yield placing.beside_others(one, tags) if workload.kind == "DaemonSet" else placing.confined(one, tags)
    if said:
        raise ValueError(f"navarch.yaml names what no template makes: {', '.join(name for _, name in said)}")


def _compare(workload: Workload, made: Object, replicas: int) -> None:
    """Raises ValueError where a template makes something else than its navarch.yaml says: digests go by that."""
    images = {image.removeprefix(f"{REGISTRY}/") for image in _images(made)}
    on_control_plane = CONTROL_PLANE_TAINT in made["spec"]["template"]["spec"].get("nodeSelector", {})
    pods = made["spec"].get("replicas", 1) if workload.kind == "Deployment" else replicas
    if (images, on_control_plane, pods) != (set(workload.images), workload.control_plane, replicas):
        raise ValueError(
            f"{workload.kind} {workload.name} is not as navarch.yaml says: images {sorted(images)}, {pods} replicas,"
            f" on the control plane alone: {on_control_plane}"
        )


def _images(made: Object) -> set[str]:
    return {container["image"] for container in _containers(made)}


def _containers(made: Object) -> Iterator[Object]:
    spec = made.get("spec", {}).get("template", {}).get("spec", {})
    yield from spec.get("initContainers", ())
    yield from spec.get("containers", ())


def _tagged(package: Package, made: Object, tags: Tags) -> Object:
    held = dict(tags)
    for container in _containers(made):
        image = container["image"].removeprefix(f"{REGISTRY}/")
        container["image"] = f"{container['image']}:{held[package.components[image]]}"
    return made


def _take_out(made: Object) -> dict[str, Any]:
    """Remove the annotations that are for Navarch from the object; what they said."""
    annotations = made["metadata"].get("annotations", {})
    said = {key: annotations.pop(key) for key in _TO_NAVARCH if key in annotations}
    if said and not annotations:
        del made["metadata"]["annotations"]
    return said
