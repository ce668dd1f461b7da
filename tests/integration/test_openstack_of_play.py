"""The region of `make play` is an OpenStack to every tool that asks it: to the doctor, and to OpenStack's own SDK."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack.connection import Connection
from tests.customer import Customer

from navarch.playground.region import Playground, Wanted

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]
PROJECT = "alpha"


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    folder = Path(tempfile.mkdtemp(prefix="nv-sdk-"))  # pytest's own folders are closed to user postgres
    folder.chmod(0o755)
    made = Playground(folder, Wanted(projects=(PROJECT,), boot_seconds=2.0, speed=4.0))
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("who", [PROJECT, "admin"])
def test_navarch_doctor_finds_nothing_to_do(playground: Playground, who: str) -> None:
    answer = Customer(who, playground.environment(who)).must("doctor", "-o", "json")
    assert {finding["level"] for finding in answer.json} == {"ok"}, answer.out
    subjects = {finding["subject"] for finding in answer.json}
    assert {"quota for 1+2", "balancer provider", "Cinder (block-storage)", "Navarch's offer"} <= subjects
    assert ("service user" in subjects) == (who == "admin")


def test_the_operators_doctor_finds_nothing_to_do(playground: Playground) -> None:
    program = Path(sys.executable).with_name("navarch-server")
    command = [str(program), "--config", str(playground.settings), "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 warn, 0 fail" in done.stdout


@pytest.fixture(scope="module")
def cloud(playground: Playground) -> Iterator[Connection]:
    """The SDK of a customer whose project has one cluster."""
    customer = Customer(PROJECT, playground.environment(PROJECT))
    customer.must("cluster", "create", "shop", "--workers", "2", "--wait")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in playground.environment(PROJECT).items():
            patched.setenv(name, value)
        with openstack.connect() as made:
            yield made


LISTS: dict[str, tuple[Callable[[Connection], Any], int]] = {  # how it is asked for, and how many there are
    "servers": (lambda c: c.compute.servers(), 3),
    "server groups": (lambda c: c.compute.server_groups(), 2),
    "flavors": (lambda c: c.compute.flavors(), 5),
    "zones": (lambda c: c.compute.availability_zones(), 3),
    "networks": (lambda c: c.network.networks(), 2),
    "subnets": (lambda c: c.network.subnets(), 2),
    "routers": (lambda c: c.network.routers(), 1),
    "ports": (lambda c: c.network.ports(), 5),
    "security groups": (lambda c: c.network.security_groups(), 3),
    "floating IPs": (lambda c: c.network.ips(), 1),
    "volumes": (lambda c: c.block_storage.volumes(), 1),
    "volume types": (lambda c: c.block_storage.types(), 3),  # with __DEFAULT__, as of every Cinder
    "snapshots": (lambda c: c.block_storage.snapshots(), 0),
    "images": (lambda c: c.image.images(), 3),
    "load balancers": (lambda c: c.load_balancer.load_balancers(), 1),
    "listeners": (lambda c: c.load_balancer.listeners(), 1),
    "pools": (lambda c: c.load_balancer.pools(), 1),
}


@pytest.mark.parametrize("what", LISTS)
def test_openstacks_sdk_lists_what_a_cluster_consists_of(cloud: Connection, what: str) -> None:
    ask, count = LISTS[what]
    found = list(ask(cloud))
    assert len(found) == count
    assert all(each.name is not None for each in found)


def test_openstacks_sdk_shows_single_objects_by_name(cloud: Connection) -> None:
    server = next(s for s in cloud.compute.servers() if s.name.endswith("-cp-0"))
    shown = cloud.compute.find_server(server.name)
    assert (shown.id, shown.status, shown.flavor.original_name) == (server.id, "ACTIVE", "m1.medium")
    (volume,) = cloud.block_storage.volumes()
    assert cloud.block_storage.get_volume(volume.id).status == "in-use"
    (balancer,) = cloud.load_balancer.load_balancers()
    assert cloud.load_balancer.find_load_balancer(balancer.name).provisioning_status == "ACTIVE"
    assert cloud.network.find_network("public").is_router_external
    assert cloud.image.find_image("node-1.37.2").status == "active"


def test_an_application_credential_with_access_rules_may_look_and_nothing_else(
    playground: Playground, cloud: Connection
) -> None:
    rules = [{"service": "kubernetes", "method": "GET", "path": "/kaas/v1/**"}]
    made = cloud.identity.create_application_credential(cloud.current_user_id, "ci", access_rules=rules)
    environment = {name: its for name, its in playground.environment(PROJECT).items() if name != "OS_CLOUD"}
    ours = cloud.config.config
    clouds = {
        "ci": {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": ours["auth"]["auth_url"],
                "application_credential_id": made.id,
                "application_credential_secret": made.secret,
            },
            "region_name": ours["region_name"],
            "cacert": ours["cacert"],
        }
    }
    file = playground.folder / "ci.yaml"
    file.write_text(json.dumps({"clouds": clouds}))
    reader = Customer("ci", environment | {"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLOUD": "ci"})
    assert reader.must("cluster", "show", "shop", "-o", "json").json["name"] == "shop"
    refused = reader.navarch("cluster", "delete", "shop", "--yes")
    assert refused.code == 5, refused.err
    assert "access rules" in refused.err


def test_hosts_are_not_for_members(cloud: Connection) -> None:
    assert cloud.compute.get("/os-availability-zone/detail").status_code == 403


def test_what_no_service_has_is_not_found(cloud: Connection) -> None:
    assert cloud.compute.find_server("nothing") is None
    assert cloud.network.get("/widgets").status_code == 404
