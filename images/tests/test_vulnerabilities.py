import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from navarch_images import release
from navarch_images.errors import NotAsked, ReleaseError
from navarch_images.modules import Graph
from navarch_images.programs import source_root
from navarch_images.vulnerabilities import Accepted, Finding, accepted, document, go_findings, heard, judge, table

TODAY = date(2026, 11, 30)
NET = Finding("go", "golang.org/x/net", "v0.55.0", "v0.57.0", "GO-2026-1", ("CVE-2026-1",), "", ("kubelet",))
OPEN = Finding("debian", "bash", "5.2-1", "", "CVE-2026-2", (), "high", ("bash",))
MINOR = Finding("debian", "tar", "1.34-1", "1.34-2", "CVE-2026-3", (), "unimportant", ("tar",))


def stream(*messages: dict[str, Any], changed: str = "2026-11-01T00:00:00Z") -> str:
    config = {"config": {"protocol_version": "v1.0.0", "db_last_modified": changed}}
    return "\n".join(json.dumps(message, indent=2) for message in (config, *messages))


def finding(**more: str) -> dict[str, Any]:
    """As govulncheck says it at the three levels that it has, all of which are of one vulnerability."""
    at = {"module": "golang.org/x/net", "version": "v0.55.0", **more}
    return {"finding": {"osv": "GO-2026-1", "fixed_version": "v0.57.0", "trace": [at]}}


ENTRY = {"osv": {"id": "GO-2026-1", "aliases": ["CVE-2026-1"]}}
HEARD = stream(
    ENTRY, {"progress": {"message": "..."}}, finding(), finding(package="golang.org/x/net/html"),
    finding(package="golang.org/x/net/html", function="Parse"),
)  # fmt: skip


def stand_in(folder: Path, says: str, code: int = 0) -> Path:
    """A program in govulncheck's place that says the same of everything."""
    folder.joinpath("says").write_text(says)
    program = folder / "govulncheck"
    program.write_text(f"#!/bin/sh\ncat {folder}/says\necho away >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_a_module_is_told_once_however_often_and_precisely_govulncheck_says_it() -> None:
    changed, found = heard(HEARD)
    assert changed == "2026-11-01T00:00:00Z"
    assert [(f.package, f.installed, f.fixed, f.identifier, f.aliases) for f in found] == [
        ("golang.org/x/net", "v0.55.0", "v0.57.0", "GO-2026-1", ("CVE-2026-1",))
    ]


@pytest.mark.parametrize("said", ["", "{", "[]", stream(finding()), stream(ENTRY, {"finding": {"osv": "GO-2026-1"}})])
def test_an_answer_that_is_not_govulnchecks_is_no_answer(said: str) -> None:
    with pytest.raises(NotAsked):
        heard(said)


def test_programs_with_the_same_module_are_one_finding(tmp_path: Path) -> None:
    programs = {"kubelet": tmp_path / "kubelet", "runc": tmp_path / "runc"}
    _, (found,) = go_findings(stand_in(tmp_path, HEARD), programs, str(tmp_path))
    assert found.found_in == ("kubelet", "runc")


def test_a_folder_that_is_no_database_was_not_asked_though_govulncheck_takes_it_for_an_empty_one(
    tmp_path: Path,
) -> None:
    program = stand_in(tmp_path, stream(changed="0001-01-01T00:00:00Z"))
    with pytest.raises(NotAsked, match="no database of Go's format"):
        go_findings(program, {"kubelet": tmp_path / "kubelet"}, str(tmp_path))


def test_a_govulncheck_that_fails_was_not_asked_whatever_it_said_before(tmp_path: Path) -> None:
    with pytest.raises(NotAsked, match=r"^https://example\.org could not be asked: .* on kubelet: .*away$"):
        go_findings(stand_in(tmp_path, HEARD, 1), {"kubelet": tmp_path / "kubelet"}, "https://example.org")


def test_a_bundle_without_programs_was_not_asked_about(tmp_path: Path) -> None:
    with pytest.raises(NotAsked, match="no program"):
        go_findings(stand_in(tmp_path, HEARD), {}, str(tmp_path))


def test_only_what_is_fixable_important_and_not_argued_counts() -> None:
    judged = judge([MINOR, OPEN, NET], [], TODAY)
    assert [(item.finding, item.counts, item.why) for item in judged] == [
        (NET, True, "fixable"), (MINOR, False, "unimportant"), (OPEN, False, "no fix yet"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "counts", "why"),
    [
        (Accepted("GO-2026-1", "golang.org/x/net", "no server", TODAY), False, "accepted until 2026-11-30: no server"),
        (Accepted("GO-2026-1", "golang.org/x/net", "-", date(2026, 11, 29)), True, "was accepted until 2026-11-29"),
        (Accepted("GO-2026-1", "stdlib", "no server", TODAY), True, "fixable"),
        (Accepted("GO-2026-2", "golang.org/x/net", "no server", TODAY), True, "fixable"),
    ],
)  # fmt: skip
def test_an_argument_holds_for_its_package_through_its_last_day(entry: Accepted, counts: bool, why: str) -> None:
    (item,) = judge([NET], [entry], TODAY)
    assert item.counts is counts
    assert why in item.why


def test_an_argument_that_was_renewed_holds_beside_the_old_one() -> None:
    old, new = (Accepted("GO-2026-1", "golang.org/x/net", "no", date(year, 1, 1)) for year in (2026, 2027))
    assert not judge([NET], [new, old], TODAY)[0].counts


def test_the_example_in_the_releases_file_is_one_and_all_in_it_is_argued() -> None:
    text = release.accepted()
    accepted(text)
    example = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "# ")) and
                        ("=" in line or "[[" in line))  # fmt: skip
    (entry,) = accepted(example)
    assert (entry.id, entry.package, entry.until) == ("GO-2026-0001", "golang.org/x/net", date(2027, 1, 31))


