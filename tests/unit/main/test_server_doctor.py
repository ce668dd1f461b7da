"""What the doctor says of an installation, and what it tells the operator to do."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from navarch.doctor import installation, service_user
from navarch.doctor.finding import Finding, Level
from navarch.operate.keys import make_certificates, make_keys
from navarch.settings import Settings, read_settings
from navarch.store.contract import Pause
from navarch.store.operator_side import Fleet, Server

NOW = datetime.now(UTC)
SERVER = Server(version=150004, connections=97, used=3, standby=False, now=NOW)
FLEET = Fleet(0, 0.0, 0, (("Ready", 2),), (), (), NOW)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A whole installation but for its database, which is Navarch's own and does not run, and its cloud."""
    keys = tmp_path / "keys"
    make_keys(keys)
    make_certificates(keys, ("kaas.example.org",))
    (keys / "cloud.password").touch(mode=0o600)
    (keys / "cloud.password").write_text("secret\n")
    path = tmp_path / "navarch.toml"
    path.write_text(
        f"""
        [api]
        public_url = "https://kaas.example.org:9443"
        password_file = "keys/cloud.password"
        certificate = "keys/api.crt"
        key = "keys/api.key"
        certificate_ca = "keys/ca.crt"
        [cloud]
        auth_url = "https://127.0.0.1:9/v3"
        password_file = "keys/cloud.password"
        [keys]
        sealing_file = "keys/sealing.key"
        report_file = "keys/report.key"
        worker_file = "keys/worker.key"
        [database]
        private_folder = "{tmp_path}/pg"
        """
    )
    return path


def settings(config: Path) -> Settings:
    return read_settings(config)


def found(findings: Iterable[Finding], subject: str) -> Finding:
    (one,) = [f for f in findings if f.subject == subject]
    return one


def test_settings_that_cannot_be_used_end_the_examination(tmp_path: Path) -> None:
    path = tmp_path / "navarch.toml"
    path.write_text("[api]\n")
    (only,) = installation.examine(path)
    assert (only.level, only.subject) == (Level.FAIL, "settings")
    assert "api.public_url: missing" in only.detail


def test_one_check_that_breaks_keeps_no_other_from_being_made(config: Path) -> None:
    findings = list(installation.examine(config))
    assert found(findings, "secret files").level is Level.OK
    assert found(findings, "database").level is Level.FAIL
    assert "database start" in found(findings, "database").fix
    assert found(findings, "Keystone login").level is Level.FAIL


