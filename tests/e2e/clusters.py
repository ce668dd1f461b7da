"""The suite's clusters: made once, lent to one story after the other, and looked at when they come back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from demo.customer import Kubectl, Shop
from demo.steps import StepFailed, until
from tests.e2e.lab_customer import LabCustomer

from navarch.client.connect import connect

READY_SECONDS = 300.0  # for a cluster that something happened to; on an idle machine it takes 60 at most


@dataclass
class Cluster:
    """A cluster of the suite. What a story needs of it again and again is here; for all else there are the customer's
    `navarch`, `kubectl` and OpenStack."""

    name: str
    customer: LabCustomer
    as_made: Mapping[str, Any] = field(default_factory=dict)
    lost_by: str = ""  # the story that gave it back in a state that could not be mended

    # -- what it is

    @cached_property
    def api(self) -> Any:
        """Navarch's API as the customer, without the second that a command takes to start."""
        return connect(environ=self.customer.environment)

    def shown(self) -> Any:
        """The cluster as the API shows it."""
        return self.api.cluster(self.name)

    @cached_property
    def stem(self) -> str:
        """What the names of its OpenStack objects begin with."""
        return f"{self.name}-{self.shown()['id'][:8]}"

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as its administrator."""
        return self.customer.kubectl(self.name)

    @cached_property
    def cloud(self) -> Any:
        """OpenStack as the customer."""
        return self.customer.cloud()

    def server(self, suffix: str) -> Any:
        """Nova's record of a machine, None if there is none; `suffix` as `cp-0`."""
        return next((s for s in self.servers() if s.name == f"{self.stem}-{suffix}"), None)

    def servers(self) -> list[Any]:
        """Nova's records of its machines."""
        return [s for s in self.cloud.compute.servers() if s.name.startswith(f"{self.stem}-")]

    def machines(self) -> set[str]:
        """Names of the machines that Navarch tells of."""
        return {machine["name"] for machine in self.api.machines(self.name)}

    def workers(self, group: str = "default") -> set[str]:
        """Names of the servers of a node group."""
        return {s.name for s in self.servers() if s.name.startswith(f"{self.stem}-{group}-")}

    def nodes(self) -> dict[str, Any]:
        """Kubernetes' nodes by name."""
        found: list[Any] = self.kubectl.get("nodes")["items"]
        return {node["metadata"]["name"]: node for node in found}

    @cached_property
    def application(self) -> Shop:
        """The sample application: two replicas, a volume, a balancer. Deployed when a story first asks for it, and left
        to those that follow."""
        shop = Shop(self.kubectl)
        shop.deploy()
        shop.wait()
        shop.read(shop.address())
        return shop

    def look_now(self) -> None:
        """Have Navarch look at it at once, where it would have let minutes pass: a label of the wish is changed."""
        self.api.update_cluster(self.name, {"labels": {"looked-at": uuid4().hex[:8]}})

    # -- lending

    def take(self) -> None:
        """Before a story. Raises AssertionError where it is not Ready."""
        assert not self.lost_by, f"cluster {self.name} was left by {self.lost_by} in a state that could not be mended"
        if not self.as_made:
            self._wait_until_ready()
            self.as_made = self._wish()
        trouble = self._trouble()
        assert not trouble, self.explained("\n".join(trouble))

    def give_back(self, story: str) -> None:
        """After a story: mend it where it is not as it was made, for those that follow, and wait until it is Ready.
        Raises AssertionError where there was something to mend: the story is to do that itself."""
        try:
            trouble = self._otherwise()
            self._mend()
            self._wait_until_ready()
            trouble += self._otherwise()
        except (StepFailed, AssertionError) as error:
            self.lost_by = story
            raise AssertionError(self.explained(f"{story} left cluster {self.name} broken: {error}")) from error
        assert not trouble, f"{story} left cluster {self.name} otherwise than it took it:\n" + "\n".join(trouble)

    def explained(self, what: str) -> str:
        """`what`, with the cluster's conditions and the end of its timeline."""
        events = self.customer.navarch("cluster", "events", self.name).out.splitlines()[-30:]
        return "\n".join([what, *self._conditions(), *events])

    # -- details

    def _wish(self) -> dict[str, Any]:
        shown = self.shown()
        groups = {group["name"]: group["spec"] for group in self.api.node_groups(self.name)}
        return {"spec": shown["spec"], "node_groups": groups}

    def _trouble(self) -> list[str]:
        """Why it is not Ready; nothing where it is."""
        shown = self.shown()
        phase, machines = shown["status"]["phase"], shown["status"]["machines"]
        if phase == "Ready" and machines["ready"] == machines["desired"]:
            return []
        return [f"cluster {self.name} is {phase}, {machines['ready']} of {machines['desired']} machines are Ready"]

    def _conditions(self) -> list[str]:
        conditions = self.shown()["status"]["conditions"]
        return [f"  {c['type']} {c['status']} {c['reason']}: {c['message']}" for c in conditions]

    def _otherwise(self) -> list[str]:
        """What is wished otherwise than when it was made, and nodes that take no pods."""
        now = self._wish()
        different = [
            f"{part}: {json.dumps(now[part], sort_keys=True)} instead of {json.dumps(made, sort_keys=True)}"
            for part, made in self.as_made.items()
            if now[part] != made
        ]
        cordoned = [name for name, node in self.nodes().items() if node["spec"].get("unschedulable")]
        return [*different, *(f"node {name} is cordoned" for name in cordoned)]

    def _mend(self) -> None:
        now, made = self._wish(), self.as_made
        if now["spec"] != made["spec"]:
            self.api.update_cluster(self.name, {"spec": made["spec"]})
        for name in now["node_groups"].keys() - made["node_groups"].keys():
            self.api.delete_node_group(self.name, name)
        for name, spec in made["node_groups"].items():
            if name not in now["node_groups"]:
                self.api.create_node_group(self.name, {"name": name, "spec": spec})
            elif now["node_groups"][name] != spec:
                self.api.update_node_group(self.name, name, {"spec": spec})
        for name, node in self.nodes().items():
            if node["spec"].get("unschedulable"):
                self.kubectl.run("uncordon", name)

    def _wait_until_ready(self) -> None:
        until(f"cluster {self.name} is Ready", lambda: not self._trouble(), seconds=READY_SECONDS, every=0.3)
