"""A double of what renders charts, for tests that are about what comes after."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from navarch.addons import catalogue
from navarch.addons.package import CONTROL_PLANE_TAINT, REGISTRY
from navarch.addons.placing import Workload
from navarch.charts.rendering import Circumstances, Rendered, Renderer


class Sparse(Renderer):
    """Renders an account, and the workloads that the add-on's page names; counts how often."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.rendered = 0

    def render(
        self, chart: bytes, values: Mapping[str, Any], circumstances: Circumstances, *, owner: str = ""
    ) -> Rendered:
        self.rendered += 1
        name, namespace = circumstances.name, circumstances.namespace
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        made = [_workload(w, namespace, values.get("replicas", 1)) for w in catalogue.package(name).workloads]
        return Rendered((), (account, *made))


def _workload(said: Workload, namespace: str, replicas: int) -> dict[str, Any]:
    labels = {"k8s-app": said.name}
    spec: dict[str, Any] = {
        "containers": [{"name": image, "image": f"{REGISTRY}/{image}"} for image in said.images],
        "nodeSelector": {CONTROL_PLANE_TAINT: ""} if said.control_plane else {},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": said.kind,
        "metadata": {"name": said.name, "namespace": namespace},
        "spec": {
            **({"replicas": replicas} if said.kind == "Deployment" else {}),
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": spec},
        },
    }
