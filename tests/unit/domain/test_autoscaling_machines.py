"""What a machine that is not there yet is taken to be: what it becomes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.domain.clusters import NOW, OFFER, cluster

from navarch.bootstrap.kubelet import kubelet_configuration, node_arguments
from navarch.domain import node_labels
from navarch.domain.autoscaling.machines import spot_of, spot_to_be
from navarch.domain.kube import NOT_BEHIND_SERVICES, RESERVED_CPU_MILLIS, RESERVED_MEMORY_MIB, Node
from navarch.domain.machines import Machine, template_of
from navarch.domain.spec import Role, Taint

SHOP = cluster()
GROUP = replace(
    SHOP.node_groups[0],
    spec=replace(SHOP.node_groups[0].spec, labels=(("tier", "web"),), taints=(Taint("gpu", "NoSchedule"),)),
)
SHOP = replace(SHOP, node_groups=(GROUP,))


def test_it_has_the_labels_with_which_its_kubelet_registers() -> None:
    machine = Machine("shop-web-7", Role.WORKER, "web", 7, "z1", NOW - timedelta(hours=1), template_of(SHOP, "web"))
    flags = {a.name: a.value for a in node_arguments(machine, address="10.0.0.7")}
    registered = dict(pair.split("=", 1) for pair in flags["node-labels"].split(","))
    registered.pop(NOT_BEHIND_SERVICES, None)  # only while it is new
    spot = spot_to_be(template_of(SHOP, "web"), "web", "shop-web-7", "z1", None, OFFER)
    assert spot is not None
    assert registered.items() <= spot.labels.items()
    assert spot.labels["topology.kubernetes.io/zone"] == "z1" and spot.labels["kubernetes.io/hostname"] == "shop-web-7"
    assert spot.taints == GROUP.spec.taints


def test_it_has_the_labels_that_the_clouds_controllers_write_onto_nodes() -> None:
    spot = spot_to_be(template_of(SHOP, "web"), "web", "shop-web-7", "AZ 1", None, OFFER, region="RegionOne")
    assert spot is not None
    cloud = node_labels.of_cloud_controller("m1.small", "AZ 1", "RegionOne")
    assert {
        **node_labels.of_kubelet("shop-web-7"),
        **cloud,
        **node_labels.of_csi("AZ 1"),
    }.items() <= spot.labels.items()
    assert (spot.labels["topology.kubernetes.io/zone"], spot.zone) == ("AZ-1", "AZ 1"), (
        "as nodes have it, and the cloud"
    )
    assert spot.labels["topology.kubernetes.io/region"] == "RegionOne"
    nobody_knows = spot_to_be(template_of(SHOP, "web"), "web", "shop-web-7", "z1", None, OFFER)
    assert nobody_knows is not None and "topology.kubernetes.io/region" not in nobody_knows.labels


def test_it_is_as_one_that_is_there_but_for_its_name_and_zone() -> None:
    has = (("cpu", 777), ("pods", 20))
    labels = {"extra": "1", "kubernetes.io/hostname": "a", "topology.kubernetes.io/zone": "z1"}
    sibling = Node("a", ready=True, labels=tuple(labels.items()), allocatable=has)
    spot = spot_to_be(template_of(SHOP, "web"), "web", "b", "z2", sibling, OFFER)
    assert spot is not None
    assert (spot.allocatable, spot.labels["extra"], spot.labels["kubernetes.io/hostname"]) == (has, "1", "b")
    assert spot.labels["topology.kubernetes.io/zone"] == "z2"


def test_a_flavor_that_is_not_offered_any_more_says_nothing() -> None:
    assert spot_to_be(template_of(SHOP, "web"), "web", "b", "z2", None, replace(OFFER, flavors=())) is None


def test_taints_of_a_young_node_pass_and_others_stay() -> None:
    young = Taint("node.kubernetes.io/not-ready", "NoSchedule")
    startup = Taint("startup-taint.cluster-autoscaler.kubernetes.io/csi", "NoSchedule")
    pressure = Taint("node.kubernetes.io/memory-pressure", "NoSchedule")
    assert spot_of(Node("a", ready=True, taints=(young, startup, pressure))).taints == (pressure,)
    assert not spot_of(Node("a", ready=True, unschedulable=True)).open


def test_what_navarch_cordoned_and_stays_is_uncordoned_at_once_and_counts() -> None:
    stopped = ("node.kubernetes.io/unschedulable", "node.cloudprovider.kubernetes.io/shutdown")
    taints = (*(Taint(key, "NoSchedule") for key in stopped), Taint("gpu", "NoSchedule"))
    started = spot_of(Node("a", ready=True, unschedulable=True, cordoned=True, drained=True, taints=taints))
    assert started.open and started.taints == (Taint("gpu", "NoSchedule"),)
    assert not spot_of(Node("a", ready=True, unschedulable=True, taints=taints)).open, "a person did"
    opened = spot_of(Node("a", ready=True, taints=taints))
    assert opened == started, "the controller manager takes the taint off once it has its lease"


def test_what_is_reserved_is_what_kubelets_are_told() -> None:
    configuration = kubelet_configuration(SHOP)
    parts: list[Any] = [configuration[name] for name in ("kubeReserved", "systemReserved")]
    cpu = sum(int(part["cpu"].removesuffix("m")) for part in parts)
    memory = sum(int(part["memory"].removesuffix("Mi")) for part in parts)
    assert (cpu, memory) == (RESERVED_CPU_MILLIS, RESERVED_MEMORY_MIB)
