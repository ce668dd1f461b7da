"""What is written down of the machines that autoscaling brings."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import CONTROL_PLANE_TEMPLATE, NOW, TEMPLATE, cluster

from navarch.domain.autoscaling import Change
from navarch.domain.machines import Machine, MachineTemplate
from navarch.domain.names import CONTROL_PLANE_GROUP
from navarch.domain.observed import Record
from navarch.domain.spec import Role
from navarch.reconcile.autoscaling import _coming

SHOP = cluster(control_plane=3)
OLDER = replace(SHOP.spec.release, kubernetes_version="1.36.4", image_id="image-1364", image_name="navarch-1.36.4")
GROWS = Change("web", 4, "TriggeredScaleUp", "web: 2 → 4 machines", zones=("AZ 1", "z2"))


def place(number: int, template: MachineTemplate, *, removed: bool = False) -> Machine:
    made = NOW - timedelta(hours=1)
    name = f"shop-cp-{number}"
    return Machine(name, Role.CONTROL_PLANE, CONTROL_PLANE_GROUP, number, "z1", made, template, removed=removed)


def test_no_kubelet_that_comes_is_newer_than_an_api_server() -> None:
    older = replace(CONTROL_PLANE_TEMPLATE, release=OLDER)
    upgrading = Record((place(0, CONTROL_PLANE_TEMPLATE), place(1, older), place(2, CONTROL_PLANE_TEMPLATE)))
    assert [m.template for m in _coming(SHOP, GROWS, upgrading, NOW)] == [replace(TEMPLATE, release=OLDER)] * 2
    upgraded = Record((place(0, CONTROL_PLANE_TEMPLATE), place(1, older, removed=True)))
    assert [m.template for m in _coming(SHOP, GROWS, upgraded, NOW)] == [TEMPLATE] * 2


def test_a_machine_is_written_down_in_the_zone_that_was_decided() -> None:
    record = Record((place(0, CONTROL_PLANE_TEMPLATE),))
    assert [(m.serial, m.zone) for m in _coming(SHOP, GROWS, record, NOW)] == [(1, "AZ 1"), (2, "z2")]
