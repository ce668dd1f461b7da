"""What is OpenStack's own, beside the contract: the login of a cluster's controllers, faults, offer, quota."""

import time
import uuid

import pytest
from keystoneauth1 import session as keystone
from keystoneauth1.exceptions import Forbidden, NotFound, Unauthorized
from keystoneauth1.identity import v3
from tests.contract.openstack_lab import OpenStackStage, settings
from tests.contract.stage import clear

from navarch.domain import names
from navarch.domain.openstack import names as objects
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Identity, Kind, Network, Port, Server, ServerGroup, Subnet
from navarch.domain.spec import Owner, Role

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


def _owner(openstack: OpenStackStage) -> Owner:
    cluster_id = str(uuid.uuid4())
    return Owner(openstack.project_id, cluster_id, f"contract-{cluster_id[:8]}")


def _login(user: Identity, password: str) -> keystone.Session:
    """As cloud-provider-openstack does with user-id, password and trust-id in its [Global] section."""
    known = settings()
    login = v3.Password(known.auth_url, user_id=user.id, password=password, trust_id=user.trust_id)
    return keystone.Session(login, verify=known.ca_file)


def test_a_clusters_user_acts_as_member_of_its_project_until_it_is_removed(openstack: OpenStackStage) -> None:
    cloud, owner = openstack.cloud(), _owner(openstack)
    user = cloud.carry_out(owner, steps.EnsureIdentity(), private="first password")
    assert isinstance(user, Identity)
    session = _login(user, "first password")
    assert session.get_project_id() == owner.project_id
    assert {"member", "load-balancer_member"} <= set(session.auth.get_access(session).role_names)
    assert "admin" not in session.auth.get_access(session).role_names

    again = cloud.carry_out(owner, steps.EnsureIdentity(), private="second password")
    assert again == user
    assert _login(user, "second password").get_project_id() == owner.project_id

    stolen = _login(user, "second password")
    token = stolen.get_token()
    renewed = cloud.carry_out(owner, steps.RenewIdentity(user.id, user.name), private="third password")
    assert isinstance(renewed, Identity)
    known = settings()
    with pytest.raises((Unauthorized, NotFound)):
        keystone.Session(v3.Token(known.auth_url, token), verify=known.ca_file).get_token()
    assert _login(renewed, "third password").get_project_id() == owner.project_id

    cloud.carry_out(owner, steps.Remove(Kind.IDENTITY, renewed.id, renewed.name))
    with pytest.raises(Unauthorized):
        _login(renewed, "third password").get_token()
    assert cloud.observe(owner, frozenset({Kind.IDENTITY})).of(Identity) == ()


def test_who_acts_in_a_project_that_is_disabled_or_gone_opens_nothing(openstack: OpenStackStage) -> None:
    """What `navarch-server forget` leaves of a cluster whose project was deleted."""
    cloud = openstack.cloud()
    with openstack.short_lived_project() as (project_id, enable):
        owner = Owner(project_id, str(uuid.uuid4()), "gone")
        user = cloud.carry_out(owner, steps.EnsureIdentity(), private="a password")
        assert isinstance(user, Identity)
        assert _login(user, "a password").get_project_id() == project_id
        enable(False)
        with pytest.raises((Unauthorized, Forbidden)):
            _login(user, "a password").get_token()
        enable(True)
        assert _login(user, "a password").get_project_id() == project_id
    with pytest.raises((Unauthorized, Forbidden, NotFound)):
        _login(user, "a password").get_token()
    cloud.carry_out(owner, steps.Remove(Kind.IDENTITY, user.id, user.name))  # needs no project


def test_a_machine_that_cannot_boot_says_why(openstack: OpenStackStage) -> None:
    cloud, owner = openstack.cloud(), _owner(openstack)
    name, machine = objects.network(owner), names.control_plane_machine(owner, 0)
    try:
        network = cloud.carry_out(owner, steps.EnsureNetwork(name))
        assert isinstance(network, Network)
        subnet = cloud.carry_out(owner, steps.EnsureSubnet(name, network.id, "10.0.0.0/24"))
        assert isinstance(subnet, Subnet)
        port = cloud.carry_out(owner, steps.EnsurePort(machine, network.id, subnet.id, ()))
        assert isinstance(port, Port)
        spread = cloud.carry_out(owner, steps.EnsureServerGroup(objects.server_group(owner, "cp")))
        assert isinstance(spread, ServerGroup)
        props = openstack.props
        server = steps.CreateServer(
            machine, Role.CONTROL_PLANE, "cp", 0, props.flavor, props.image_id, props.zone, port.id, spread.id
        )
        cloud.carry_out(owner, server, private="#cloud-config\n{}\n")
        until = time.monotonic() + 180
        while (seen := cloud.observe(owner).of(Server)[0]).status == "BUILD" and time.monotonic() < until:
            time.sleep(1)
        assert seen.status == "ERROR"
        assert seen.fault
    finally:
        clear(openstack, cloud, owner)


def test_the_catalogue_offers_what_the_laboratory_has(openstack: OpenStackStage) -> None:
    offer = openstack.cloud().offer()
    assert offer.zones == ("z1", "z2", "z3")
    assert {t.name: t.zones for t in offer.volume_types} == {"ssd": ("z1", "z2", "z3"), "hdd": ("z1",)}
    public = offer.external_network("public")
    assert public is not None
    assert public.cidrs == ("198.51.100.0/24",)
    small = offer.flavor("m1.small")
    assert small is not None
    assert (small.vcpus, small.ram_mib, small.disk_gib) == (1, 2048, 20)


def test_the_quota_counts_what_the_project_has(openstack: OpenStackStage) -> None:
    cloud, owner = openstack.cloud(), _owner(openstack)
    before = cloud.quota(owner.project_id)
    try:
        cloud.carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
        after = cloud.quota(owner.project_id)
    finally:
        clear(openstack, cloud, owner)
    known = {
        "instances", "cores", "ram", "server_groups", "server_group_members", "volumes", "gigabytes", "snapshots",
        "networks", "subnets", "routers", "ports", "security_groups", "security_group_rules", "floating_ips",
        "load_balancers",
    }  # fmt: skip
    assert {a.resource for a in after.allowances} == known
    used = [quota.allowance("networks") for quota in (before, after)]
    assert used[0] is not None
    assert used[1] is not None
    assert used[1].used == used[0].used + 1
