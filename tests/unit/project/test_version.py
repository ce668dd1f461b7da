"""One version for everything: src/navarch/__init__.py says it, everything else reads it there."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest

import navarch
from navarch.api.app import create_app
from navarch.api.settings import ApiSettings
from navarch.cli.main import main as cli
from navarch.main.server import run as server

ROOT = Path(__file__).parents[3]
NOTHING = cast(Any, None)


@pytest.mark.parametrize("distribution", ["navarch", "navarch-lab", "navarch-images"])
def test_each_distribution_has_it(distribution: str) -> None:
    assert version(distribution) == navarch.__version__


def test_the_command_line_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["--version"]) == 0
    assert capsys.readouterr().out == f"navarch {navarch.__version__}\n"


def test_the_server_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        server(["--version"])
    assert ending.value.code == 0
    assert capsys.readouterr().out == f"navarch-server {navarch.__version__}\n"


def test_the_apis_document_says_it() -> None:
    app = create_app(
        store=NOTHING,
        identity=NOTHING,
        sealer=NOTHING,
        machine_tokens=NOTHING,
        settings=ApiSettings(),
        planner=NOTHING,
    )
    assert app.openapi()["info"]["version"] == navarch.__version__


def test_the_changelog_tells_of_it() -> None:
    chapters = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert navarch.__version__ in chapters
