"""The lab as its users see it: identities and their rights, zones, the resolver, and APIs that misbehave on order."""

import json
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openstack
import pytest

from navarch_lab import clouds
from navarch_lab.certificates import DNS_NAME
from navarch_lab.check import resolve
from navarch_lab.layout import Layout
from navarch_lab.topology import APIS, HOST_ADDRESS, HOSTS, SERVICE_ADDRESS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
LAYOUT = Layout.from_environment()
COMMAND = str(Path(sys.executable).with_name("navarch-lab"))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, timeout=120, check=False)


def connect(user: str, **scope: str) -> Any:
    """A user of the lab; `scope` instead of the project in clouds.yaml."""
    entry = clouds.clouds(LAYOUT)[user]
    auth = {**entry["auth"]}
    if scope:
        del auth["project_name"], auth["project_domain_name"]
        auth |= scope
    return openstack.connect(
        **auth, region_name=entry["region_name"], cacert=entry["cacert"], load_yaml_config=False, load_envvars=False
    )


def test_status_counts_every_service_and_says_where_its_log_is() -> None:
    done = run("status", "--json")
    status = json.loads(done.stdout)
    assert (done.returncode, status["state"]) == (0, "up")
    services = {service["name"]: service for service in status["services"]}
    assert {"mariadb", "rabbitmq", "ovs-vswitchd", "nova-conductor", "octavia-api"} <= set(services)
    assert {f"nova-compute-{host}" for host in HOSTS} <= set(services)
    for service in services.values():
        assert service["state"] == "running"
        assert service["memory_kib"] > 0
        assert Path(service["log"]).exists()
    assert {host["name"]: host["zone"] for host in status["hosts"]} == HOSTS


def test_up_on_a_lab_that_is_up_starts_nothing() -> None:
    before = {service["name"]: service["pid"] for service in json.loads(run("status", "--json").stdout)["services"]}
    assert run("up").returncode == 0
    after = {service["name"]: service["pid"] for service in json.loads(run("status", "--json").stdout)["services"]}
    assert after == before


def test_the_host_has_one_veth_and_one_route_into_the_lab() -> None:
    routes = json.loads(subprocess.run(["ip", "-j", "-4", "route"], capture_output=True, check=True).stdout)
    ours = [route for route in routes if route["dst"].startswith("198.51.100.")]
    assert [(route["dev"], route["prefsrc"]) for route in ours] == [("navarch0", HOST_ADDRESS)]


def test_zones_and_volume_types_are_those_of_a_zonal_cloud() -> None:
    alpha = connect("alpha")
    assert {zone.name for zone in alpha.compute.availability_zones()} == {"z1", "z2", "z3"}
    assert {zone.name for zone in alpha.block_storage.availability_zones()} == {"z1", "z2", "z3"}
    assert {"ssd", "hdd"} <= {kind.name for kind in alpha.block_storage.types()}
    with pytest.raises(openstack.exceptions.BadRequestException, match="z2"):
        alpha.block_storage.create_volume(name="lab-no-hdd-in-z2", size=1, volume_type="hdd", availability_zone="z2")


def test_a_reader_sees_and_changes_nothing() -> None:
    reader = connect("alpha-reader")
    assert [network.name for network in reader.network.networks(name="public")] == ["public"]
    assert list(reader.load_balancer.providers())
    with pytest.raises(openstack.exceptions.ForbiddenException):
        reader.network.create_network(name="lab-reader-may-not")


def test_a_member_is_no_administrator() -> None:
    alpha = connect("alpha")
    with pytest.raises(openstack.exceptions.ForbiddenException):
        list(alpha.compute.services())
    with pytest.raises(openstack.exceptions.ForbiddenException):
        alpha.compute.create_flavor(name="lab-huge", vcpus=64, ram=1024, disk=1)


def test_no_project_sees_another() -> None:
    alpha, beta = connect("alpha"), connect("beta")
    network = alpha.network.create_network(name=f"lab-{uuid.uuid4().hex[:8]}")
    try:
        assert network.id not in [found.id for found in beta.network.networks()]
    finally:
        alpha.network.delete_network(network)