@pytest.mark.parametrize(
    "line",
    ["reason = ' '\nuntil = 2027-01-31", "until = 2027-01-31", "reason = 'x'", "reason = 'x'\nuntil = '2027-01-31'",
     "reason = 'x'\nuntil = 2027-01-31T00:00:00Z", "reason = 'x'\nuntil = 2027-01-31\nwho = 'me'", "reason ="],
)  # fmt: skip
def test_an_argument_needs_a_reason_and_an_end(line: str) -> None:
    with pytest.raises(ReleaseError, match="accepted vulnerabilities"):
        accepted(f"[[accepted]]\nid = 'GO-2026-1'\npackage = 'x'\n{line}\n")
    with pytest.raises(ReleaseError, match="accepted vulnerabilities"):
        accepted("[[acepted]]\nid = 'GO-2026-1'\n")


def test_a_table_has_what_counts_first_and_few_of_many_programs() -> None:
    many = Finding(**{**{name: getattr(NET, name) for name in NET.__slots__}, "found_in": tuple("abcde")})
    lines = table(judge([OPEN, many], [], TODAY)).splitlines()
    assert lines[0].split("  ")[0] == "COMPONENT OR PACKAGE"
    assert lines[1].split() == [
        "golang.org/x/net", "v0.55.0", "v0.57.0", "GO-2026-1", "CVE-2026-1", "-", "a,", "b,", "c", "and",
        "2", "more", "fixable",
    ]  # fmt: skip
    assert lines[2].split()[:5] == ["bash", "5.2-1", "-", "CVE-2026-2", "high"]


def test_a_document_that_is_not_there_or_no_json_was_not_asked(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text("<html>sign in</html>")
    for source in (str(page), page.as_uri(), str(tmp_path / "none"), "http://127.0.0.1:9/tracker", "gopher://x"):
        with pytest.raises(NotAsked, match="could not be read"):
            document(source)
    page.write_text('{"bash": {}}')
    assert document(str(page)) == document(page.as_uri()) == {"bash": {}}


def test_govulncheck_is_pinned_and_part_of_no_release() -> None:
    (component,) = release.checks()
    folder = source_root() / component.source
    assert Graph.of((folder / "go.mod").read_text()).required[component.module] == component.version
    assert f"{component.module} {component.version} h1:" in (folder / "go.sum").read_text()
    others = [*release.tools(), *(item for version in release.known() for item in release.find(version).components)]
    assert component.name not in {item.name for item in others}
