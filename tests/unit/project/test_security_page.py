"""docs/security.md: what is said to hold a finding does."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if re.match(r"\| \d", line)]
STATES = {"mended", "argued", "partly", "open", "mended, argued"}


def test_every_test_that_is_named_is_there() -> None:
    sources = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("images/tests/test_*.py")]
    there = {name for file in sources for name in re.findall(r"^ *def (test_\w+)", file.read_text(), re.M)}
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert named
    assert set(named) - there == set()


def test_every_finding_has_its_line() -> None:
    wanted = [*map(str, range(1, 20)), *(f"20.{n}" for n in range(1, 13))]
    assert [row[0] for row in ROWS] == wanted


def test_what_is_called_mended_names_what_holds_it_and_the_rest_says_what_is_not() -> None:
    for number, _, _, state, why in ROWS:
        assert state in STATES, number
        assert state != "mended" or "`test_" in why, number
        assert state != "partly" or "open" in why.lower(), number
