"""What a check found."""

import sys
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` was looked at, `detail` was seen; `fix` says what to do where it is not ok, and who can."""

    level: Level
    subject: str
    detail: str
    fix: str = ""


def ok(subject: str, detail: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, detail)


def warn(subject: str, detail: str, fix: str) -> Finding:
    """It works, or might; somebody should know."""
    return Finding(Level.WARN, subject, detail, fix)


def fail(subject: str, detail: str, fix: str) -> Finding:
    """A cluster cannot be made like this."""
    return Finding(Level.FAIL, subject, detail, fix)


def show(finding: Finding) -> None:
    """Print it for people: what was seen, and below it what to do."""
    signs = {Level.OK: ("✓", "32"), Level.WARN: ("!", "33"), Level.FAIL: ("✗", "31")}
    sign, colour = signs[finding.level]
    if sys.stdout.isatty():
        sign = f"\x1b[{colour}m{sign}\x1b[0m"
    print(f"{sign} {finding.subject:<24} {finding.detail}")
    if finding.fix:
        print(f"  {'':<24} → {finding.fix}")
    sys.stdout.flush()
