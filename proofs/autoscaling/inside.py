"""The cluster of all chapters: what they do and ask again and again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from demo.customer import Kubectl
from demo.steps import StepFailed, until
from tests.e2e.clusters import Cluster

from proofs.lifecycle.scene import FLAVOR, LIMIT, Scene

UNNEEDED = 60.0  # seconds: the fewest that a group may have


@dataclass
class Inside:
    """`scene` with its one `cluster`."""

    scene: Scene
    cluster: Cluster
    _groups: list[str] = field(default_factory=list)

    @property
    def kubectl(self) -> Kubectl:
        """As its administrator."""
        return self.cluster.kubectl

    def group(self, name: str, *options: str, flavor: str = FLAVOR) -> None:
        """A node group whose nodes have `tier` as a label, with its name."""
        self._groups.append(name)
        words = ("--flavor", flavor, "--label", f"tier={name}", *options)
        self.scene.navarch("nodegroup", "create", name, "-c", self.cluster.name, *words)

    def tidy(self) -> None:
        """Away with groups and users' objects."""
        self.kubectl.run("delete", "deployments,persistentvolumeclaims", "--all", "-n", "default", check=False)
        self.kubectl.run("delete", "namespace", "shop", "--ignore-not-found", check=False)
        while self._groups:
            name = self._groups.pop()
            try:
                self.scene.navarch("nodegroup", "delete", name, "-c", self.cluster.name, "--yes", "--wait")
            except Exception as error:  # noqa: BLE001 - the next chapter may tell something all the same
                self.scene.tell.say(f"{name} is left: {error}")

    def apply(self, *made: Any) -> None:
        """Objects."""
        self.kubectl.run("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))

    def seconds(self, what: str, so: Callable[[], Any], limit: float = LIMIT, every: float = 1.0) -> float:
        """How long it took until that was so. Raises StepFailed with the cluster's conditions and last events."""
        began = monotonic()
        try:
            with self.scene.tell.step(what):
                until(what, so, seconds=limit, every=every)
        except StepFailed as error:
            raise StepFailed(self.cluster.explained(str(error))) from error
        return monotonic() - began

    def workers(self, group: str) -> set[str]:
        """Names of the group's servers in Nova."""
        return self.cluster.workers(group)

    def zones(self, group: str) -> list[str]:
        """Of its machines."""
        return [m["zone"] for m in self.cluster.api.machines(self.cluster.name) if m["group"] == group]

    def wanted(self, group: str) -> int:
        """How many machines it is to have."""
        return int(self.cluster.api.node_group(self.cluster.name, group)["spec"]["replicas"])

    def thoughts(self, group: str) -> Any:
        """What autoscaling says of it."""
        return self.cluster.api.node_group(self.cluster.name, group)["status"]["autoscaling"] or {}

    def running(self, name: str) -> int:
        """Ready replicas of a Deployment."""
        return int(self.kubectl.get("deployment", name)["status"].get("readyReplicas", 0))

    def waiting(self) -> list[Any]:
        """Pods that are Pending."""
        found: list[Any] = self.kubectl.get("pods", "-A", "--field-selector", "status.phase=Pending")["items"]
        return found

    @contextmanager
    def quota(self, instances: int) -> Iterator[None]:
        """The project may have so many servers, until the end of the block."""
        admin, project = self.scene.customer.stack.lab.connect("admin"), self.cluster.cloud.current_project_id
        before = admin.compute.get_quota_set(project).instances
        admin.compute.update_quota_set(project, instances=instances)
        try:
            yield
        finally:
            admin.compute.update_quota_set(project, instances=before)
