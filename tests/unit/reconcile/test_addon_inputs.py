"""What add-ons are told about machines, of what was written down and what the cluster says."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.domain.clusters import OFFER, cluster, look
from tests.unit.domain.test_drift import settled

from navarch.addons.contract import Inputs
from navarch.clouds.contract import Cloud
from navarch.domain.infrastructure import Infrastructure
from navarch.domain.kube import KubeState, Node
from navarch.domain.machines import Machine, component_labels
from navarch.domain.offer import Offer, Release
from navarch.domain.spec import Role, Taint
from navarch.reconcile.addon_inputs import addon_inputs

RELEASE = cluster().spec.release
OLD = replace(RELEASE, kubernetes_version="1.36.3", image_id="old")
LABELS = tuple(component_labels(RELEASE.tags).items())


def inputs_if_known(machines: tuple[Machine, ...], nodes: tuple[Node, ...] | None, offer: Offer) -> Inputs | None:
    kube = None if nodes is None else KubeState("1.37.2", nodes)
    seen = replace(look(settled(), machines=machines), kube=kube)
    infrastructure = SimpleNamespace(endpoint=SimpleNamespace(internal_address="10.0.0.5"), mtu=1442)
    cloud = SimpleNamespace(controller_files=lambda *_: {"cloud.conf": ""})
    return addon_inputs(cluster(), seen, cast(Infrastructure, infrastructure), cast(Cloud, cloud), offer, "")


def inputs_of(machines: tuple[Machine, ...], nodes: tuple[Node, ...] | None) -> Inputs:
    made = inputs_if_known(machines, nodes, OFFER)
    assert made is not None
    return made


def machine(name: str = "w1", release: Release = RELEASE, **fields: Any) -> Machine:
    first = settled().record.machines[0]
    template = replace(first.template, release=release)
    given = {"role": Role.WORKER, "joined": True, "removing": False, "removed": False, **fields}
    return replace(first, name=name, template=template, **given)


def node(name: str = "w1", **fields: Any) -> Node:
    return Node(name, **{"ready": True, "labels": LABELS, **fields})


CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "NoSchedule")


@pytest.mark.parametrize(
    ("nodes", "machine_fields", "takes"),
    [
        ((node(),), {}, True),
        ((node(taints=(CONTROL_PLANE, Taint("a", "PreferNoSchedule"))),), {}, True),
        ((node(taints=(Taint("gpu", "NoSchedule"),)),), {}, False),
        ((node(ready=False),), {}, False),
        ((node(unschedulable=True),), {}, False),
        ((node(),), {"removing": True}, False),
        ((node("other"),), {}, False),
        (None, {}, False),
    ],
)
def test_a_machine_takes_pods_where_its_node_does(
    nodes: tuple[Node, ...] | None, machine_fields: dict[str, Any], takes: bool
) -> None:
    (holder,) = inputs_of((machine(**machine_fields),), nodes).holders
    assert (holder.release, holder.control_plane, holder.takes_pods) == (RELEASE, False, takes)


def test_machines_that_go_count_until_they_are_gone() -> None:
    machines = (
        machine("w1", OLD, removing=True),
        machine("w2", OLD, removed=True),
        machine("cp-0", role=Role.CONTROL_PLANE),
    )
    made = inputs_of(machines, ())
    assert [(holder.release, holder.control_plane) for holder in made.holders] == [(OLD, False), (RELEASE, True)]
    assert set(made.machines) == {"cp-0"}


def test_a_node_lacks_what_its_own_machine_holds() -> None:
    old = dict(component_labels(OLD.tags))
    changed = old["component.navarch.io/kubernetes"]
    assert inputs_of((machine(release=OLD),), (node(),)).unlabelled == {
        "w1": {"component.navarch.io/kubernetes": changed}
    }
    assert inputs_of((machine(release=OLD),), (node(labels=()),)).unlabelled == {"w1": old}
    assert inputs_of((machine(),), (node(labels=(*LABELS, ("more", "x"))),)).unlabelled == {}


def test_a_node_that_may_be_an_earlier_machines_is_given_no_label() -> None:
    assert inputs_of((machine(joined=False),), (node(labels=()),)).unlabelled == {}


def test_while_it_is_not_known_what_a_project_alone_may_use_no_storage_class_is_taken_away() -> None:
    assert inputs_if_known((machine(),), (node(),), OFFER) is not None
    assert inputs_if_known((machine(),), (node(),), OFFER.beside(None)) is None
