"""Known vulnerabilities of a node image: what govulncheck and Debian's tracker know, and what of it counts.

What counts is what a newer build would mend: a fixed version is there, Debian does not call it unimportant, and nobody
has argued that it may stay (releases/accepted.toml). A database that does not answer raises NotAsked: that nothing was
heard of is never the same as that nothing is known.
"""

import http.client
import json
import tomllib
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from navarch_images.commands import run
from navarch_images.errors import BuildError, NotAsked, ReleaseError

GO_DATABASE = "https://vuln.go.dev"
DEBIAN_TRACKER = "https://security-tracker.debian.org/tracker/data/json"
_SILENCE = 60  # seconds without a byte of the tracker's 70 MB
_ONE_PROGRAM = 300  # seconds for one program, of which most is the database's answer: govulncheck itself has no bound
_NEVER = "0001-01-01"  # when govulncheck's database was last changed, where the folder it looks into is none


@dataclass(frozen=True, slots=True)
class Finding:
    """One known vulnerability of one version of a Go module or a Debian source package.

    `fixed` is empty where there is nothing newer that mends it, `severity` where the database does not say.
    `found_in` names programs of the bundle, or Debian packages.
    """

    kind: Literal["go", "debian"]
    package: str
    installed: str
    fixed: str
    identifier: str
    aliases: tuple[str, ...]
    severity: str
    found_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An argued vulnerability of a package. `until` is the last day that it holds."""

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding, whether it counts, and why or why not."""

    finding: Finding
    counts: bool
    why: str


def accepted(text: str) -> list[Accepted]:
    """Of the text of a file like releases/accepted.toml. Raises ReleaseError, also where reason or end are missing."""
    try:
        document = tomllib.loads(text)
        entries = [Accepted(**entry) for entry in document.pop("accepted", [])]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ReleaseError(f"accepted vulnerabilities: {error}") from error
    # A date and time is a date, too, for Python.
    if document or not all(type(entry.until) is date and str(entry.reason).strip() for entry in entries):
        raise ReleaseError(
            "accepted vulnerabilities: id, package, reason and a date (until = 2027-01-31) make an entry"
        )
    return entries


def judge(findings: Iterable[Finding], argued: Sequence[Accepted], today: date) -> list[Judged]:
    """Every finding with its verdict: what counts first, then what could be mended, then the rest."""
    judged = [_verdict(finding, argued, today) for finding in findings]
    return sorted(
        judged,
        key=lambda j: (not j.counts, not j.finding.fixed, j.finding.kind, j.finding.package, j.finding.identifier),
    )


def _verdict(finding: Finding, argued: Sequence[Accepted], today: date) -> Judged:
    if not finding.fixed:
        return Judged(finding, False, "no fix yet")
    if finding.severity == "unimportant":
        return Judged(finding, False, "unimportant")
    entries = [entry for entry in argued if (entry.id, entry.package) == (finding.identifier, finding.package)]
    if not entries:
        return Judged(finding, True, "fixable")
    entry = max(entries, key=lambda entry: entry.until)
    if entry.until < today:
        return Judged(finding, True, f"fixable; was accepted until {entry.until}")
    return Judged(finding, False, f"accepted until {entry.until}: {entry.reason}")


def go_findings(govulncheck: Path, programs: Mapping[str, Path], database: str) -> tuple[str, list[Finding]]:
    """What is known of the modules in Go programs, and when the database was last changed. Raises NotAsked.

    The programs are stripped, so govulncheck answers by module: whether the faulty function is in them it cannot tell.
    """
    where = database if "://" in database else Path(database).resolve().as_uri()
    changed, found = "", dict[Finding, list[str]]()
    for name, path in programs.items():
        argv: list[str | Path] = [
            "timeout",
            str(_ONE_PROGRAM),
            govulncheck,
            "-mode=binary",
            "-json",
            f"-db={where}",
            path,
        ]
        try:
            changed, known = heard(run(f"govulncheck on {name}", argv))
        except BuildError as error:
            lines = str(error).splitlines()
            ends = " ".join(dict.fromkeys((lines[0], lines[-1])))  # between them is half of an answer
            raise NotAsked(f"{database} could not be asked: {ends}") from error
        if changed.startswith(_NEVER):
            raise NotAsked(f"{database} is no database of Go's format: it does not say when it was last changed")
        for finding in known:
            found.setdefault(finding, []).append(name)
    if not programs:
        raise NotAsked("there is no program to ask Go's database about")
    return changed, [_with(finding, names) for finding, names in found.items()]


def heard(stream: str) -> tuple[str, set[Finding]]:
    """What govulncheck's JSON says of one program, and when its database was last changed. Raises NotAsked."""
    changed, entries, found = "", dict[str, Any](), list[Any]()
    decoder, rest = json.JSONDecoder(), stream.lstrip()
    try:
        while rest:
            message, end = decoder.raw_decode(rest)
            rest = rest[end:].lstrip()
            changed = message.get("config", {}).get("db_last_modified", changed)
            if "osv" in message:
                entries[message["osv"]["id"]] = message["osv"]
            if "finding" in message:
                found.append(message["finding"])
        if not changed:
            raise NotAsked("govulncheck did not say what it looked into")
        return changed, {_go_finding(item, entries[item["osv"]]) for item in found}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAsked(f"govulncheck's answer is not what its version 1 says: {error!r}") from error


def _go_finding(item: Mapping[str, Any], entry: Mapping[str, Any]) -> Finding:
    at = item["trace"][0]
    aliases = tuple(entry.get("aliases", ()))
    # Go's database grades nothing.
    fixed = item.get("fixed_version", "")
    return Finding("go", at["module"], at.get("version", ""), fixed, item["osv"], aliases, "", ())


def _with(finding: Finding, names: Sequence[str]) -> Finding:
    return Finding(**{**asdict(finding), "found_in": tuple(names)})


def document(source: str) -> Any:
    """The JSON at a URL or in a file. Raises NotAsked."""
    try:
        if "://" in source:
            with urllib.request.urlopen(source, timeout=_SILENCE) as answer:
                return json.load(answer)
        return json.loads(Path(source).read_bytes())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotAsked(f"{source} could not be read: {error}") from error


def table(judged: Sequence[Judged]) -> str:
    """For people: one line a finding."""
    rows = [("COMPONENT OR PACKAGE", "INSTALLED", "FIXED IN", "IDENTIFIER", "SEVERITY", "IN", "VERDICT")]
    rows += [
        (f.package, f.installed, f.fixed or "-", " ".join((f.identifier, *f.aliases)), f.severity or "-",
         ", ".join(f.found_in[:3]) + (f" and {len(f.found_in) - 3} more" if len(f.found_in) > 3 else ""), item.why)
        for item in judged for f in (item.finding,)
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
