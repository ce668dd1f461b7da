"""What doctor says of clouds that lack something."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from keystoneauth1.access import AccessInfoV3
from tests.unit.cli.cli_service import Answer, Ran, Service

from navarch.cli.doctor import examine
from navarch.cli.session import Target
from navarch.client.credentials import Credentials
from navarch.client.keystone import Keystone
from navarch.doctor import customer, operator
from navarch.doctor.cloud import Refused, Token
from navarch.doctor.finding import Finding, Level
from navarch.doctor.needs import first_cluster, shortfalls
from navarch.doctor.tls import check_tls
from navarch.domain.offer import Allowance, Flavor

MEMBER = Token("p1", "red", "ann", ("member", "reader"))


class FakeCloud:
    """Answers from a table by (service, path); what is not in it is refused with 404."""

    def __init__(self, answers: dict[tuple[str, str], Any], catalogue: dict[str, str] | None = None) -> None:
        self._answers = answers
        self.keystone = SimpleNamespace(
            address=(catalogue or {}).get, credentials=SimpleNamespace(interface="public", region="One")
        )

    def get(self, service: str, path: str, **params: Any) -> Any:
        answer = self._answers.get((service, path), Refused("HTTP 404: not found", 404))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def timed(self, service: str, path: str, **params: Any) -> tuple[Any, float]:
        return self.get(service, path), 0.012

    def items(self, service: str, path: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.get(service, path)[key]

    def version(self, service: str) -> str:
        return "2.1"


def levels(findings: Iterable[Finding]) -> dict[str, Level]:
    return {f.subject: f.level for f in findings}


def only(findings: Iterable[Finding], subject: str) -> Finding:
    (found,) = [f for f in findings if f.subject == subject]
    return found


IMAGE = {"name": "node", "navarch_kubernetes_version": "1.37.2", "visibility": "public", "min_disk": 10}
FLAVORS = [
    {"id": "1", "name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 20},
    {"id": "2", "name": "m1.small", "vcpus": 1, "ram": 2048, "disk": 20},
    {"id": "3", "name": "c1.small", "vcpus": 2, "ram": 2048, "disk": 20},
    {"id": "4", "name": "m1.medium", "vcpus": 2, "ram": 4096, "disk": 20},
]


def test_a_reader_cannot_create() -> None:
    finding = customer.role(Token("p1", "red", "ann", ("reader",)))
    assert (finding.level, "role add --user ann --project red member" in finding.fix) == (Level.FAIL, True)
    assert customer.role(MEMBER).level is Level.OK
    assert customer.role(Token("", "", "ann", ("member",))).level is Level.FAIL


def test_a_service_that_is_missing_and_one_that_refuses_are_told_apart() -> None:
    catalogue = {name: f"https://{name}" for name in ("identity", "compute", "network", "block-storage", "image")}
    answers: dict[tuple[str, str], Any] = {(s, customer._PROBES[s]): {} for s in catalogue if s != "network"}
    answers["network", customer._PROBES["network"]] = Refused("HTTP 403: no", 403)
    found = list(customer.services(FakeCloud(answers, catalogue)))  # type: ignore[arg-type]
    assert only(found, "Octavia (load-balancer)").detail == "no public endpoint in the catalogue in region One"
    assert "role" in only(found, "Neutron (network)").fix
    assert only(found, "Nova (compute)").detail == "https://compute, version 2.1, 12 ms"


class KeystoneOfTwoRegions(Keystone):
    """With a token and a catalogue as Keystone answers them, and nothing behind."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        endpoints = [
            {"id": f"{region}-{interface}", "interface": interface, "url": f"https://{region}", "region": region}
            for region, interface in (("Two", "public"), ("One", "public"), ("Hidden", "internal"))
        ]
        token = {
            "user": {"id": "u", "name": "ann"}, "project": {"id": "p1", "name": "red"}, "roles": [{"name": "member"}],
            "catalog": [{"id": "c", "type": "compute", "name": "nova", "endpoints": endpoints}],
            "expires_at": "2126-01-01T00:00:00Z", "methods": ["password"],
        }  # fmt: skip
        access = AccessInfoV3({"token": token}, "t")
        self.session.auth = SimpleNamespace(get_access=lambda session: access, get_headers=lambda session: {})