def test_what_renders_charts_has_to_be_there(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = found(installation._charts(settings(config)), "charts")
    assert (missing.level, "navarch-images tools" in missing.fix) == (Level.FAIL, True)
    (tmp_path / "keys" / "worker.key").rename(tmp_path / "worker.key")  # no worker runs here
    assert found(installation._charts(settings(config)), "charts").level is Level.WARN
    program = tmp_path / "navarch-render"
    program.touch(mode=0o644)
    named = config.read_text() + f'[catalogue]\nrenderer = "{program}"\n'
    config.write_text(named)
    assert found(installation._charts(settings(config)), "charts").detail == f"{program} cannot be run"
    program.chmod(0o755)
    assert found(installation._charts(settings(config)), "charts").level is Level.OK


def test_a_key_that_others_may_read_is_named_with_the_command_that_closes_it(config: Path) -> None:
    key = config.parent / "keys" / "report.key"
    key.chmod(0o644)
    finding = found(installation._keys(settings(config)), "report key")
    assert (finding.level, finding.fix) == (Level.FAIL, f"chmod 600 {key}")


def test_a_key_that_is_not_there_is_named(config: Path) -> None:
    (config.parent / "keys" / "sealing.key").unlink()
    finding = found(installation.examine(config), "sealing key")
    assert "No such file" in finding.detail
    assert "navarch-server keys" in finding.fix


@pytest.mark.parametrize(
    ("name", "subject", "side"),
    [("api.key", "API key", "the API"), ("worker.key", "workers' key", "a worker")],
)
def test_what_the_other_side_has_need_not_be_here(config: Path, name: str, subject: str, side: str) -> None:
    (config.parent / "keys" / name).unlink()
    finding = found(installation._keys(settings(config)), subject)
    assert (finding.level, side in finding.fix) == (Level.WARN, True)
    if name == "api.key":
        assert list(installation._certificate(settings(config))) == []


def test_a_report_key_that_is_too_short_is_refused(config: Path) -> None:
    (config.parent / "keys" / "report.key").write_text("c2hvcnQ=\n")
    assert found(installation._keys(settings(config)), "report key").level is Level.FAIL


def test_a_sealing_key_that_is_none_is_told_in_the_words_of_who_reads_it(config: Path) -> None:
    (config.parent / "keys" / "sealing.key").write_text("nonsense\n")
    assert "expected the base64 of 32 bytes" in found(installation.examine(config), "keys").detail


def test_a_certificate_for_its_name_is_good(config: Path) -> None:
    finding = found(installation._certificate(settings(config)), "API certificate")
    assert (finding.level, "ends in 824 days" in finding.detail) == (Level.OK, True)


def test_a_certificate_for_another_name_is_what_machines_would_refuse(config: Path) -> None:
    config.write_text(config.read_text().replace("https://kaas.", "https://other."))
    finding = found(installation._certificate(settings(config)), "API certificate")
    assert finding.level is Level.FAIL
    assert "other.example.org" in finding.detail


def test_a_certificate_of_another_ca_is_what_machines_would_refuse(config: Path, tmp_path: Path) -> None:
    make_certificates(tmp_path / "others", ("kaas.example.org",))
    os.replace(tmp_path / "others" / "ca.crt", config.parent / "keys" / "ca.crt")
    assert found(installation._certificate(settings(config)), "API certificate").level is Level.FAIL


def test_a_key_of_another_certificate_is_noticed(config: Path, tmp_path: Path) -> None:
    make_certificates(tmp_path / "others", ("kaas.example.org",))
    os.replace(tmp_path / "others" / "api.key", config.parent / "keys" / "api.key")
    finding = found(installation._certificate(settings(config)), "API certificate")
    assert (finding.level, "belong together" in finding.fix) == (Level.FAIL, True)


def test_a_certificate_that_is_not_there_is_named(config: Path) -> None:
    (config.parent / "keys" / "ca.crt").unlink()
    assert "keys/ca.crt" in found(installation.examine(config), "API certificate").detail


def test_an_address_without_tls_is_refused(config: Path) -> None:
    config.write_text(config.read_text().replace("https://kaas.", "http://kaas."))
    assert found(installation._certificate(settings(config)), "public_url").level is Level.FAIL


@pytest.mark.parametrize(
    ("server", "subject", "level"),
    [
        (SERVER, "database", Level.OK),
        (SERVER, "schema", Level.OK),
        (SERVER, "connections", Level.OK),
        (replace(SERVER, version=130012), "database", Level.FAIL),
        (replace(SERVER, standby=True), "database", Level.FAIL),
        (replace(SERVER, missing=("0004_pauses",)), "schema", Level.WARN),
        (replace(SERVER, unknown=("0009_later",)), "schema", Level.WARN),
        (replace(SERVER, changed=("0001_clusters",)), "schema", Level.FAIL),
        (replace(SERVER, connections=20), "connections", Level.WARN),
        (replace(SERVER, connections=10), "connections", Level.FAIL),
    ],
)
def test_a_database_is_judged_by_version_schema_and_room(
    config: Path, server: Server, subject: str, level: Level
) -> None:
    assert found(installation._server(server, settings(config)), subject).level is level


def test_a_pool_that_is_too_small_for_the_threads_is_told(config: Path) -> None:
    config.write_text(config.read_text() + "\npool_size = 4\n")
    finding = found(installation._server(SERVER, settings(config)), "connections")
    assert (finding.level, "worker.threads is 24" in finding.detail) == (Level.WARN, True)


def test_clocks_that_differ_by_seconds_are_told_in_which_direction() -> None:
    assert installation._clock(0.4).level is Level.OK
    assert "2.5 s ahead of" in installation._clock(2.5).detail
    assert "2.5 s behind" in installation._clock(-2.5).detail


@pytest.mark.parametrize(
    ("fleet", "age", "level", "words"),
    [
        (FLEET, timedelta(), Level.OK, "0 clusters wait"),
        (FLEET, None, Level.WARN, "none has read"),
        (FLEET, timedelta(minutes=10), Level.FAIL, "for 6"),
        (replace(FLEET, due=5, oldest=90.0), timedelta(), Level.WARN, "5 clusters wait for one, the first for 90 s"),
    ],
)
def test_workers_are_judged_by_what_they_leave_in_the_database(
    fleet: Fleet, age: timedelta | None, level: Level, words: str
) -> None:
    read_at = None if age is None else datetime.now(UTC) - age
    finding = installation._workers(replace(fleet, offer_read_at=read_at))
    assert (finding.level, words in finding.detail) == (level, True), finding.detail


class Stored:
    """A store with a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def fleet(self) -> Fleet:
        return self._fleet


def test_pauses_are_told_with_the_command_that_ends_them() -> None:
    pauses = (Pause(None, "network maintenance", "ann@control-1", NOW, 2), Pause("p1", "", "ann", NOW, 1))
    findings = list(installation._fleet(Stored(replace(FLEET, pauses=pauses))))  # type: ignore[arg-type]
    everything, project = [f for f in findings if f.subject == "paused"]
    assert "network maintenance" in everything.detail
    assert everything.fix.endswith("navarch-server resume --everything")
    assert project.fix.endswith("navarch-server resume --project p1")


def test_clusters_that_wait_for_us_are_told_and_those_that_wait_for_others_are_not() -> None:
    conditions = (
        ("Ready", "MachineStuck", "navarch-operator", 2),
        ("WorkersReady", "MachineStuck", "navarch-operator", 2),
        ("InfrastructureReady", "QuotaExceeded", "project-admin", 3),
    )
    finding = found(installation._fleet(Stored(replace(FLEET, conditions=conditions))), "clusters")  # type: ignore[arg-type]
    assert finding.level is Level.WARN
    assert finding.detail == "2; some wait for Navarch's operator: MachineStuck (2)"


@pytest.mark.parametrize(("roles", "level"), [({"member", "service"}, Level.OK), ({"member"}, Level.FAIL)])
def test_a_service_user_that_cannot_validate_tokens_is_told(config: Path, roles: set[str], level: Level) -> None:
    finding = service_user._own_roles(roles, settings(config))
    assert finding.level is level
    if level is Level.FAIL:
        assert finding.fix == "openstack role add service --user navarch --project service"


def test_a_registry_that_is_not_set_is_not_looked_for(config: Path) -> None:
    assert not list(installation._registry(settings(config)))


def test_a_registry_that_machines_could_not_pull_from_is_told(config: Path) -> None:
    with config.open("a") as file:
        file.write('\n[images]\nregistry = "https://127.0.0.1:9"\nca_file = "keys/ca.crt"\n')
    finding = found(installation._registry(settings(config)), "registry")
    assert finding.level is Level.WARN
    assert "https://127.0.0.1:9/v2/ does not answer" in finding.detail
