"""Configuration is rendered from one topology, keeps its passwords private, and fits together."""

import base64
import configparser
import dataclasses
import re
import stat
from pathlib import Path

import pytest
import yaml

from navarch_lab import clouds, configure, databases, lab, services
from navarch_lab.conf.ini import Context, Ini, render
from navarch_lab.credentials import NAMES, load_or_make, write_private
from navarch_lab.graph import check
from navarch_lab.layout import Installed, Layout
from navarch_lab.progress import Progress
from navarch_lab.topology import APIS, HOSTS, REGISTRY_URL, SERVICE_ADDRESS, VOLUME_BACKENDS, ZONES


@pytest.fixture
def context(tmp_path: Path) -> Context:
    installed = Installed(Path("/cache/venv"), Path("/cache/ovs/bin"), Path("/cache/ovs/share"))
    layout = Layout(tmp_path / "state", tmp_path / "cache")
    return Context(layout, installed, {name: f"password-of-{name}" for name in NAMES})


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(text)
    return parser


def test_an_ini_is_sections_with_one_option_a_line() -> None:
    ini: Ini = {"DEFAULT": {"debug": False, "port": 5000}, "ovn": {"dns_servers": "198.51.100.2"}}
    assert render(ini) == "[DEFAULT]\ndebug = False\nport = 5000\n\n[ovn]\ndns_servers = 198.51.100.2\n"


def test_every_openstack_file_can_be_parsed_and_has_its_own_database_and_user(context: Context) -> None:
    files = configure.files(context)
    for path, service in {
        "keystone/keystone.conf": "keystone",
        "glance/glance-api.conf": "glance",
        "neutron/neutron.conf": "neutron",
        "cinder/cinder.conf": "cinder",
        "octavia/octavia.conf": "octavia",
        "nova/nova.conf": "nova_cell1",
    }.items():
        ini = parsed(files[path])
        assert f"/{service}?" in ini["database"]["connection"]
        if service != "keystone":
            assert ini["keystone_authtoken"]["username"] == service.removesuffix("_cell1")
            assert ini["keystone_authtoken"]["password"] == f"password-of-{service.removesuffix('_cell1')}"


def test_a_compute_host_sees_no_database(context: Context) -> None:
    compute = parsed(configure.files(context)["nova/compute.conf"])
    assert not {"database", "api_database"} & set(compute.sections())


def test_every_host_has_its_own_name_and_state(context: Context) -> None:
    files = configure.files(context)
    hosts = {parsed(files[f"nova/{host}.conf"])["DEFAULT"]["host"] for host in HOSTS}
    states = {parsed(files[f"nova/{host}.conf"])["DEFAULT"]["state_path"] for host in HOSTS}
    assert hosts == set(HOSTS)
    assert len(states) == len(HOSTS)


def test_every_host_stands_on_a_chassis_or_its_ports_would_never_be_bound(context: Context) -> None:
    ini = parsed(configure.files(context)["neutron/neutron.conf"])
    assert {pair.split(":")[0] for pair in ini["navarch_lab"]["host_map"].split(",")} == set(HOSTS)


def test_every_volume_backend_is_enabled_with_a_folder_of_its_own_in_a_zone_that_exists(context: Context) -> None:
    ini = parsed(configure.files(context)["cinder/cinder.conf"])
    assert ini["DEFAULT"]["enabled_backends"].split(",") == list(VOLUME_BACKENDS)
    folders = {ini[backend]["navarch_volume_dir"] for backend in VOLUME_BACKENDS}
    assert len(folders) == len(VOLUME_BACKENDS)
    assert {ini[backend]["backend_availability_zone"] for backend in VOLUME_BACKENDS} == set(ZONES)


def test_ssd_is_in_every_zone_and_hdd_in_the_first_alone() -> None:
    assert {zone for kind, zone in VOLUME_BACKENDS.values() if kind == "ssd"} == set(ZONES)
    assert [zone for kind, zone in VOLUME_BACKENDS.values() if kind == "hdd"] == ["z1"]


def test_every_api_has_a_tls_front_on_the_external_address_and_a_backend_on_loopback(context: Context) -> None:
    text = configure.files(context)["haproxy/haproxy.cfg"]
    for api in APIS.values():
        assert re.search(rf"bind {SERVICE_ADDRESS}:{api.port} ssl crt ", text)
        assert f"server api 127.0.0.1:{api.port}" in text
        assert f"str({api.name}),map(" in text


