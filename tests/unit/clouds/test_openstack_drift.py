"""What is asked of the cloud to put back what somebody removed: the same thing, where it has to be the same."""

from typing import Any

import pytest
from tests.unit.clouds.test_openstack_requests import MARK, OWNER, FakeCloud

from navarch.clouds.openstack import OpenStackCloud
from navarch.domain.errors import Conflict, Permanent, Responsible
from navarch.domain.openstack import steps
from navarch.domain.openstack.names import mac_address
from navarch.domain.openstack.resources import FloatingIP, Kind, LoadBalancer, Port, Server, Volume

NAME = "web-11111111-cp-0"
PORT = {
    "id": "p1", "name": NAME, "network_id": "n1", "fixed_ips": [{"ip_address": "10.0.0.7"}], "security_groups": ["g1"],
}  # fmt: skip
FLOATING = {"id": "f1", "floating_ip_address": "198.51.100.9", "port_id": "vip"}
VOLUME = {"id": "v1", "name": "web-11111111-etcd-0", "status": "available", "availability_zone": "z1"}
EXTERNAL = (200, {"networks": [{"id": "ext", "name": "public"}]})
_FLOATING = steps.EnsureFloatingIP("web-11111111-api", "public", "vip", "198.51.100.9")
_VOLUME = steps.AttachVolume("web-11111111-etcd-0", "v1", "s1")


def server(status: str, task: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"id": "s1", "name": NAME, "status": status, "OS-EXT-STS:task_state": task, "tags": [MARK], **more}
    return {"server": body}


def asked(fake: FakeCloud, *methods: str) -> list[tuple[str, Any]]:
    return [(key, body) for key, _, body in fake.asked if key.startswith(methods or ("POST", "PUT", "DELETE"))]


