"""The rules that the guide shows are the rules in force."""

import re
from pathlib import Path

from navarch.api.policy import ADMIN, RULES


def test_every_rule_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs/guide/api.md").read_text()
    assert set(re.findall(r"`(navarch:[a-z_:]+)`", guide)) == {rule.name for rule in RULES} - {ADMIN}
