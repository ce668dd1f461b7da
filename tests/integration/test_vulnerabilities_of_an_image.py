"""`navarch-images vulnerabilities` with the real govulncheck and databases made by hand, over a small image.

Of its bundle's two programs one is Go's (govulncheck itself: stripped as all of them are) and one C's; its Debian has
one package. The databases are of the formats of https://go.dev/doc/security/vuln/database and of Debian's tracker.
"""

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from images.tests.test_debian_tracker import ASCENDING

from navarch_images import cli

pytestmark = pytest.mark.tools

REAL_CACHE = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch"))
STATUS = """\
Package: bsdutils
Status: install ok installed
Source: util-linux (2.38.1-5+deb12u3)
Version: 1:2.38.1-5+deb12u3
"""
HIT, MISS = "GO-2026-0001", "GO-2026-0002"  # of golang.org/x/mod, which govulncheck is built with
CHANGED = "2026-11-01T00:00:00Z"


@dataclass
class Image:
    """An image that is built, and how to ask about it."""

    folder: Path

    def ask(self, *more: str) -> int:
        """Run the command; gives its exit code."""
        databases = ["--go-database", str(self.folder / "go"), "--debian-tracker", str(self.folder / "tracker.json")]
        return cli.main(["vulnerabilities", "1.37.2", *databases, *more])

    def mend(self) -> None:
        """Nothing is known any more but what is mended in what is installed."""
        write_go_database(self.folder / "go", {MISS: "0.1.0"})
        (self.folder / "tracker.json").write_text(json.dumps(tracker("2.38.1-5+deb12u3")))


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    program = REAL_CACHE / "tools" / "govulncheck"
    assert program.is_file(), "build it with `navarch-images tools govulncheck`"
    cache = tmp_path / "cache"
    (cache / "bundles" / "b" / "bin").mkdir(parents=True)
    programs = [{"name": name, "file": f"bin/{name}"} for name in ("govulncheck", "pause")]
    (cache / "bundles" / "b" / "manifest.json").write_text(json.dumps({"programs": programs}))
    (cache / "bundles" / "b" / "bin" / "govulncheck").symlink_to(program.resolve())
    (cache / "bundles" / "b" / "bin" / "pause").write_bytes(b"not Go's")
    (cache / "components").symlink_to(REAL_CACHE / "components")
    (cache / "images" / "i").mkdir(parents=True)
    facts = {"kubernetes": "1.37.2", "bundle": "b", "digest": "i"}
    (cache / "images" / "i" / "node.json").write_text(json.dumps(facts))
    (tmp_path / "tree" / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "tree" / "var/lib/dpkg/status").write_text(STATUS)
    raw = cache / "images" / "i" / "node.raw"
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", tmp_path / "tree", raw, "4m"], check=True)
    monkeypatch.setenv("NAVARCH_CACHE", str(cache))
    write_go_database(tmp_path / "go", {HIT: "0.99.0", MISS: "0.1.0"})
    (tmp_path / "tracker.json").write_text(json.dumps(tracker("2.38.1-5+deb12u4")))
    return Image(tmp_path)


def write_go_database(folder: Path, fixed: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "index").mkdir(parents=True)
    (folder / "ID").mkdir()
    known = [{"id": name, "modified": CHANGED, "fixed": version} for name, version in fixed.items()]
    index = {"db": {"modified": CHANGED}, "modules": [{"path": "golang.org/x/mod", "vulns": known}], "vulns": known}
    for name, content in index.items():
        (folder / "index" / f"{name}.json").write_text(json.dumps(content))
    for name, version in fixed.items():
        affected = {
            "package": {"name": "golang.org/x/mod", "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": version}]}],
            "ecosystem_specific": {"imports": [{"path": "golang.org/x/mod/zip", "symbols": ["NoneOfTheProgramS"]}]},
        }
        entry = {
            "id": name,
            "modified": CHANGED,
            "published": CHANGED,
            "aliases": ["CVE-2026-1"],
            "affected": [affected],
        }
        (folder / "ID" / f"{name}.json").write_text(json.dumps({"schema_version": "1.3.1", **entry}))