def test_no_public_address_is_called_by_the_services_among_themselves(context: Context) -> None:
    for path, text in configure.files(context).items():
        for line in text.splitlines():
            if line.startswith("auth_url"):
                assert line == "auth_url = http://127.0.0.1:5000/v3", path


def test_the_resolver_names_no_upstream_and_denies_what_it_does_not_know(context: Context) -> None:
    lines = configure.files(context)["dnsmasq.conf"].splitlines()
    assert "no-resolv" in lines
    assert "address=/#/" in lines
    assert not [line for line in lines if line.startswith("server=")]


def test_the_steps_of_up_can_be_ordered(context: Context) -> None:
    ordered = [step.name for step in check(lab.steps(context, Progress(write=lambda _line: None)))]
    assert ordered.index("bridges") < ordered.index("haproxy")
    assert ordered.index("octavia-driver-agent") < ordered.index("octavia-api")
    assert ordered.index("nova-conductor") < ordered.index("nova-compute-cmp1")


def test_every_schema_belongs_to_a_service_that_waits_for_it(context: Context) -> None:
    waited = {need for service in services.all_services(context) for need in service.after}
    assert {f"schema-{schema.service}" for schema in databases.schemas(context)} <= waited


def test_no_password_is_in_a_command_line(context: Context) -> None:
    words = [word for service in services.all_services(context) for word in service.argv]
    for schema in databases.schemas(context):
        words += [word for command in (*schema.commands, *schema.first_rows) for word in command]
    assert not [word for word in words if "password-of-" in word]


def test_passwords_are_random_kept_and_for_root_alone(tmp_path: Path) -> None:
    first = load_or_make(tmp_path / "one" / "secrets.json")
    assert load_or_make(tmp_path / "one" / "secrets.json") == first
    assert stat.S_IMODE((tmp_path / "one" / "secrets.json").stat().st_mode) == 0o600
    assert len(set(first.values())) == len(NAMES)
    assert first != load_or_make(tmp_path / "two" / "secrets.json")


def test_a_private_file_is_replaced_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    assert write_private(path, "one")
    assert not write_private(path, "one")
    assert write_private(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_kept_of_a_schema_depends_on_the_installation_and_on_how_it_was_made_alone(context: Context) -> None:
    schema = databases.schemas(context)[0]
    other_lab = dataclasses.replace(context, layout=Layout(Path("/elsewhere"), context.layout.cache))
    assert databases.kept(other_lab, databases.schemas(other_lab)[0]) == databases.kept(context, schema)
    newer = dataclasses.replace(context, installed=dataclasses.replace(context.installed, venv=Path("/cache/newer")))
    assert databases.kept(newer, schema) != databases.kept(context, schema)
    changed = dataclasses.replace(schema, commands=(*schema.commands, ("keystone-manage", "more")))
    assert databases.kept(context, changed) != databases.kept(context, schema)


def test_keystones_keys_are_made_once_and_are_for_root_alone(tmp_path: Path) -> None:
    databases.make_keys(tmp_path)
    keys = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(keys) == {"0", "1"}
    assert keys["0"] != keys["1"]
    assert all(len(base64.urlsafe_b64decode(key)) == 32 for key in keys.values())
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
    databases.make_keys(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == keys


def test_there_is_a_registry_once_its_program_was_built(context: Context) -> None:
    assert not [s for s in services.all_services(context) if s.name == "registry"]
    assert "NAVARCH_REGISTRY" not in clouds.exports(context.layout)
    context.layout.registry_program.parent.mkdir(parents=True)
    context.layout.registry_program.touch()
    (registry,) = [s for s in services.all_services(context) if s.name == "registry"]
    assert registry.argv == (
        str(context.layout.registry_program), "serve", f"{context.layout.etc}/registry/config.yaml"
    )  # fmt: skip
    assert f"export NAVARCH_REGISTRY={REGISTRY_URL}\n" in clouds.exports(context.layout)


def test_the_registry_has_the_labs_certificate_and_a_password_for_those_who_push(context: Context) -> None:
    files = configure.files(context)
    config = yaml.safe_load(files["registry/config.yaml"])
    certificate = str(context.layout.etc / "haproxy" / "server.pem")
    assert config["http"] == {
        "addr": REGISTRY_URL.removeprefix("https://"),
        "tls": {"certificate": certificate, "key": certificate},
    }
    assert config["auth"] == {"readers": {"password_file": str(context.layout.etc / "registry" / "password")}}
    assert files["registry/password"] == "password-of-registry\n"