@pytest.fixture
def cluster_user() -> Iterator[tuple[str, str, str]]:
    """(user, password, domain) of a user made by Navarch's service user in the domain it is manager of."""
    manager = connect("navarch", domain_name="navarch")
    domain = next(d["id"] for d in manager.identity.get("/auth/domains").json()["domains"] if d["name"] == "navarch")
    password = uuid.uuid4().hex
    name = f"lab-{uuid.uuid4().hex[:8]}"
    made = manager.identity.post("/users", json={"user": {"name": name, "domain_id": domain, "password": password}})
    assert made.status_code == 201, made.text
    user = made.json()["user"]["id"]
    yield user, password, domain
    assert manager.identity.delete(f"/users/{user}").status_code == 204


def test_the_service_user_works_in_every_customers_project_without_being_administrator() -> None:
    for project in ("alpha", "beta"):
        navarch = connect("navarch", project_name=project, project_domain_name="Default")
        list(navarch.compute.servers())
        list(navarch.load_balancer.load_balancers())
        with pytest.raises(openstack.exceptions.ForbiddenException):
            list(navarch.compute.services())


def test_a_clusters_user_works_in_the_customers_project_through_a_trust_and_only_as_long(
    cluster_user: tuple[str, str, str],
) -> None:
    user, password, _ = cluster_user
    navarch = connect("navarch", project_name="alpha", project_domain_name="Default")
    trust = {
        "trustor_user_id": navarch.current_user_id,
        "trustee_user_id": user,
        "project_id": navarch.current_project_id,
        "impersonation": False,
        "roles": [{"name": "member"}],
    }
    made = navarch.identity.post("/OS-TRUST/trusts", json={"trust": trust})
    assert made.status_code == 201, made.text
    trust_id = made.json()["trust"]["id"]

    def as_cluster() -> Any:
        return openstack.connect(
            auth_url=APIS["keystone"].public_url,
            user_id=user,
            password=password,
            trust_id=trust_id,
            region_name="RegionOne",
            cacert=str(LAYOUT.ca_file),
            load_yaml_config=False,
            load_envvars=False,
        )

    cloud = as_cluster()
    assert cloud.current_project_id == navarch.current_project_id
    list(cloud.load_balancer.load_balancers())
    list(cloud.block_storage.volumes())
    assert navarch.identity.delete(f"/OS-TRUST/trusts/{trust_id}").status_code == 204
    with pytest.raises(openstack.exceptions.SDKException, match=r"HTTP (401|404)"):
        as_cluster().authorize()


def test_the_resolver_knows_the_lab_and_denies_the_rest_by_itself() -> None:
    assert resolve(DNS_NAME) == (0, SERVICE_ADDRESS)
    assert resolve("registry.nowhere.example") == (3, None)  # NXDOMAIN: with nobody to ask it would be SERVFAIL


def placement() -> httpx.Response:
    return httpx.get(
        APIS["placement"].public_url, verify=ssl.create_default_context(cafile=str(LAYOUT.ca_file)), timeout=30
    )


@pytest.fixture
def fault() -> Iterator[Any]:
    """Disturbs placement, which no customer calls, and lets it go again."""
    yield lambda *words: run("fault", "api", "placement", *words)
    assert run("fault", "api", "placement", "--clear").returncode == 0
    assert placement().status_code == 200


def test_an_api_fails_on_order_and_only_from_outside(fault: Any) -> None:
    assert fault("--fail", "503").returncode == 0
    assert [placement().status_code for _ in range(3)] == [503, 503, 503]
    hypervisors = [found.name for found in connect("admin").compute.hypervisors()]
    assert "cmp1" in hypervisors, "nova does not go through the public endpoint"


def test_an_api_fails_for_a_share_of_the_requests(fault: Any) -> None:
    assert fault("--fail", "500", "--rate", "0.5").returncode == 0
    codes = [placement().status_code for _ in range(100)]
    assert 5 <= codes.count(500) <= 95  # fair coins fall outside once in 10^23 runs
    assert codes.count(200) == 100 - codes.count(500)


def test_an_api_is_slow_on_order(fault: Any) -> None:
    assert fault("--delay", "1.5").returncode == 0
    began = time.monotonic()
    assert placement().status_code == 200
    assert time.monotonic() - began >= 1.5  # a busy machine can only make it longer


def test_a_fault_that_makes_no_sense_is_refused_with_all_reasons() -> None:
    done = run("fault", "api", "placement", "--fail", "200", "--rate", "2")
    assert done.returncode == 1
    assert "not an HTTP error status" in done.stderr
    assert "rate 2" in done.stderr
