"""What is said about one add-on, in its folder below `addons/packages`.

The folder `my_addon` is the add-on `my-addon`. It holds `manifest.yaml`, perhaps `crds.yaml` (definitions of kinds:
they take no values, and stay when the add-on goes), and an `__init__.py` with one `ADDON = Package(...)`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.objects import WORKLOADS
from navarch.addons.rendering import Object, Rendered, assemble, documents, fill, fixed
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.names import control_plane_machine, owner

REGISTRY = "registry.navarch.internal"
"""Where images are said to be: they are built by Navarch, so they carry its name, and lie in the node image already."""

KUBERNETES = "kubernetes"
"""The component whose version is the cluster's own."""

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
    `images`: the images that its pods run, each with the component of the node image that says its tag; the manifest
    names it `${image_my_image}`. `values`: placeholders of its own, beside `shared_values`. `generated`: objects whose
    number depends on the inputs, which no manifest can say.
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

    def rendered(self, inputs: Inputs) -> Rendered:
        """As it would be applied now. Raises Permanent where the node image lacks a component."""
        images = {f"image_{image.replace('-', '_')}": self._reference(inputs, image) for image in self.images}
        values = {**shared_values(inputs), **images, **self.values(inputs)}
        filled = [fill(document, values) for document in documents(self.module, MANIFEST)]
        return assemble(self.name, (*filled, *self.generated(inputs)), fixed(self.name, self.module, _DEFINITIONS))

    def workloads(self) -> tuple[tuple[str, str], ...]:
        """(kind, name) of what makes its pods. The same for every cluster, so a look at one renders nothing."""
        written = documents(self.module, MANIFEST)
        return tuple((o["kind"], o["metadata"]["name"]) for o in written if o["kind"] in WORKLOADS)

    def _reference(self, inputs: Inputs, image: str) -> str:
        component, version = self.images[image], inputs.cluster.spec.kubernetes_version
        tag = f"v{version}" if component == KUBERNETES else inputs.components.get(component)
        if not tag:
            raise Permanent(
                f"The node image of Kubernetes {version} does not say which {component} it holds, so {image} cannot be"
                " installed from it.",
                reason="ImageIncomplete",
                responsible=Responsible.CLOUD_OPERATOR,
                remedy=f"Register a node image whose property navarch_components names {component}.",
            )
        return f"{REGISTRY}/{image}:{tag}"


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
