"""Who acts in the end-to-end stories: customers of the lab, with the ordinary commands and OpenStack's APIs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.customer import Kubectl
from demo.stack import Stack
from demo.story import kubectl_program, left_in_project
from tests.customer import Customer


@dataclass(frozen=True, slots=True)
class LabCustomer(Customer):
    """A user of one of the lab's projects. `folder` is their own, for kubeconfigs."""

    stack: Stack
    folder: Path

    def kubeconfig(self, name: str) -> Path:
        """Where the kubeconfig of a cluster is, once it was asked for."""
        return self.folder / f"{name}.kubeconfig"

    def kubectl(self, name: str) -> Kubectl:
        """kubectl in a cluster; the first use asks Navarch for a kubeconfig."""
        path = self.kubeconfig(name)
        if not path.exists():
            self.must("cluster", "kubeconfig", name, "--file", str(path))
        return Kubectl(kubectl_program(), path)

    def cloud(self) -> Any:
        """OpenStack as this customer: an openstacksdk connection."""
        return self.stack.lab.connect(self.name)

    def left(self, cluster_id: str) -> list[str]:
        """What is in the project besides what every project has, and the cluster's Keystone user: those of other
        projects' clusters are in the same domain."""
        users = "Keystone user "
        left = left_in_project(self.stack.lab.clouds_file, self.name)
        return [thing for thing in left if not thing.startswith(users) or thing == users + cluster_id]


def customer(stack: Stack, name: str, folder: Path) -> LabCustomer:
    """The lab's user of that name."""
    return LabCustomer(name, stack.environment(name), stack, folder)
