"""What the Kubernetes API of a cluster said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node. `version` is its kubelet's, without the v."""

    name: str
    ready: bool
    unschedulable: bool = False
    version: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Addon:
    """An add-on as seen in the cluster. `digest` is that of what was last applied; `available`: all its workloads have
    the replicas they want; `message` says what is missing."""

    name: str
    digest: str
    available: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class KubeState:
    """Version, nodes and add-ons."""

    version: str
    nodes: tuple[Node, ...] = ()
    addons: tuple[Addon, ...] = ()

    def node(self, name: str) -> Node | None:
        """The node of that name, or None."""
        return next((n for n in self.nodes if n.name == name), None)