def test_a_region_that_the_catalogue_does_not_know_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("navarch.client.keystone.Keystone", KeystoneOfTwoRegions)
    environ = {
        "OS_AUTH_URL": "https://127.0.0.1:9/v3", "OS_USERNAME": "ann", "OS_PASSWORD": "x", "OS_PROJECT_NAME": "red",
        "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
    }  # fmt: skip
    found = list(examine(Target(region="Tow"), "ovn", environ))
    (bad,) = [finding for finding in found if finding.level is not Level.OK]
    assert (found[-1], bad.subject, bad.level) == (bad, "region", Level.FAIL)
    assert bad.detail == "'Tow' is not in the catalogue; there is One, Two"
    assert "OS_REGION_NAME" in bad.fix
    assert customer.unknown_region("Two", ("One", "Two")) is None
    assert customer.unknown_region(None, ("One", "Two")) is None


def test_a_cloud_without_a_node_image() -> None:
    finding, _ = customer.image(FakeCloud({("image", "/images"): {"images": [{"name": "cirros"}]}}))  # type: ignore[arg-type]
    assert (finding.level, "navarch-images register" in finding.fix) == (Level.FAIL, True)


def test_versions_of_images_are_told_newest_first_and_private_ones_warned_of() -> None:
    images = [IMAGE, {**IMAGE, "navarch_kubernetes_version": "1.37.10", "min_disk": 8}]
    finding, disk = customer.image(FakeCloud({("image", "/images"): {"images": images}}))  # type: ignore[arg-type]
    assert (finding.level, finding.detail, disk) == (Level.OK, "Kubernetes 1.37.10, 1.37.2", 8)
    private = [{**IMAGE, "visibility": "private"}]
    finding, _ = customer.image(FakeCloud({("image", "/images"): {"images": private}}))  # type: ignore[arg-type]
    assert finding.level is Level.WARN


def test_the_smallest_flavors_that_the_api_would_take_are_chosen() -> None:
    flavors = tuple(Flavor(f["name"], f["name"], f["vcpus"], f["ram"], f["disk"]) for f in FLAVORS)  # type: ignore[arg-type]
    first = first_cluster((*flavors, Flavor("m1.least", "m1.least", 1, 1024, 20)), 10)
    assert first is not None
    assert (first.control_plane, first.worker) == ("c1.small", "m1.least")
    assert (first.needs["cores"], first.needs["ram"], first.needs["ports"]) == (4, 4096, 7)
    assert first_cluster(flavors, 40) is None


def test_a_shortfall_names_the_quota_what_is_needed_and_what_is_free() -> None:
    allowances = [Allowance("cores", 4, 2), Allowance("ram", -1, 9000, "MiB"), Allowance("floating_ips", 1, 1)]
    assert shortfalls(Counter(cores=4, ram=6144, floating_ips=1, unknown=3), allowances) == [
        "cores: needed 4, free 2 of 4", "floating ips: needed 1, free 0 of 1",
    ]  # fmt: skip


def quota_answers(cores: int) -> dict[tuple[str, str], Any]:
    return {
        ("compute", "/flavors/detail"): {"flavors": FLAVORS},
        ("compute", "/limits"): {"limits": {"absolute": {
            "maxTotalInstances": 10, "totalInstancesUsed": 0, "maxTotalCores": cores, "totalCoresUsed": 1,
            "maxTotalRAMSize": 51200, "totalRAMUsed": 0, "maxServerGroups": 10, "totalServerGroupsUsed": 0,
        }}},
        ("block-storage", "/limits"): {"limits": {"absolute": {
            "maxTotalVolumes": 10, "totalVolumesUsed": 0, "maxTotalVolumeGigabytes": 100, "totalGigabytesUsed": 0,
        }}},
        ("network", "/quotas/p1/details.json"): {"quota": {"floatingip": {"limit": 1, "used": 0, "reserved": 0}}},
        ("load-balancer", "/lbaas/quotas/p1"): {"quota": {"load_balancer": None}},
        ("load-balancer", "/lbaas/loadbalancers"): {"loadbalancers": []},
    }  # fmt: skip


def test_a_quota_that_suffices_and_one_that_does_not() -> None:
    assert set(levels(customer.quota(FakeCloud(quota_answers(5)), MEMBER, 10)).values()) == {Level.OK}  # type: ignore[arg-type]
    short = only(customer.quota(FakeCloud(quota_answers(4)), MEMBER, 10), "quota for 1+2")  # type: ignore[arg-type]
    assert (short.level, short.detail) == (Level.FAIL, "cores: needed 4, free 3 of 4")


