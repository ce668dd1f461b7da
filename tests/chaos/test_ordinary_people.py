"""What people do to a project without ill will: it harms no healthy cluster, and what is in the way is told by name."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.status import Condition, Phase
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.nova import lifecycle

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
PROJECT = PROJECTS[0]


@pytest.fixture
def world(dsn: str) -> Iterator[World]:
    with connect(dsn) as connection:
        made = World(connection, 7, Weather())
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def shop(world: World) -> str:
    """A cluster that is Ready."""
    made = world.customers.create("shop", PROJECT)
    assert world.run_until(world.invariants.settled, 900.0)
    return made


def named(world: World, kind: str, ending: str) -> Object:
    return next(found for found in world.region[kind] if found.name.endswith(ending))


def blocked(world: World, cluster: str) -> Condition:
    """Why its user has to act."""
    found = world.api.cluster(cluster, project_id=None).status.conditions
    return next(c for c in found if c.status != "True" and c.responsible == "user")


def is_gone(world: World, cluster: str) -> bool:
    return all(stored.cluster.id != cluster for stored in world.api.clusters(project_id=None).clusters)


def test_what_is_changed_beside_a_cluster_costs_it_no_machine(world: World, shop: str) -> None:
    machines = world.api.machines(shop)
    egress = [rule for rule in world.region["security group rule"] if rule["direction"] == "egress"]
    for rule in egress:  # of all groups
        world.region["security group rule"].drop(rule)
        group = world.region["security group"].get(rule["security_group_id"])
        assert group is not None
        group["security_group_rules"] = [r for r in group["security_group_rules"] if r["id"] != rule.id]
    for image in world.region["image"]:
        image["status"] = "deactivated"
    for flavor in world.region["flavor"]:
        flavor["os-flavor-access:is_public"] = False
    for type_ in world.region["volume type"]:
        type_["name"] = f"{type_.name}-old"
    server = next(s for s in world.region["server"] if s.name == machines[-1].name)
    port = next(p for p in world.region["port"] if p["device_id"] == server.id)
    public = next(n for n in world.region["network"] if n["router:external"])
    wanted = {"floating_network_id": public.id, "port_id": port.id}
    world.as_somebody(PROJECT, "network", "/v2.0/floatingips", floatingip=wanted)
    world.run(1800.0)
    assert world.invariants.settled()
    status = world.api.cluster(shop, project_id=None).status
    assert status.phase is Phase.READY, status.conditions
    assert world.api.machines(shop) == machines
    for group in world.region["security group"].of(PROJECT):
        if group["description"].startswith("navarch"):
            outward = [r for r in group["security_group_rules"] if r["direction"] == "egress"]
            assert [(r["ethertype"], r["protocol"]) for r in outward] == [("IPv4", None)], group.name


def test_somebody_elses_port_holds_a_deletion_up_is_told_and_stays(world: World, shop: str) -> None:
    network = named(world, "network", "-net")
    theirs = world.as_somebody(PROJECT, "network", "/v2.0/ports", port={"network_id": network.id, "name": "jump"})
    world.customers.delete(shop)
    world.run(300.0)
    told = blocked(world, shop)
    assert told.reason == "ForeignPorts" and f"jump ({theirs['port']['id']})" in told.message
    assert named(world, "router", "-net")["external_gateway_info"]  # their way out is there
    port = world.region["port"].get(theirs["port"]["id"])
    assert port is not None
    world.region["port"].drop(port)
    assert world.run_until(lambda: is_gone(world, shop), 300.0)


def test_somebody_elses_snapshot_holds_a_deletion_up_is_told_and_stays(world: World, shop: str) -> None:
    volume = named(world, "volume", "-etcd-0")
    asked = {"volume_id": volume.id, "name": "before", "force": True}
    theirs = world.as_somebody(PROJECT, "block-storage", f"/v3/{PROJECT}/snapshots", snapshot=asked)
    world.customers.delete(shop)
    world.run(300.0)
    told = blocked(world, shop)
    assert told.reason == "ForeignSnapshots" and "before" in told.message
    snapshot = world.region["snapshot"].get(theirs["snapshot"]["id"])
    assert snapshot is not None
    world.region["snapshot"].drop(snapshot)
    assert world.run_until(lambda: is_gone(world, shop), 300.0)


def test_a_server_that_somebody_locked_holds_a_deletion_up_is_told_and_stays(world: World, shop: str) -> None:
    server = next(s for s in world.region["server"] if "-cp-" not in s.name)
    world.as_somebody(PROJECT, "compute", f"/v2.1/servers/{server.id}/action", lock=None)
    world.customers.delete(shop)
    world.run(300.0)
    told = blocked(world, shop)
    assert told.reason == "ServerLocked" and server.id in told.message
    assert "server unlock" in (told.remedy or "")
    world.as_somebody(PROJECT, "compute", f"/v2.1/servers/{server.id}/action", unlock=None)
    assert world.run_until(lambda: is_gone(world, shop), 400.0)


def test_a_machine_that_somebody_deletes_is_replaced_where_nova_keeps_what_was_deleted(world: World, shop: str) -> None:
    world.region.site = replace(world.region.site, keeps_deleted_servers=True)
    for name in [m.name for m in world.api.machines(shop)]:
        server = next(s for s in world.region["server"] if s.name == name)
        lifecycle.delete_softly(world.region, server)
        world.run(120.0)
        assert world.run_until(world.invariants.settled, 1800.0), name
        assert world.region["server"].get(server.id) is None, name
    world.customers.delete(shop)
    assert world.run_until(lambda: is_gone(world, shop), 400.0)
    assert not [s for s in world.region["server"] if s["tenant_id"] == PROJECT]
