"""What a cluster is to OpenStack: its objects, where they are, and what they give away."""

import base64
from typing import Any

from tests.e2e.clusters import Cluster


def test_the_objects_are_exactly_those_planned(one: Cluster) -> None:
    def ours(things: Any) -> list[str]:
        return sorted(thing.name for thing in things if thing.name.startswith(one.stem))

    cloud = one.cloud
    machines = sorted(one.machines())
    assert len(machines) == 3
    assert ours(cloud.compute.servers()) == machines
    assert ours(cloud.network.ports()) == machines
    assert ours(cloud.block_storage.volumes()) == [f"{one.stem}-etcd-0"]
    assert ours(cloud.load_balancer.load_balancers()) == [f"{one.stem}-api"]
    assert ours(cloud.network.security_groups()) == [f"{one.stem}-sg-cp", f"{one.stem}-sg-worker"]
    assert len(ours(cloud.compute.server_groups())) == 2
    assert len(ours(cloud.network.routers())) == len(ours(cloud.network.networks())) == 1
    assert len([a for a in cloud.network.ips() if a.description.startswith(f"{one.stem}-api ")]) == 1


def test_workers_are_on_different_hosts_of_one_zone(one: Cluster) -> None:
    admin = one.customer.stack.lab.connect("admin")
    workers = [s for s in admin.compute.servers(all_projects=True) if s.name in one.workers()]
    assert {s.availability_zone for s in workers} == {"z1"}
    assert len({s.hypervisor_hostname for s in workers}) == 2


def test_no_machine_has_a_public_address(one: Cluster) -> None:
    for server in one.servers():
        kinds = {a["OS-EXT-IPS:type"] for addresses in server.addresses.values() for a in addresses}
        assert kinds == {"fixed"}, server.name


def test_user_data_holds_nothing_secret_but_a_used_ticket(one: Cluster) -> None:
    admin = one.customer.stack.lab.connect("admin")
    servers = [s for s in admin.compute.servers(all_projects=True) if s.name.startswith(one.stem)]
    assert len(servers) == 3
    for server in servers:
        assert server.user_data, "nova shows an admin what it was"
        text = base64.b64decode(server.user_data).decode()
        assert '"ticket"' in text
        assert "PRIVATE KEY" not in text
        assert "password" not in text.lower()