def test_a_quota_that_may_not_be_read_is_left_out() -> None:
    answers = quota_answers(20)
    del answers["network", "/quotas/p1/details.json"]
    answers["load-balancer", "/lbaas/quotas/p1"] = Refused("HTTP 403: no", 403)
    found = customer.read_quota(FakeCloud(answers), MEMBER)  # type: ignore[arg-type]
    assert {a.resource for a in found} == {"instances", "cores", "ram", "server_groups", "volumes", "gigabytes"}


def test_networks_need_extensions_and_a_way_out() -> None:
    answers = {
        ("network", "/extensions"): {"extensions": [{"alias": "router"}, {"alias": "security-group"}]},
        ("network", "/networks"): {"networks": [{"name": "public", "subnets": []}]},
    }
    found = list(customer.networking(FakeCloud(answers)))  # type: ignore[arg-type]
    assert only(found, "network extensions").detail == "missing: external networks, tags (standard-attr-tag)"
    assert only(found, "external network").detail == "public has no subnet"


def test_a_provider_that_is_not_enabled_is_told_with_those_that_are() -> None:
    answers = {("load-balancer", "/lbaas/providers"): {"providers": [{"name": "amphora", "description": ""}]}}
    assert customer.balancers(FakeCloud(answers), "ovn").level is Level.FAIL  # type: ignore[arg-type]
    assert customer.balancers(FakeCloud(answers), "amphora").level is Level.OK  # type: ignore[arg-type]


def test_zones_without_volumes_are_warned_of() -> None:
    def zone(name: str, available: bool = True) -> dict[str, Any]:
        return {"zoneName": name, "zoneState": {"available": available}}

    answers = {
        ("compute", "/os-availability-zone"): {"availabilityZoneInfo": [zone("z1"), zone("z2"), zone("internal")]},
        ("block-storage", "/os-availability-zone"): {"availabilityZoneInfo": [zone("z1"), zone("z2", False)]},
        ("block-storage", "/types"): {"volume_types": [
            {"name": "__DEFAULT__"}, {"name": "hdd", "extra_specs": {"RESKEY:availability_zones": "z1"}},
        ]},
    }  # fmt: skip
    found = list(customer.zones(FakeCloud(answers)))  # type: ignore[arg-type]
    assert only(found, "zones of machines").detail == "z1, z2"
    assert only(found, "zones of volumes").level is Level.WARN
    assert only(found, "volume types").detail == "hdd (z1)"


def zones_of(*names: str) -> dict[str, Any]:
    return {"availabilityZoneInfo": [{"zoneName": n, "zoneState": {"available": True}} for n in names]}


def test_one_zone_of_volumes_for_all_machines_and_only_the_default_type_are_a_kind_of_cloud() -> None:
    answers = {
        ("compute", "/os-availability-zone"): zones_of("z1", "z2"),
        ("block-storage", "/os-availability-zone"): zones_of("nova"),
        ("block-storage", "/types"): {"volume_types": [{"name": "__DEFAULT__"}]},
    }
    found = list(customer.zones(FakeCloud(answers)))  # type: ignore[arg-type]
    assert set(levels(found).values()) == {Level.OK}
    assert "one, nova, which serves machines of every zone" in only(found, "zones of volumes").detail
    assert only(found, "volume types").detail == "__DEFAULT__"


def test_an_operator_sees_hosts_that_are_down_and_zones_without_any() -> None:
    def host(name: str, zone: str, state: str) -> dict[str, Any]:
        return {"host": name, "zone": zone, "state": state, "status": "enabled"}

    def cloud(state: str) -> Any:
        services = [host("cmp1", "z1", "up"), host("cmp2", "z1", state), host("cmp3", "z2", "up")]
        return FakeCloud({
            ("compute", "/os-services"): {"services": services},
            ("network", "/agents"): {"agents": [{"alive": False, "binary": "ovn-controller", "host": "cmp1"}]},
            ("block-storage", "/os-services"): {"services": [{"state": "up", "binary": "v", "host": "h"}]},
        })  # fmt: skip

    assert only(operator.hosts(cloud("up")), "compute hosts").detail == "z1: cmp1, cmp2; z2: cmp3"
    assert only(operator.hosts(cloud("down")), "compute hosts").level is Level.WARN
    assert "ovn-controller on cmp1" in only(operator.hosts(cloud("up")), "network agents").detail
    none = FakeCloud({**cloud("up")._answers, ("compute", "/os-services"): {"services": [host("c", "z1", "down")]}})
    assert only(operator.hosts(none), "compute hosts").level is Level.FAIL  # type: ignore[arg-type]


