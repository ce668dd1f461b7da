"""An object is its owner's by its mark and by the id that was written down: whoever renames it takes it from no one."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.built import Built, new_owner, until
from tests.contract.stage import Stage, clear

from navarch.domain import names
from navarch.domain.observed import KnownObject
from navarch.domain.openstack import names as objects
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import (
    FloatingIP,
    Kind,
    LoadBalancer,
    Network,
    Port,
    Router,
    SecurityGroup,
    Subnet,
    Volume,
)

pytestmark = pytest.mark.timeout(600)

_PLAIN = {"name": "mine", "description": "mine"}
_BY_HAND: dict[Kind, tuple[tuple[str, str, dict[str, Any]], ...]] = {  # service, path, body
    Kind.NETWORK: (("network", "/networks/{}", {"network": _PLAIN}),),
    Kind.SUBNET: (("network", "/subnets/{}", {"subnet": _PLAIN}),),
    Kind.ROUTER: (("network", "/routers/{}", {"router": _PLAIN}),),
    Kind.SECURITY_GROUP: (("network", "/security-groups/{}", {"security_group": _PLAIN}),),
    Kind.PORT: (("network", "/ports/{}", {"port": _PLAIN}),),
    Kind.FLOATING_IP: (("network", "/floatingips/{}", {"floatingip": {"description": "mine"}}),),
    Kind.VOLUME: (
        ("block-storage", "/volumes/{}", {"volume": {"name": "mine"}}),
        ("block-storage", "/volumes/{}/metadata", {"metadata": {}}),
    ),
    Kind.LOAD_BALANCER: (("load-balancer", "/lbaas/loadbalancers/{}", {"loadbalancer": _PLAIN}),),
}


@pytest.fixture(scope="module")
def built(stage: Stage) -> Iterator[Built]:
    made = Built(stage, stage.cloud(), new_owner(stage.project_id))
    owner, name, api = made.owner, objects.network(made.owner), objects.api_load_balancer(made.owner)
    try:
        network = made.do(steps.EnsureNetwork(name), Network)
        subnet = made.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24"), Subnet)
        made.do(steps.EnsureRouter(name, stage.props.external_network, subnet.id), Router)
        group = made.do(steps.EnsureSecurityGroup(f"{owner.stem}-sg-cp", frozenset()), SecurityGroup)
        machine = names.control_plane_machine(owner, 0)
        port = made.do(steps.EnsurePort(machine, network.id, subnet.id, (group.id,)), Port)
        volume = objects.etcd_volume(owner, 0)
        made.do(steps.EnsureVolume(volume, stage.props.volume_type, 1, stage.props.zone), Volume)
        balancer = made.do(steps.EnsureLoadBalancer(api, subnet.id, (port.address,)), LoadBalancer)
        made.do(steps.EnsureFloatingIP(api, stage.props.external_network, balancer.vip_port_id), FloatingIP)
        yield made
    finally:
        clear(stage, made.cloud, owner)


@pytest.mark.parametrize("kind", list(_BY_HAND))
def test_what_lost_its_name_and_its_mark_is_known_by_its_id_and_gets_them_back(
    stage: Stage, built: Built, kind: Kind
) -> None:
    cloud, owner = stage.cloud(), built.owner
    ours = next(resource for _, _, resource in built.made if resource.kind is kind)
    known = (KnownObject(kind.value, ours.name, ours.id),)
    until(built, lambda state: {b.provisioning_status for b in state.of(LoadBalancer)} == {"ACTIVE"})
    for service, path, body in _BY_HAND[kind]:
        stage.meddle(service, path.format(ours.id), body)
    assert cloud.observe(owner, frozenset({kind})).of_kind(kind) == (), "it says nothing of the cluster any more"
    seen = cloud.observe(owner, frozenset({kind}), known)
    assert [resource.id for resource in seen.of_kind(kind)] == [ours.id]
    assert (seen.astray, seen.trouble) == (((ours.id, "mine"),), ())
    if kind is Kind.LOAD_BALANCER:
        _until_settled(stage, built, ours.id)
    cloud.carry_out(owner, steps.RestoreName(kind, ours.id, ours.name))
    back = cloud.observe(owner, frozenset({kind}))
    assert [(resource.id, resource.name) for resource in back.of_kind(kind)] == [(ours.id, ours.name)]
    assert back.astray == ()


@pytest.mark.parametrize("kind", list(_BY_HAND))
def test_what_is_known_and_gone_is_not_shown(stage: Stage, kind: Kind) -> None:
    gone = KnownObject(kind.value, "gone", "0f2c7f4e-3f0d-4b6e-9c55-0d9b1f9a7c11")
    seen = stage.cloud().observe(new_owner(stage.project_id), frozenset({kind}), (gone,))
    assert (seen.of_kind(kind), seen.astray, seen.trouble) == ((), (), ())


def test_what_is_known_in_another_project_is_not_shown(stage: Stage, built: Built) -> None:
    ours = built.the(Network)
    owner = new_owner(stage.other_project_id)
    known = (KnownObject(Kind.NETWORK.value, ours.name, ours.id),)
    assert stage.cloud().observe(owner, frozenset({Kind.NETWORK}), known).of(Network) == ()


def _is_pending(balancers: tuple[LoadBalancer, ...]) -> bool:
    return any(b.provisioning_status.startswith("PENDING") for b in balancers)


def _until_settled(stage: Stage, built: Built, balancer_id: str) -> None:
    """Octavia is busy with a balancer for a moment after its name was changed."""
    known = (KnownObject(Kind.LOAD_BALANCER.value, "", balancer_id),)
    for _ in range(60):
        seen = built.cloud.observe(built.owner, frozenset({Kind.LOAD_BALANCER}), known).of(LoadBalancer)
        if not _is_pending(seen):
            return
        stage.wait(0.5)
    raise AssertionError(f"still pending: {seen}")
