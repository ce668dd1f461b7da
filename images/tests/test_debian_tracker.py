import itertools
from typing import Any

import pytest

from navarch_images.debian_tracker import findings, order, sources
from navarch_images.errors import NotAsked
from navarch_images.vulnerabilities import Finding

STATUS = """\
Package: bash
Status: install ok installed
Source: bash (5.2.15-2)
Version: 5.2.15-2+b13
Description: shell
 Package: not this one

Package: bsdutils
Status: install ok installed
Source: util-linux (2.38.1-5+deb12u3)
Version: 1:2.38.1-5+deb12u3

Package: mount
Status: install ok installed
Source: util-linux
Version: 2.38.1-5+deb12u3

Package: gone
Status: deinstall ok config-files
Version: 1.0-1
"""
INSTALLED = sources(STATUS)
# tests/integration has dpkg itself say so.
ASCENDING = (
    "1~~", "1~~a", "1~", "1-0~1", "1", "1-0.1", "1-1", "1-1+b1", "1a", "1+", "1.0~rc1-1", "1.0", "1.0-1",
    "1.0-1+deb12u2", "1.0-1+deb12u10", "1.0+dfsg-1", "1.2-3-4", "1.10", "9", "10", "1:0.1", "1:1:2", "2:0",
)  # fmt: skip


def tracked(package: str, **state: str) -> dict[str, Any]:
    """The tracker's document with one vulnerability of a package."""
    entry = {"status": "resolved", "fixed_version": "9", "urgency": "not yet assigned", **state}
    return {package: {"CVE-2026-1": {"scope": "local", "releases": {"bookworm": entry, "sid": {"status": "open"}}}}}


def test_versions_sort_as_dpkg_sorts_them() -> None:
    for lower, higher in itertools.combinations(ASCENDING, 2):
        assert order(lower) < order(higher), f"{lower} {higher}"
    for same, other in (("1", "1-0"), ("0:1", "1"), ("1.0", "1.00"), ("1.", "1.0")):
        assert order(same) == order(other)


def test_packages_are_known_by_the_source_that_they_were_built_of_and_its_version() -> None:
    assert INSTALLED == {("bash", "5.2.15-2"): ("bash",), ("util-linux", "2.38.1-5+deb12u3"): ("bsdutils", "mount")}


def test_what_is_resolved_in_a_higher_version_is_fixable() -> None:
    (found,) = findings(tracked("util-linux", fixed_version="2.38.1-5+deb12u4"), "bookworm", INSTALLED)
    assert found == Finding(
        "debian", "util-linux", "2.38.1-5+deb12u3", "2.38.1-5+deb12u4", "CVE-2026-1", (), "", ("bsdutils", "mount")
    )


@pytest.mark.parametrize("fixed", ["2.38.1-5+deb12u3", "2.38.1-5+deb12u2", "0"])
def test_what_is_resolved_in_the_installed_version_or_was_never_there_is_not_told(fixed: str) -> None:
    assert findings(tracked("util-linux", fixed_version=fixed), "bookworm", INSTALLED) == []


def test_what_was_never_there_is_not_told_of_a_version_below_zero() -> None:
    installed = {("argon2", "0~20171227-0.3"): ("libargon2-1",)}
    assert findings(tracked("argon2", fixed_version="0"), "bookworm", installed) == []


@pytest.mark.parametrize("status", ["open", "undetermined"])
def test_what_debian_has_not_mended_is_told_and_has_no_fix(status: str) -> None:
    (found,) = findings(tracked("bash", status=status, urgency="low**"), "bookworm", INSTALLED)
    assert (found.fixed, found.severity) == ("", "low")


def test_what_is_not_installed_or_concerns_another_suite_is_not_told() -> None:
    assert findings(tracked("vim"), "bookworm", INSTALLED) == []
    other = {**tracked("vim"), "bash": {"CVE-2026-2": {"releases": {"sid": {"status": "open"}}}}}
    assert findings(other, "bookworm", INSTALLED) == []


def test_a_tracker_that_knows_nothing_of_the_suite_was_not_asked() -> None:
    for tracker in ({}, tracked("bash")):
        with pytest.raises(NotAsked, match="nothing about any package of trixie"):
            findings(tracker, "trixie", INSTALLED)


@pytest.mark.parametrize(
    "tracker",
    [[], {"bash": []}, {"bash": {"CVE-2026-1": {}}}, {"bash": {"CVE-2026-1": {"releases": {"bookworm": {}}}}},
     tracked("bash", fixed_version="x:1")],
)  # fmt: skip
def test_what_is_not_the_trackers_was_not_asked(tracker: Any) -> None:
    with pytest.raises(NotAsked, match="not the JSON"):
        findings(tracker, "bookworm", INSTALLED)
