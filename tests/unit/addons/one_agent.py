"""A double of what renders charts, for tests that are about what comes after."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from navarch.charts.rendering import Circumstances, Rendered, Renderer


class OneAgent(Renderer):
    """Renders kube-proxy as one DaemonSet and its account, and counts how often."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.rendered = 0

    def render(
        self, chart: bytes, values: Mapping[str, Any], circumstances: Circumstances, *, owner: str = ""
    ) -> Rendered:
        self.rendered += 1
        metadata = {"name": circumstances.name, "namespace": circumstances.namespace}
        labels = {"matchLabels": {"k8s-app": "kube-proxy"}}
        containers = [{"name": "kube-proxy", "image": "registry.navarch.internal/kube-proxy"}]
        template = {"metadata": {"labels": labels["matchLabels"]}, "spec": {"containers": containers}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        agent = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata}
        return Rendered((), (account, agent | {"spec": {"selector": labels, "template": template}}))
