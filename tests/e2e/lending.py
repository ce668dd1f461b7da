"""Lending the suite's clusters: made once, given from one story to the next, and looked at when they come back.

No more than one of them is there at a time, but for the moment in which one goes and the next is made: three
control-plane machines that do nothing use a third of two cores.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.steps import StepFailed, until
from tests.e2e.clusters import Cluster

READY_SECONDS = 600.0  # to be made, or for what a story did to it; on an idle machine it takes 90 at most


@dataclass
class Lent:
    """A cluster of the suite, and what is known of it. `make` asks Navarch for it, and need not wait for it."""

    cluster: Cluster
    make: Callable[[], object]
    asked_for: bool = False
    as_made: Mapping[str, Any] = field(default_factory=dict)
    broken_by: str = ""  # the story that left it in a state that could not be mended

    def ask_for(self) -> None:
        """Have it made, unless it is there."""
        if not self.asked_for:
            self.asked_for = True
            if not self.cluster.exists():
                self.make()

    def take(self) -> Cluster:
        """Before a story. Raises AssertionError where it is not Ready."""
        cluster = self.cluster
        assert not self.broken_by, f"cluster {cluster.name} was left broken by {self.broken_by}"
        self.ask_for()
        if not self.as_made:
            self._wait_until_ready()
            self.as_made = _wish(cluster)
        assert not _trouble(cluster), cluster.explained(_trouble(cluster))
        return cluster

    def give_back(self, story: str) -> None:
        """After a story: mend it where it is not as it was made, for those that follow, and wait until it is Ready.
        Raises AssertionError where there was something to mend: the story is to do that itself."""
        try:
            otherwise = self._otherwise()
            self._mend()
            self._wait_until_ready()
            unmended = self._otherwise()
            assert not unmended, "\n".join(unmended)
        except (StepFailed, AssertionError) as error:
            self.broken_by = story
            raise AssertionError(
                self.cluster.explained(f"{story} left cluster {self.cluster.name} broken: {error}")
            ) from error
        assert not otherwise, f"{story} left cluster {self.cluster.name} otherwise:\n" + "\n".join(otherwise)

    def end(self) -> None:
        """Have none of that name, whoever made it."""
        if self.cluster.exists():
            self.cluster.customer.must("cluster", "delete", self.cluster.name, "--yes", "--wait", timeout=600)

    def _otherwise(self) -> list[str]:
        """What is wished otherwise than when it was made, and nodes that take no pods."""
        now = _wish(self.cluster)
        different = [
            f"{part}: {json.dumps(now[part], sort_keys=True)} instead of {json.dumps(made, sort_keys=True)}"
            for part, made in self.as_made.items()
            if now[part] != made
        ]
        return [*different, *(f"node {name} is cordoned" for name in _cordoned(self.cluster))]

    def _mend(self) -> None:
        api, name, now, made = self.cluster.api, self.cluster.name, _wish(self.cluster), self.as_made
        if now["spec"] != made["spec"]:
            api.update_cluster(name, {"spec": made["spec"]})
        for group in now["node_groups"].keys() - made["node_groups"].keys():
            api.delete_node_group(name, group)
        for group, spec in made["node_groups"].items():
            if group not in now["node_groups"]:
                api.create_node_group(name, {"name": group, "spec": spec})
            elif now["node_groups"][group] != spec:
                api.update_node_group(name, group, {"spec": spec})
        for node in _cordoned(self.cluster):
            self.cluster.kubectl.run("uncordon", node)

    def _wait_until_ready(self) -> None:
        name = self.cluster.name
        until(f"cluster {name} is Ready", lambda: not _trouble(self.cluster), seconds=READY_SECONDS, every=0.3)


def _wish(cluster: Cluster) -> dict[str, Any]:
    groups = {group["name"]: group["spec"] for group in cluster.api.node_groups(cluster.name)}
    return {"spec": cluster.shown()["spec"], "node_groups": groups}


def _trouble(cluster: Cluster) -> str:
    """Why it is not Ready; nothing where it is."""
    status = cluster.shown()["status"]
    machines = status["machines"]
    if status["phase"] == "Ready" and machines["ready"] == machines["desired"]:
        return ""
    return (
        f"cluster {cluster.name} is {status['phase']}, {machines['ready']} of {machines['desired']} machines are Ready"
    )


def _cordoned(cluster: Cluster) -> list[str]:
    return [name for name, node in cluster.nodes().items() if node["spec"].get("unschedulable")]