def tracker(fixed: str) -> dict[str, Any]:
    state = {"status": "resolved", "fixed_version": fixed, "urgency": "not yet assigned"}
    opened = {"status": "open", "urgency": "low"}
    return {
        "util-linux": {
            "CVE-2026-2": {"releases": {"bookworm": state}},
            "CVE-2026-3": {"releases": {"bookworm": opened}},
        }
    }


def accept(folder: Path, until: str) -> str:
    entries = [(HIT, "golang.org/x/mod"), ("CVE-2026-2", "util-linux")]
    file = folder / "accepted.toml"
    file.write_text(
        "\n".join(f'[[accepted]]\nid = "{i}"\npackage = "{p}"\nreason = "argued"\nuntil = {until}' for i, p in entries)
    )
    return str(file)


def test_what_is_fixable_is_told_and_fails(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    assert image.ask("-o", "json") == 3
    said = json.loads(capsys.readouterr().out)
    assert (said["image"], said["go_database_changed"], said["counting"]) == ("i", CHANGED, 2)
    assert [(f["identifier"], f["package"], f["installed"], f["fixed"], f["why"]) for f in said["findings"]] == [
        ("CVE-2026-2", "util-linux", "2.38.1-5+deb12u3", "2.38.1-5+deb12u4", "fixable"),
        # Though the program has no function of that name: it is stripped, and asked about by module.
        (HIT, "golang.org/x/mod", "v0.42.0", "v0.99.0", "fixable"),
        ("CVE-2026-3", "util-linux", "2.38.1-5+deb12u3", "", "no fix yet"),
    ]
    assert [f["found_in"] for f in said["findings"]] == [["bsdutils"], ["govulncheck"], ["bsdutils"]]


def test_what_is_mended_or_has_no_fix_fails_nothing(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    image.mend()
    assert image.ask() == 0
    said = capsys.readouterr()
    assert "0 fixable of 1 known" in said.out
    assert "CVE-2026-3" in said.out
    assert MISS not in said.out


def test_what_was_argued_does_not_fail_until_its_date_has_passed(image: Image) -> None:
    assert image.ask("--accepted", accept(image.folder, "9999-12-31")) == 0
    assert image.ask("--accepted", accept(image.folder, "2026-11-01")) == 3
    assert image.ask("--accepted", str(image.folder / "none")) == 1


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "go")
    (folder / "go").mkdir()


@pytest.mark.parametrize(
    ("words", "harm"),
    [
        (("--go-database", "http://127.0.0.1:9"), None),
        (("--go-database", "/nowhere"), None),
        ((), empty),
        ((), lambda folder: (folder / "go/index/db.json").unlink()),
        ((), lambda folder: (folder / "go/ID" / f"{MISS}.json").unlink()),
        (("--debian-tracker", "http://127.0.0.1:9/json"), None),
        (("--debian-tracker", "/nowhere"), None),
        ((), lambda folder: (folder / "tracker.json").write_text("<html>")),
        ((), lambda folder: (folder / "tracker.json").write_text("{}")),
    ],
)
def test_a_database_that_is_away_is_never_nothing_found(
    image: Image, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], harm: Callable[[Path], object] | None
) -> None:
    image.mend()
    if harm:
        harm(image.folder)
    assert image.ask(*words) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert "navarch-images: " in said.err


def test_an_image_whose_packages_cannot_be_read_is_no_image_without_faults(image: Image) -> None:
    image.mend()
    (image.folder / "cache/images/i/node.raw").write_bytes(b"")
    assert image.ask() == 1


def test_dpkg_itself_sorts_versions_so() -> None:
    for lower, higher in itertools.pairwise(ASCENDING):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)