def test_a_service_user_without_its_roles_is_told_each_of_them() -> None:
    def answers(assignments: list[Any]) -> Any:
        return FakeCloud({
            ("identity", "/domains"): {"domains": [{"name": "navarch"}]},
            ("identity", "/users"): {"users": [{"id": "u1"}]},
            ("identity", "/role_assignments"): {"role_assignments": assignments},
        })  # fmt: skip

    lacking = only(operator.keystone(answers([])), "service user")
    assert lacking.level is Level.WARN
    assert lacking.fix.count("openstack role add") == 3
    complete = [
        {"role": {"name": "member"}, "scope": {"OS-INHERIT:inherited_to": "projects", "domain": {"name": "Default"}}},
        {"role": {"name": "manager"}, "scope": {"domain": {"name": "navarch"}}},
        {"role": {"name": "service"}, "scope": {"project": {"name": "service"}}},
    ]
    assert only(operator.keystone(answers(complete)), "service user").level is Level.OK


def certificate(folder: Path, days: int) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[Callable[[int], tuple[str, str]]]:
    """Starts TLS servers with a certificate that is good for so many days; gives URL and CA file."""
    servers: list[HTTPServer] = []

    def start(days: int) -> tuple[str, str]:
        pem, secret = certificate(tmp_path, days)
        server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, secret)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"https://127.0.0.1:{server.server_address[1]}/v3", str(pem)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def trusting(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def test_certificates_are_looked_at(tls_server: Callable[[int], tuple[str, str]]) -> None:
    url, ca = tls_server(365)
    assert check_tls({"Keystone": url}, trusting(ca), verify=True).level is Level.OK
    untrusted = check_tls({"Keystone": url}, None, verify=True)
    assert (untrusted.level, "cacert" in untrusted.fix) == (Level.FAIL, True)
    assert check_tls({"Keystone": url}, trusting(ca), verify=False).level is Level.WARN
    assert check_tls({"Keystone": url, "Nova": "http://127.0.0.1:1"}, trusting(ca), verify=True).level is Level.WARN


def test_a_certificate_that_ends_soon_is_warned_of(tls_server: Callable[[int], tuple[str, str]]) -> None:
    url, ca = tls_server(5)
    soon = check_tls({"Keystone": url}, trusting(ca), verify=True)
    assert (soon.level, "Keystone" in soon.detail) == (Level.WARN, True)


def test_the_command_says_what_is_wrong_with_the_credentials(navarch: Callable[..., Ran]) -> None:
    ran = navarch("--os-cloud", "nowhere", "doctor", "-o", "json")
    (finding,) = json.loads(ran.out)
    assert ran.code == 1
    assert finding["level"] == "fail"
    assert finding["subject"] == "credentials"
    assert finding["fix"]


def test_navarch_itself_is_asked(service: Service) -> None:
    from navarch.doctor.service import navarch as check

    credentials = SimpleNamespace(endpoint=None, verify=True, cacert=None)
    keystone: Any = SimpleNamespace(
        credentials=credentials, address=lambda _: service.address, headers=dict, renew=lambda: False
    )
    service.on("GET", "/readyz", Answer(200, {"status": "ready"}))
    service.on("GET", "/versions", Answer(200, {"versions": [{"kubernetes_version": "1.37.2"}], "next": None}))
    assert set(levels(check(keystone, None, {})).values()) == {Level.OK}
    service.on("GET", "/versions", Answer(200, {"versions": [], "next": None}))
    assert only(check(keystone, None, {}), "Navarch's offer").level is Level.FAIL
    service.on("GET", "/readyz", Answer(503, {"title": "Not available", "detail": "the database does not answer"}))
    down = only(check(keystone, None, {}), "Navarch")
    assert (down.level, "the database does not answer" in down.detail) == (Level.FAIL, True)
    keystone.address = lambda _: None
    missing = only(check(keystone, None, {}), "catalogue")
    assert (missing.level, "openstack endpoint create" in missing.fix) == (Level.FAIL, True)
