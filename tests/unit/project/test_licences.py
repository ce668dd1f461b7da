"""The licence and what others wrote, as each distribution carries it."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("distribution", ["navarch", "navarch-lab", "navarch-images"])
def test_each_distribution_names_its_licence_and_carries_the_text(distribution: str) -> None:
    declared = metadata(distribution)
    assert declared["License-Expression"] == "Apache-2.0"
    assert declared.get_all("License-File") == ["LICENSE", "NOTICE"]


@pytest.mark.parametrize("part", ["lab", "images"])
def test_the_text_is_the_same_everywhere(part: str) -> None:
    assert (ROOT / part / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert not (ROOT / part / "LICENSE").is_symlink(), "a source distribution would carry a link to nothing"


def test_the_notice_names_every_file_that_says_that_it_is_somebody_elses() -> None:
    folders = [ROOT / "src", ROOT / "docs" / "site", ROOT / "deploy"]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    theirs = [
        str(file.relative_to(ROOT))
        for file in files
        if re.search("Copyright|Apache License|MIT License", file.read_text())
    ]
    calico = "src/navarch/addons/packages/calico"
    assert {f"{calico}/templates/rbac.yaml", f"{calico}/crds/crds.yaml", "docs/site/iframe-worker.js"} <= set(theirs)
    notice = (ROOT / "NOTICE").read_text()
    assert [name for name in theirs if name not in notice] == []
