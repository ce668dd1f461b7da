"""What an earlier release of Navarch wrote down is as wanted still: a newer Navarch alone replaces no machine.

A file in rows/ holds a cluster and its machines as a release wrote them. It is never written anew: a field that is
added later, with a default under which those machines would be outdated, is what it is there to find.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.domain.clusters import NOW, WANTED
from tests.unit.domain.test_plan import grown

from navarch.domain.codec import decode
from navarch.domain.machines import Machine
from navarch.domain.plan import plan
from navarch.domain.spec import Cluster

ROWS = sorted(Path(__file__).with_name("rows").glob("*.json"))
assert ROWS


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_a_new_release_of_navarch_rolls_nothing(path: Path) -> None:
    written = json.loads(path.read_text())
    cluster = decode(Cluster, written["cluster"])
    machines = tuple(decode(Machine, machine) for machine in written["machines"])
    there = grown(cluster)
    there = replace(there, record=replace(there.record, machines=machines))
    assert len(machines) == cluster.wanted == 5
    assert plan(cluster, there, WANTED, now=NOW) == ()
