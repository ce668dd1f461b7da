"""`navarch-server pause`, `resume` and `pauses`, as the operator types them."""

import json
from pathlib import Path

import pytest
from tests.integration.some_values import a_cluster

from navarch.main.server import run
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


@pytest.fixture
def config(dsn: str, tmp_path: Path) -> Path:
    path = tmp_path / "navarch.toml"
    path.write_text(
        f"""
        [api]
        public_url = "https://kaas.example.org"
        password_file = "p"
        certificate = "c"
        key = "k"
        certificate_ca = "a"
        [cloud]
        auth_url = "https://keystone.example.org/v3"
        password_file = "p"
        [keys]
        sealing_file = "s"
        report_file = "r"
        worker_file = "r"
        [database]
        dsn = "{dsn}"
        """
    )
    return path


def typed(config: Path, *words: str) -> None:
    run(["--config", str(config), *words])


def test_what_is_paused_is_listed_with_its_reason_until_it_is_resumed(
    config: Path, store: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.create_cluster(a_cluster(project_id="alpha"))
    typed(config, "pause", "--project", "alpha", "--reason", "storage is being moved")
    assert "paused: project alpha, clusters: 1\n" in capsys.readouterr().out
    typed(config, "pauses")
    listed = capsys.readouterr().out
    assert "project alpha" in listed
    assert "storage is being moved" in listed
    typed(config, "resume", "--project", "alpha")
    assert capsys.readouterr().out == "resumed: project alpha\n"
    typed(config, "pauses")
    assert capsys.readouterr().out == "nothing is paused\n"


def test_a_project_without_clusters_may_be_a_slip_of_the_pen(
    config: Path, store: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(config, "pause", "--project", "alhpa")
    assert "is that the project's id?" in capsys.readouterr().out


def test_resuming_what_is_not_paused_says_what_is(
    config: Path, store: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(config, "pause", "--everything")
    with pytest.raises(SystemExit, match="project alpha was not paused; still paused: everything"):
        typed(config, "resume", "--project", "alpha")


def test_pauses_can_be_read_by_programs(config: Path, store: PostgresStore, capsys: pytest.CaptureFixture[str]) -> None:
    typed(config, "pause", "--everything", "--reason", "why")
    capsys.readouterr()
    typed(config, "pauses", "-o", "json")
    (pause,) = json.loads(capsys.readouterr().out)
    assert (pause["project_id"], pause["reason"]) == (None, "why")


def test_pausing_needs_to_be_told_what(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        typed(config, "pause")
    assert "--project --everything is required" in capsys.readouterr().err
