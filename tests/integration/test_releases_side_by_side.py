"""Machines of several node images in one cluster: no pod may go where its image is not."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.entry_programs import rendered_addon
from tests.unit.addons.sample_inputs import RELEASE, cluster, holders, inputs, release

from navarch.addons import catalogue, objects
from navarch.addons.contract import Holder, Inputs
from navarch.addons.package import REGISTRY
from navarch.domain.machines import component_labels
from navarch.domain.offer import Release

pytestmark = pytest.mark.tools

OLD = release("1.36.3", calico="v3.28.0", coredns="v1.12.0", cinder_csi="v1.34.0", metrics_server="v0.8.0")
NEW = RELEASE
REBUILT = replace(NEW, image_id="image-b", bundle="another", built_at="2027")
AGENTS = {"calico-node", "kube-proxy", "csi-cinder-nodeplugin", "openstack-cloud-controller-manager"}


def upgrading(*there: Holder, to: Release = NEW, control_plane: int = 1) -> Inputs:
    return inputs(cluster=cluster(control_plane=control_plane, of=to), holders=there)


def workloads(of: Inputs) -> Iterator[dict[str, Any]]:
    for name in catalogue.names():
        yield from (o for o in rendered_addon(of, name).objects if o["kind"] in objects.WORKLOADS)


def named(of: Inputs, kind: str) -> set[str]:
    return {made["metadata"]["name"] for made in workloads(of) if made["kind"] == kind}


def pods(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def images(workload: dict[str, Any]) -> set[tuple[str, str]]:
    """(image, tag) of each container."""
    containers = (*pods(workload).get("initContainers", ()), *pods(workload)["containers"])
    said = (container["image"].removeprefix(f"{REGISTRY}/").partition(":") for container in containers)
    return {(image, tag) for image, _, tag in said}


def deployed(of: Inputs, name: str) -> set[str]:
    """Tags that a Deployment runs."""
    return {tag for made in workloads(of) if made["metadata"]["name"] == name for _, tag in images(made)}


def holds(node: Release, workload: dict[str, Any]) -> bool:
    components = {image: of for name in catalogue.names() for image, of in catalogue.package(name).components.items()}
    return all(node.tags.get(components[image]) == tag for image, tag in images(workload))


def may_go_to(node: Release, workload: dict[str, Any]) -> bool:
    """Whether the scheduler would let its pods onto a node of that release, whatever else it asks for."""
    labels = component_labels(node.tags)
    asked = {k: v for k, v in pods(workload)["nodeSelector"].items() if k.startswith("component.navarch.io/")}
    return asked.items() <= labels.items()


STAGES = {
    "one release": inputs(),
    "the wish has changed": upgrading(*holders(control_plane=1, workers=2, of=OLD)),
    "the control plane is new": upgrading(*holders(control_plane=1), *holders(workers=2, of=OLD)),
    "one of three is new": upgrading(
        *holders(control_plane=1), *holders(control_plane=2, workers=3, of=OLD), control_plane=3
    ),
    "half of it": upgrading(*holders(control_plane=1, workers=2), *holders(workers=2, of=OLD)),
    "nobody answers": upgrading(
        *holders(control_plane=1, take_pods=False), *holders(workers=2, of=OLD, take_pods=False)
    ),
    "it goes back": upgrading(*holders(control_plane=1, workers=1), *holders(workers=1, of=OLD), to=OLD),
    "three at once": upgrading(
        *holders(control_plane=1),
        *holders(workers=1, of=OLD),
        *holders(workers=1, of=release("1.35.1", calico="v3.27.0")),
    ),
    "an image built anew": upgrading(*holders(control_plane=1, workers=2), *holders(workers=1, of=REBUILT), to=REBUILT),
}


@pytest.mark.parametrize("stage", STAGES)
def test_no_pod_can_be_put_onto_a_node_that_does_not_hold_its_image(stage: str) -> None:
    seen = STAGES[stage]
    for node in {seen.cluster.spec.release, OLD, NEW, REBUILT, *(holder.release for holder in seen.holders)}:
        for workload in workloads(seen):
            assert not may_go_to(node, workload) or holds(node, workload), (node.image_id, workload["metadata"]["name"])


@pytest.mark.parametrize("stage", STAGES)
def test_each_node_is_given_one_of_each_agent(stage: str) -> None:
    seen = STAGES[stage]
    for node in {seen.cluster.spec.release, *(holder.release for holder in seen.holders)}:
        given = [
            m["metadata"]["labels"]["navarch.io/agent"]
            for m in workloads(seen)
            if m["kind"] == "DaemonSet" and may_go_to(node, m)
        ]
        assert sorted(given) == sorted(AGENTS), node.image_id


@pytest.mark.parametrize("stage", STAGES)
def test_each_deployment_is_there_once_and_has_a_node(stage: str) -> None:
    seen = STAGES[stage]
    deployments = [made for made in workloads(seen) if made["kind"] == "Deployment"]
    assert len({made["metadata"]["name"] for made in deployments}) == len(deployments) == 4
    for made in deployments:
        bound = "node-role.kubernetes.io/control-plane" in pods(made)["nodeSelector"]
        assert any(may_go_to(p.release, made) for p in seen.holders if p.control_plane or not bound)


@pytest.mark.parametrize("stage", STAGES)
def test_agents_for_different_nodes_share_neither_name_nor_pods(stage: str) -> None:
    agents = [made for made in workloads(STAGES[stage]) if made["kind"] == "DaemonSet"]
    names = [made["metadata"]["name"] for made in agents]
    selectors = [tuple(sorted(made["spec"]["selector"]["matchLabels"].items())) for made in agents]
    assert len(set(names)) == len(names)
    assert len(set(selectors)) == len(selectors)
    for made in agents:
        assert made["spec"]["selector"]["matchLabels"].items() <= made["spec"]["template"]["metadata"]["labels"].items()


def test_a_cluster_of_one_release_has_one_of_each() -> None:
    assert named(inputs(), "DaemonSet") == {
        "calico-node-v3-28-5",
        "csi-cinder-nodeplugin-v1-35-0-v1",
        "kube-proxy-v1-37-2",
        "openstack-cloud-controller-manager-v1-35-0",
    }


def test_agents_of_what_is_wanted_are_there_before_its_first_machine() -> None:
    there = named(STAGES["the wish has changed"], "DaemonSet")
    assert {"kube-proxy-v1-36-3", "kube-proxy-v1-37-2", "calico-node-v3-28-0", "calico-node-v3-28-5"} <= there


def test_what_both_hold_is_there_once() -> None:
    there = named(STAGES["the wish has changed"], "DaemonSet")
    assert [name for name in there if name.startswith("openstack")] == ["openstack-cloud-controller-manager-v1-35-0"]


def test_what_no_machine_holds_any_more_is_no_longer_there() -> None:
    last, gone = holders(workers=1, of=OLD), holders(control_plane=1, workers=2)
    assert "kube-proxy-v1-36-3" in named(upgrading(*gone, *last), "DaemonSet")
    assert named(upgrading(*gone), "DaemonSet") == named(inputs(), "DaemonSet")


def test_a_node_groups_own_release_counts() -> None:
    asked = cluster()
    (group,) = asked.node_groups
    kept = replace(asked, node_groups=(replace(group, spec=replace(group.spec, release=OLD)),))
    assert "kube-proxy-v1-36-3" in named(inputs(cluster=kept), "DaemonSet")


# -- Deployments


@pytest.mark.parametrize(
    ("there", "runs"),
    [
        ((), "v1.14.7"),  # a new cluster
        (holders(control_plane=1, workers=2, of=OLD), "v1.12.0"),
        ((*holders(control_plane=1), *holders(workers=2, of=OLD)), "v1.12.0"),  # three pods, one node for them
        ((*holders(control_plane=1, workers=1, take_pods=False), *holders(workers=2, of=OLD)), "v1.12.0"),
        ((*holders(control_plane=1, workers=2), *holders(workers=9, of=OLD)), "v1.14.7"),
        ((*holders(workers=1), *holders(control_plane=1, of=OLD)), "v1.14.7"),  # as many
        (holders(control_plane=1, workers=1, take_pods=False), "v1.14.7"),
    ],
)
def test_dns_moves_on_once_its_pods_have_nodes_to_go_to(there: tuple[Holder, ...], runs: str) -> None:
    assert deployed(upgrading(*there), "coredns") == {runs}


@pytest.mark.parametrize(
    ("new", "old", "runs"),
    [(0, 3, "v1.34.0"), (1, 2, "v1.34.0"), (1, 1, "v1.35.0"), (2, 1, "v1.35.0"), (3, 0, "v1.35.0")],
)
def test_what_runs_on_the_control_plane_looks_at_its_nodes_alone(new: int, old: int, runs: str) -> None:
    there = (*holders(control_plane=new), *holders(control_plane=old, of=OLD), *holders(workers=9, of=OLD))
    tags = deployed(upgrading(*there, control_plane=3), "csi-cinder-controllerplugin")
    assert runs in tags
    assert tags <= {runs, "v4.13.0", "v6.4.0", "v2.3.0"}


def test_an_old_image_that_lacks_a_component_is_left_out_and_the_wanted_one_holds() -> None:
    bare = release("1.36.3", metrics_server="", calico="")
    seen = upgrading(*holders(control_plane=1), *holders(workers=2, of=bare))
    assert [name for name in named(seen, "DaemonSet") if name.startswith("calico")] == ["calico-node-v3-28-5"]
    assert deployed(seen, "metrics-server") == {"v0.9.0"}


# -- digests


def changed(before: Inputs, after: Inputs) -> set[str]:
    digests = [{n: catalogue.package(n).digest(of) for n in catalogue.names()} for of in (before, after)]
    return {name for name in catalogue.names() if digests[0][name] != digests[1][name]}


@pytest.mark.parametrize(
    ("before", "after", "which"),
    [
        (inputs(), inputs(holders=holders(control_plane=1, workers=5)), set()),
        (inputs(), inputs(holders=holders(control_plane=1, workers=2, take_pods=False)), set()),
        (inputs(), inputs(holders=()), set()),
        (inputs(), STAGES["an image built anew"], set()),
        # Kubernetes alone is another
        (inputs(), upgrading(*holders(control_plane=1, workers=2), to=release("1.38.0")), {"access", "kube-proxy"}),
        (STAGES["half of it"], upgrading(*holders(control_plane=1, workers=3), *holders(workers=2, of=OLD)), set()),
        (
            upgrading(*holders(control_plane=1), *holders(workers=1, of=OLD)),
            upgrading(*holders(control_plane=1)),
            {"calico", "kube-proxy", "cinder-csi"},
        ),
        # DNS moves with the second node that holds it, and nothing else does
        (
            STAGES["the control plane is new"],
            upgrading(*holders(control_plane=1, workers=1), *holders(workers=2, of=OLD)),
            {"coredns"},
        ),
        (
            inputs(),
            inputs(unlabelled={"demo-6f1f6a3e-default-1": {"component.navarch.io/calico": "v3.28.5"}}),
            {"calico", "cinder-csi", "cloud-controller", "coredns", "kube-proxy", "metrics-server"},
        ),
    ],
)
def test_digests_change_with_what_there_is_to_do_alone(before: Inputs, after: Inputs, which: set[str]) -> None:
    assert changed(before, after) == which


def test_a_wish_taken_back_changes_no_agent() -> None:
    there = (*holders(control_plane=1, workers=1), *holders(workers=1, of=OLD))
    assert changed(upgrading(*there), upgrading(*there, to=OLD)) <= {
        "access",
        "coredns",
        "calico",
        "metrics-server",
        "cinder-csi",
    }
    assert named(upgrading(*there), "DaemonSet") == named(upgrading(*there, to=OLD), "DaemonSet")


# -- names and labels


@pytest.mark.parametrize("tag", ["v3.28.5_1", "3.6.8-0", "v1." + "2" * 90, "latest"])
def test_whatever_a_tag_looks_like_names_and_labels_are_good(tag: str) -> None:
    odd = release(calico=tag)
    seen = inputs(cluster=cluster(of=odd), holders=holders(control_plane=1, of=odd))
    agent = next(m for m in workloads(seen) if m["metadata"]["name"].startswith("calico-node-"))
    assert len(agent["metadata"]["name"]) <= 63
    assert agent["metadata"]["name"].replace("-", "").isalnum()
    assert agent["metadata"]["name"] == agent["metadata"]["name"].lower()
    assert all(len(value) <= 63 for value in pods(agent)["nodeSelector"].values())
    assert may_go_to(odd, agent) and not may_go_to(NEW, agent)


def test_a_component_that_can_be_no_label_is_left_out() -> None:
    assert component_labels({"a b": "v1", "": "v1", "c": "v1"}) == {"component.navarch.io/c": "v1"}
