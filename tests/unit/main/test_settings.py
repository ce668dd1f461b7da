"""The settings file: everything wrong with it is named at once; the page about it is true."""

from pathlib import Path

import pytest

from navarch.settings import SettingsError, read_settings
from navarch.settings.page import page

GOOD = """
[api]
certificate = "keys/api.crt"
key = "keys/api.key"
certificate_ca = "keys/ca.crt"
public_url = "https://kaas.example.org:9443"
password_file = "keys/cloud.password"
[cloud]
auth_url = "https://keystone.example.org:5000/v3"
password_file = "keys/cloud.password"
[keys]
sealing_file = "keys/sealing.key"
report_file = "/elsewhere/report.key"
worker_file = "/elsewhere/worker.key"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "navarch.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD))
    assert settings.keys.sealing_file == tmp_path / "keys/sealing.key"
    assert settings.keys.report_file == Path("/elsewhere/report.key")
    assert settings.worker.threads == 24


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace('public_url = "https://kaas.example.org:9443"', "port = true\nprot = 1")
    with pytest.raises(SettingsError) as caught:
        read_settings(write(tmp_path, bad + "[wroker]\nthreads = 1\n"))
    said = str(caught.value)
    for word in ("api.public_url: missing", "api.port: must be a whole number", "did you mean port?", "mean worker?"):
        assert word in said, said


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("worker", "calls = -1", "worker.calls: must be between 1 and 1000, got -1"),
        ("worker", "threads = 0", "worker.threads: must be between 1 and 1000, got 0"),
        ("database", "pool_size = 0", "database.pool_size: must be between 1 and 1000, got 0"),
        ("worker", 'metrics_listen = "9444"', "worker.metrics_listen: must be HOST:PORT or empty, got '9444'"),
        (
            "worker",
            'api_source_cidrs = ["198.51.100.10/32", "198.51.100.10/24", "everywhere", "::/0"]',
            "worker.api_source_cidrs: must be IPv4 ranges such as 198.51.100.10/32, "
            "got '198.51.100.10/24', 'everywhere', '::/0'",
        ),
    ],
)
def test_a_value_that_cannot_work_is_refused(tmp_path: Path, section: str, line: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(write(tmp_path, GOOD.replace("[cloud]", "port = 99999\n[cloud]") + f"[{section}]\n{line}\n"))
    lines = str(caught.value).splitlines()
    assert lines[1:] == ["  api.port: must be between 1 and 65535, got 99999", f"  {says}"]


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "navarch.toml"
    path.write_bytes(b"# \xe4\n")
    with pytest.raises(SettingsError, match=r"not UTF-8: .* at byte 2"):
        read_settings(path)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 1"):
        read_settings(write(tmp_path, "[api\n"))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_settings(tmp_path / "absent.toml")


def test_the_page_is_what_the_settings_are() -> None:
    path = Path(__file__).parents[3] / "docs" / "operate" / "settings.md"
    assert path.read_text() == page(), "run: python -m navarch.settings.page > docs/operate/settings.md"