def test_a_port_is_made_with_the_address_that_it_had(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {"GET /v2.0/ports": (200, {"ports": []}), "POST /v2.0/ports": (201, {"port": PORT})}
    made = cloud.carry_out(OWNER, steps.EnsurePort(NAME, "n1", "sub1", ("g1",), "10.0.0.7"))
    assert isinstance(made, Port) and made.address == "10.0.0.7"
    [(_, body)] = asked(fake)
    assert body["port"]["fixed_ips"] == [{"subnet_id": "sub1", "ip_address": "10.0.0.7"}]
    assert body["port"]["mac_address"] == mac_address(OWNER, NAME)


def test_a_port_is_attached_once(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    step = steps.AttachPort(NAME, "p1", "s1")
    fake.answers = {"GET /v2.0/ports/p1": (200, {"port": PORT}), "POST /v2.1/servers/s1/os-interface": (200, {})}
    attached = cloud.carry_out(OWNER, step)
    assert isinstance(attached, Port) and attached.server_id == "s1"
    assert asked(fake) == [("POST /v2.1/servers/s1/os-interface", {"interfaceAttachment": {"port_id": "p1"}})]
    fake.asked.clear()
    fake.answers = {"GET /v2.0/ports/p1": (200, {"port": {**PORT, "device_id": "s1"}})}
    assert cloud.carry_out(OWNER, step) == attached
    assert asked(fake) == []


def test_a_balancer_is_made_at_the_address_that_it_had(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    made = {"id": "lb1", "name": "web-11111111-api", "provisioning_status": "PENDING_CREATE"}
    made |= {"operating_status": "OFFLINE", "vip_address": "10.0.0.9", "vip_port_id": "vip"}
    fake.answers = {
        "GET /v2/lbaas/loadbalancers": (200, {"loadbalancers": []}),
        "POST /v2/lbaas/loadbalancers": (201, {"loadbalancer": made}),
    }
    cloud.carry_out(OWNER, steps.EnsureLoadBalancer("web-11111111-api", "sub1", ("10.0.0.7",), address="10.0.0.9"))
    [(_, body)] = asked(fake)
    assert body["loadbalancer"]["vip_address"] == "10.0.0.9"
    assert body["loadbalancer"]["vip_subnet_id"] == "sub1"


def test_a_node_range_that_is_full_is_its_users(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    said = "No more IP addresses available on network n1."
    fake.answers = {
        "GET /v2.0/ports": (200, {"ports": []}),
        "POST /v2.0/ports": (409, {"NeutronError": {"type": "IpAddressGenerationFailure", "message": said}}),
    }
    with pytest.raises(Permanent, match="No more IP addresses") as told:
        cloud.carry_out(OWNER, steps.EnsurePort(NAME, "n1", "sub1", ("g1",)))
    assert (told.value.reason, told.value.responsible) == ("AddressesExhausted", Responsible.USER)
    assert "LoadBalancer" in told.value.remedy


@pytest.mark.parametrize("left", [[], [{"id": "l1", "name": "kubernetes-api", "pools": []}]])
def test_a_balancer_that_lost_a_part_is_made_anew(fake: FakeCloud, cloud: OpenStackCloud, left: list[Any]) -> None:
    there = {"id": "lb1", "name": "web-11111111-api", "description": "navarch:cluster=" + OWNER.cluster_id}
    there |= {"provisioning_status": "ACTIVE", "operating_status": "ONLINE", "vip_address": "10.0.0.9"}
    there |= {"vip_port_id": "vip"}
    fake.answers = {
        "GET /v2/lbaas/loadbalancers": (200, {"loadbalancers": [there]}),
        "GET /v2/lbaas/loadbalancers/lb1/status": (200, {"statuses": {"loadbalancer": {"listeners": left}}}),
        "DELETE /v2/lbaas/loadbalancers/lb1": (204, {}),
    }
    seen = cloud.observe(OWNER, frozenset({Kind.LOAD_BALANCER}))
    assert [b.members for b in seen.of(LoadBalancer)] == [()], "or nobody would ask for them"
    with pytest.raises(Conflict, match="made anew"):
        cloud.carry_out(OWNER, steps.EnsureLoadBalancer("web-11111111-api", "sub1", ("10.0.0.7",)))
    assert [key for key, _ in asked(fake)] == ["DELETE /v2/lbaas/loadbalancers/lb1"]


def test_a_floating_address_is_asked_for_by_name(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v2.0/floatingips": (200, {"floatingips": []}),
        "GET /v2.0/networks": EXTERNAL,
        "POST /v2.0/floatingips": (201, {"floatingip": FLOATING}),
    }
    made = cloud.carry_out(OWNER, _FLOATING)
    assert isinstance(made, FloatingIP) and made.address == "198.51.100.9"
    [(_, body)] = asked(fake)
    assert body["floatingip"]["floating_ip_address"] == "198.51.100.9"


@pytest.mark.parametrize("refusal", [403, 409])  # nobody but administrators may choose; somebody else has it
def test_a_floating_address_that_cannot_be_had_is_replaced_by_another(
    fake: FakeCloud, cloud: OpenStackCloud, refusal: int
) -> None:
    answers = iter(
        [
            (refusal, {"NeutronError": {"type": "PolicyNotAuthorized", "message": "no"}}),
            (201, {"floatingip": {**FLOATING, "floating_ip_address": "198.51.100.77"}}),
        ]
    )
    fake.answers = {
        "GET /v2.0/floatingips": (200, {"floatingips": []}),
        "GET /v2.0/networks": EXTERNAL,
        "POST /v2.0/floatingips": lambda _: next(answers),
    }
    made = cloud.carry_out(OWNER, _FLOATING)
    assert isinstance(made, FloatingIP) and made.address == "198.51.100.77"


def test_a_volume_is_attached_to_a_machine_that_is_off(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v3/volumes/v1": (200, {"volume": VOLUME}),
        "GET /v2.1/servers/s1": (200, server("SHUTOFF")),
        "POST /v2.1/servers/s1/os-volume_attachments": (200, {}),
    }
    attached = cloud.carry_out(OWNER, _VOLUME)
    assert isinstance(attached, Volume) and attached.status == "attaching"
    assert [body for _, body in asked(fake)] == [{"volumeAttachment": {"volumeId": "v1"}}]


def test_a_machine_that_runs_is_stopped_before_its_volume_is_attached(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v3/volumes/v1": (200, {"volume": VOLUME}),
        "GET /v2.1/servers/s1": (200, server("ACTIVE")),
        "POST /v2.1/servers/s1/action": (202, {}),
    }
    with pytest.raises(Conflict, match="its machine is stopped for it"):
        cloud.carry_out(OWNER, _VOLUME)
    assert asked(fake) == [("POST /v2.1/servers/s1/action", {"os-stop": None})]
    fake.asked.clear()
    fake.answers["GET /v2.1/servers/s1"] = (200, server("ACTIVE", "powering-off"))
    with pytest.raises(Conflict):
        cloud.carry_out(OWNER, _VOLUME)
    assert asked(fake) == [], "it is on its way already"


def test_a_volume_that_is_attached_meanwhile_stops_no_machine(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {"GET /v3/volumes/v1": (200, {"volume": {**VOLUME, "status": "in-use"}})}
    attached = cloud.carry_out(OWNER, _VOLUME)
    assert isinstance(attached, Volume) and attached.status == "in-use"


def test_only_a_machine_that_is_off_is_switched_on(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    step = steps.StartServer(NAME, "s1")
    fake.answers = {"GET /v2.1/servers/s1": (200, server("SHUTOFF")), "POST /v2.1/servers/s1/action": (202, {})}
    started = cloud.carry_out(OWNER, step)
    assert isinstance(started, Server) and started.task_state == "powering-on"
    assert asked(fake) == [("POST /v2.1/servers/s1/action", {"os-start": None})]
    fake.asked.clear()
    fake.answers = {"GET /v2.1/servers/s1": (200, server("ACTIVE"))}
    cloud.carry_out(OWNER, step)
    assert asked(fake) == []


def test_a_server_shows_the_addresses_of_the_ports_that_it_has(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    networks = {"web-net": [{"addr": "10.0.0.7", "OS-EXT-IPS:type": "fixed"}]}
    fake.answers = {
        "GET /v2.1/servers/detail": (
            200,
            {"servers": [server("ACTIVE", addresses=networks)["server"], server("ACTIVE", addresses={})["server"]]},
        )
    }
    seen = cloud.observe(OWNER, frozenset({Kind.SERVER}))
    assert [s.addresses for s in seen.of(Server)] == [("10.0.0.7",), ()]
