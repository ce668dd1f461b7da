"""What is said about one add-on, in its folder below `addons/packages`.

The folder `my_addon` is the add-on `my-addon`. It holds `manifest.yaml`, perhaps `crds.yaml` (definitions of kinds:
they take no values, and stay when the add-on goes), and an `__init__.py` with one `ADDON = Package(...)`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from navarch.addons import placing
from navarch.addons.contract import Inputs
from navarch.addons.placing import Tags
from navarch.addons.rendering import Object, Rendered, assemble, documents, fill, fixed, placeholders
from navarch.domain.names import control_plane_machine, owner

REGISTRY = "registry.navarch.internal"
"""Where images are said to be: they are built by Navarch, so they carry its name, and lie in the node image already."""

CONTROL_PLANE_TAINT = "node-role.kubernetes.io/control-plane"
MANIFEST, _DEFINITIONS = "manifest.yaml", "crds.yaml"


def _nothing(inputs: Inputs) -> Mapping[str, Any]:
    return {}


def _none(inputs: Inputs) -> Iterable[Object]:
    return ()


@dataclass(frozen=True, slots=True)
class Package:
    """One add-on; pure.

    `module`: `__name__` of its folder. `after`: add-ons that are applied before it. `required`: every cluster has it.
    `images`: the images that its pods run, each with the component of the node image that says its tag; the workload in
    the manifest that runs it names it `${image_my_image}`; the first gives the add-on its version. `values`:
    placeholders of its own, beside `shared_values`.
    `generated`: objects without pods whose number depends on the inputs, which no manifest can say.
    """

    module: str
    after: tuple[str, ...] = ()
    required: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    values: Callable[[Inputs], Mapping[str, Any]] = _nothing
    generated: Callable[[Inputs], Iterable[Object]] = _none

    @property
    def name(self) -> str:
        """As clusters, people and conditions know it."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def repository(self) -> str | None:
        """Where the image lies that gives it its version. None: it has no pods."""
        return next((f"{REGISTRY}/{image}" for image in self.images), None)

    def rendered(self, inputs: Inputs) -> Rendered:
        """As it would be applied now. Raises Permanent where the node image that is wanted lacks a component."""
        values = {**shared_values(inputs), **self.values(inputs)}
        written = zip(documents(self.module, MANIFEST), placeholders(self.module, MANIFEST), strict=True)
        filled = [made for document, named in written for made in self._filled(document, named, values, inputs)]
        made_of = assemble(self.name, (*filled, *self.generated(inputs)), fixed(self.name, self.module, _DEFINITIONS))
        return replace(made_of, unlabelled=inputs.unlabelled) if self.images else made_of

    def _filled(
        self, document: Object, named: frozenset[str], values: Mapping[str, Any], inputs: Inputs
    ) -> Iterator[Object]:
        """What a document of the manifest becomes: a DaemonSet one for each set of images that nodes hold, all else one
        object."""
        components = frozenset(of for image, of in self.images.items() if _placeholder(image) in named)
        if not components:
            yield fill(document, values)
        elif document["kind"] == "DaemonSet":
            for tags in placing.on_every_node(inputs, components):
                yield placing.beside_others(fill(document, {**values, **self._references(tags)}), tags)
        else:
            tags = placing.on_some_nodes(
                inputs,
                components,
                replicas=fill(document["spec"].get("replicas", 1), values),
                control_plane=CONTROL_PLANE_TAINT in document["spec"]["template"]["spec"].get("nodeSelector", {}),
            )
            yield placing.confined(fill(document, {**values, **self._references(tags)}), tags)

    def _references(self, tags: Tags) -> Mapping[str, str]:
        """The images of these components, by placeholder."""
        held = dict(tags)
        return {_placeholder(i): f"{REGISTRY}/{i}:{held[of]}" for i, of in self.images.items() if of in held}


def _placeholder(image: str) -> str:
    return f"image_{image.replace('-', '_')}"


def shared_values(inputs: Inputs) -> Mapping[str, Any]:
    """The placeholders that every manifest may use. A name that ends in `_word` is text where Kubernetes wants text."""
    highly_available = inputs.cluster.spec.control_plane.replicas > 1
    return {
        "cluster_id": inputs.cluster.id,
        "pod_cidr": inputs.cluster.spec.network.pod_cidr,
        "api_address": inputs.api_address,
        "api_port": inputs.api_port,
        "api_port_word": str(inputs.api_port),
        "cloud_files": dict(inputs.cloud_files),
        "cloud_files_mark": _mark(inputs),
        "highly_available": highly_available,
        "controller_replicas": 2 if highly_available else 1,
        "on_control_plane": _on_control_plane(inputs),
    }


def control_plane_nodes(inputs: Inputs) -> list[str]:
    """Names of the nodes of control-plane machines, whether or not they are there yet."""
    places = range(inputs.cluster.spec.control_plane.replicas)
    return [control_plane_machine(owner(inputs.cluster), place) for place in places]


def _on_control_plane(inputs: Inputs) -> Object:
    """A node affinity that no label on another node can satisfy."""
    terms = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
        for name in control_plane_nodes(inputs)
    ]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def _mark(inputs: Inputs) -> str:
    """Changes with what controllers are told about the cloud, so that pods which read it are made anew. Tells nothing
    of it: the password in it is random and long."""
    parts = (inputs.cluster.id, *(part for file in sorted(inputs.cloud_files.items()) for part in file))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
