"""When something is done about add-ons that a cluster chose, and what is said where nothing is."""

from dataclasses import replace

import pytest
from tests.unit.domain.clusters import NOW, WANTED
from tests.unit.domain.test_obstacles import DENIES, SHOP, UPGRADED, seen

from navarch.domain.chosen import Chosen
from navarch.domain.observed import Observed, Wanted
from navarch.domain.plan import plan
from navarch.domain.plan.chosen import hold
from navarch.domain.spec import Cluster
from navarch.domain.steps import InstallChosen

WISH = Chosen("shop", "store", "1.0.0", "shop", "d" * 64)
STOPPING = replace(SHOP, spec=replace(SHOP.spec, running=False))
PAUSED = replace(SHOP, spec=replace(SHOP.spec, paused=True))
LEAVING = replace(SHOP, deletion_requested_at=NOW)
UNKNOWN = replace(WANTED, addons=())
NEWER = replace(WANTED, addons=(*WANTED.addons, ("dns", "another")))
THERE = seen().with_record(chosen=(WISH,))
MET = seen(DENIES, of=SHOP).with_record(chosen=(WISH,))
SILENT = replace(THERE, kube=None)


@pytest.mark.parametrize(
    ("wanted", "there", "beside", "why", "ends_pods"),
    [
        (LEAVING, THERE, WANTED, "deleted", True),
        (PAUSED, THERE, WANTED, "paused", False),
        (STOPPING, THERE, WANTED, "stops", True),
        (SHOP, SILENT, WANTED, "does not answer", False),
        (UPGRADED, MET, WANTED, f"{DENIES.what} is in the way", False),
        (SHOP, THERE, UNKNOWN, "not known yet", False),
        (SHOP, THERE, NEWER, "applied first: dns", False),
    ],
)
def test_where_the_plan_leaves_add_ons_it_says_why(
    wanted: Cluster, there: Observed, beside: Wanted, why: str, ends_pods: bool
) -> None:
    held = hold(wanted, there, beside, NOW)
    assert held is not None
    assert why in held.why
    assert held.ends_pods is ends_pods
    assert not any(isinstance(step, InstallChosen) for step in plan(wanted, there, beside, now=NOW))


def test_where_nothing_is_in_the_way_they_are_applied_and_nothing_is_said() -> None:
    assert hold(SHOP, THERE, WANTED, NOW) is None
    assert [s.name for s in plan(SHOP, THERE, WANTED, now=NOW) if isinstance(s, InstallChosen)] == ["shop"]
