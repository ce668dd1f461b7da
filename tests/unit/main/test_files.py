"""Files that the settings name: each fault is one line with the setting, and no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from navarch.main import server, wire
from navarch.operate.keys import make_certificates, make_keys
from navarch.settings import SettingsError, read_settings
from navarch.store.postgres import PostgresStore

SETTINGS = """
[api]
public_url = "https://kaas.example.org:9443"
password_file = "keys/api.password"
certificate = "keys/api.crt"
key = "keys/api.key"
certificate_ca = "keys/ca.crt"
policy_file = "{folder}/policy.yaml"
metrics_listen = ""
[cloud]
auth_url = "https://127.0.0.1:9/v3"
password_file = "keys/cloud.password"
ca_file = "{folder}/keys/cloud.crt"
[keys]
sealing_file = "keys/sealing.key"
report_file = "keys/report.key"
worker_file = "keys/worker.key"
[database]
dsn = "host=127.0.0.1 port=1"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    keys = tmp_path / "keys"
    make_keys(keys)
    make_certificates(keys, ("kaas.example.org",))
    for name, text in (
        ("cloud.password", "secret"),
        ("api.password", "secret"),
        ("cloud.crt", "PEM"),
        ("../policy.yaml", "{}"),
    ):
        (keys / name).write_text(text)
    path = tmp_path / "navarch.toml"
    path.write_text(SETTINGS.format(folder=tmp_path))
    return path


def start(config: Path, monkeypatch: pytest.MonkeyPatch, *, api: bool = True, worker: bool = True) -> list[str]:
    """Everything that reads a file, up to where the API would listen. Gives that it came so far."""
    served = list[str]()
    monkeypatch.setattr("navarch.api.serving.serve", lambda api, machines: served.append(api.host))
    settings = read_settings(config)
    store = PostgresStore("host=127.0.0.1 port=1", region="RegionOne", max_connections=1, name="test")
    try:
        if worker:
            wire.dependencies_for(settings, store, None)
        if api:
            wire.serve_api(settings, store, structlog.get_logger())
    finally:
        store.close()
    return served


def test_what_is_there_and_as_it_should_be_is_used(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(config, monkeypatch) == ["0.0.0.0"]


def test_the_api_starts_without_what_only_workers_have(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("worker.key", "cloud.password"):
        (config.parent / "keys" / name).unlink()
    assert start(config, monkeypatch, worker=False) == ["0.0.0.0"]


def test_a_worker_starts_without_what_only_the_api_has(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("api.key", "api.crt", "api.password"):
        (config.parent / "keys" / name).unlink()
    assert start(config, monkeypatch, api=False) == []


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("keys.sealing_file", "keys/sealing.key"),
        ("keys.worker_file", "keys/worker.key"),
        ("keys.report_file", "keys/report.key"),
        ("api.password_file", "keys/api.password"),
        ("api.certificate", "keys/api.crt"),
        ("api.key", "keys/api.key"),
        ("api.certificate_ca", "keys/ca.crt"),
        ("api.policy_file", "policy.yaml"),
        ("cloud.password_file", "keys/cloud.password"),
        ("cloud.ca_file", "keys/cloud.crt"),
    ],
)
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"\xff\xfe")], ids=["missing", "bytes"])
def test_a_file_that_cannot_be_used_is_told_with_its_setting(
    config: Path, monkeypatch: pytest.MonkeyPatch, setting: str, name: str, spoil: Callable[[Path], object]
) -> None:
    path = config.parent / name
    spoil(path)
    with pytest.raises(SettingsError) as caught:
        start(config, monkeypatch)
    said = str(caught.value)
    assert said.startswith(f"{setting}: {path}"), said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("setting", "name", "text"),
    [
        ("keys.sealing_file", "keys/sealing.key", "AAAA"),
        ("keys.report_file", "keys/report.key", "AAAA"),
        ("api.certificate, api.key", "keys/api.key", "no key"),
        ("api.policy_file", "policy.yaml", "- a list"),
        ("api.policy_file", "policy.yaml", "a: ["),
    ],
)
def test_a_file_that_holds_something_else_is_told_with_its_setting(
    config: Path, monkeypatch: pytest.MonkeyPatch, setting: str, name: str, text: str
) -> None:
    path = config.parent / name
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        start(config, monkeypatch)
    said = str(caught.value)
    assert said.startswith(f"{setting}: "), said
    assert str(path) in said
    assert "\n" not in said


def test_the_command_ends_with_that_line(config: Path) -> None:
    (config.parent / "keys/sealing.key").write_text("AAAA")
    with pytest.raises(SystemExit) as caught:
        server.run(["--config", str(config), "explain", "shop"])
    assert str(caught.value).startswith("navarch-server: keys.sealing_file: ")


def test_a_worker_does_not_start_without_what_renders_charts(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = PostgresStore("host=127.0.0.1 port=1", region="RegionOne", max_connections=1, name="test")
    try:
        with pytest.raises(SettingsError, match=r"catalogue\.renderer: it is not set, and there is no navarch-render"):
            wire.start_worker(read_settings(config), store, structlog.get_logger(), name="w")
    finally:
        store.close()


def test_what_renders_charts_is_found_in_the_path(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wire.renderer_of(read_settings(config)) is None
    (tmp_path / "navarch-render").touch(mode=0o755)
    assert wire.renderer_of(read_settings(config)) is not None
