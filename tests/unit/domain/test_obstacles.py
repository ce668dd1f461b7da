"""What inside a cluster keeps it from another version, and what is done meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.domain.clusters import NOW, OFFER, WANTED, cluster, look
from tests.unit.domain.test_conditions import grown

from navarch.domain import codec
from navarch.domain.conditions import judge
from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import Departure, Machine
from navarch.domain.observed import Observed
from navarch.domain.obstacles import Survey, asks_for_survey, upgrade_obstacles
from navarch.domain.plan import plan
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.status import Phase, Status
from navarch.domain.steps import ApplyAddon, RecordMachine, ReleaseMachine, Step

NEXT = replace(OFFER.releases[0], kubernetes_version="1.38.0", image_id="image-1380", image_name="navarch-1.38.0")
SHOP = cluster(control_plane=3, workers=2)
UPGRADED = replace(SHOP, spec=replace(SHOP.spec, kubernetes_version="1.38.0", release=NEXT))
DENIES = ClusterObstacle(
    "ValidatingWebhookConfiguration policy", "nodes", "WebhookDenies", "it denies all", "remove it", blocks=True
)
STORED = ClusterObstacle("CustomResourceDefinition things", "etcd", "StoredVersionNotServed", "v1", "", blocks=False)


def deprecated(removed_in: str) -> ClusterObstacle:
    return replace(STORED, what=f"API of {removed_in}", reason="DeprecatedAPIRequested", removed_in=removed_in)


def seen(*obstacles: ClusterObstacle, minutes_ago: int = 0, of: Cluster = SHOP) -> Observed:
    return look(grown(of), survey=Survey(NOW - timedelta(minutes=minutes_ago), obstacles))


def replaces(steps: tuple[Step, ...]) -> list[Step]:
    return [step for step in steps if isinstance(step, ReleaseMachine | RecordMachine)]


# -- what is told


def test_an_upgrade_meets_what_goes_with_its_version_or_before_and_what_blocks_comes_first() -> None:
    survey = Survey(NOW, (deprecated("1.39"), deprecated("1.38"), STORED, deprecated("1.9"), DENIES))
    assert upgrade_obstacles(survey, "1.38.0") == (DENIES, deprecated("1.38"), deprecated("1.9"), STORED)
    assert upgrade_obstacles(survey, "1.37.5") == (DENIES, deprecated("1.9"), STORED)
    assert upgrade_obstacles(None, "1.38.0") == ()


def test_it_is_remembered_with_the_status_until_it_is_asked_for_again() -> None:
    status = judge(SHOP, seen(DENIES), WANTED, (), Status(), now=NOW)
    assert status.survey == Survey(NOW, (DENIES,))
    assert codec.decode(Status, codec.encode(status)) == status
    later = judge(SHOP, look(grown(SHOP), survey=None), WANTED, (), status, now=NOW)
    assert later.survey == status.survey
    assert codec.decode(Status, {}).survey is None  # as an earlier Navarch wrote it


# -- when it is asked for


@pytest.mark.parametrize(
    ("wanted", "minutes_ago", "asked"),
    [(SHOP, 9, False), (SHOP, 10, True), (UPGRADED, 0, False), (UPGRADED, 1, True), (UPGRADED, 9, True)],
)
def test_it_is_asked_for_rarely_and_before_an_upgrade(wanted: Cluster, minutes_ago: int, asked: bool) -> None:
    there = seen(minutes_ago=minutes_ago)
    assert asks_for_survey(wanted, there.record.live, there.survey, NOW) is asked


def test_it_is_asked_for_where_nobody_has_and_not_before_there_is_a_cluster() -> None:
    live = grown(SHOP).record.live
    assert asks_for_survey(SHOP, live, None, NOW)
    assert not asks_for_survey(SHOP, tuple(replace(m, joined=False) for m in live), None, NOW)
    assert not asks_for_survey(replace(SHOP, deletion_requested_at=NOW), live, None, NOW)


# -- what is done


def test_an_upgrade_that_something_blocks_touches_nothing_and_says_who_can_help() -> None:
    there = seen(DENIES)
    outdated = replace(WANTED, addons=tuple((name, "another") for name, _ in WANTED.addons))
    for wanted in (WANTED, outdated):
        assert plan(UPGRADED, there, wanted, now=NOW) == ()
    status = judge(UPGRADED, there, WANTED, (), Status(), now=NOW)
    ready = status.condition("Ready")
    assert ready is not None
    assert (status.phase, ready.reason, ready.responsible) == (Phase.BLOCKED, "UpgradeBlocked", "user")
    assert ready.remedy == "remove it"
    assert "policy is in the way of another version: it denies all" in ready.message


def test_the_upgrade_goes_on_once_nothing_blocks_it() -> None:
    told = (STORED, deprecated("1.38"))
    assert replaces(plan(UPGRADED, seen(*told), WANTED, now=NOW))
    assert replaces(plan(UPGRADED, look(grown(SHOP), survey=None), WANTED, now=NOW))


def test_what_is_in_the_way_of_an_upgrade_holds_up_nothing_else() -> None:
    more = replace(
        SHOP, node_groups=(replace(SHOP.node_groups[0], spec=replace(SHOP.node_groups[0].spec, replicas=3)),)
    )
    assert replaces(plan(more, seen(DENIES), WANTED, now=NOW))
    assert plan(SHOP, seen(DENIES), replace(WANTED, addons=(("access", "another"),)), now=NOW) == (
        ApplyAddon("access", "another"),
    )
    flavor = replace(SHOP.node_groups[0], spec=replace(SHOP.node_groups[0].spec, flavor="m1.medium"))
    assert replaces(plan(replace(SHOP, node_groups=(flavor,)), seen(DENIES), WANTED, now=NOW))


def test_an_upgrade_that_is_under_way_stops_where_something_begins_to_block_it() -> None:
    there = seen(DENIES)
    first = there.record.machines[0]
    there = there.with_machine(first.name, template=replace(first.template, release=NEXT))
    assert plan(UPGRADED, there, WANTED, now=NOW) == ()


def test_a_node_group_that_stays_with_its_version_waits_for_nothing() -> None:
    spec = replace(SHOP.node_groups[0].spec, release=SHOP.spec.release, kubernetes_version="1.37.2")
    pinned = replace(UPGRADED, node_groups=(NodeGroup("web", spec),))
    there = seen(DENIES)
    for machine in there.record.machines:
        if machine.group == "cp":
            there = there.with_machine(machine.name, template=replace(machine.template, release=NEXT))
    assert not asks_for_survey(pinned, there.record.live, there.survey, NOW)
    assert judge(pinned, there, WANTED, (), Status(), now=NOW).phase is Phase.READY


# -- which version a repair uses


def without_place(there: Observed, place: int, departure: Departure) -> tuple[Observed, Machine]:
    """A look at the cluster after a machine of the control plane went."""
    lost = next(m for m in there.record.machines if m.group == "cp" and m.serial == place)
    assert there.kube is not None
    kube = replace(there.kube, nodes=tuple(n for n in there.kube.nodes if n.name != lost.name))
    gone = there.with_machine(lost.name, removing=True, removed=True, departure=departure)
    return replace(gone, kube=kube), lost


def made(there: Observed, name: str, wanted: Cluster = UPGRADED) -> str:
    (version,) = {
        step.template.release.kubernetes_version
        for step in plan(wanted, there, WANTED, now=NOW)
        if isinstance(step, RecordMachine) and step.name == name
    }
    return version


def test_a_place_is_repaired_with_the_version_that_is_wanted() -> None:
    there, lost = without_place(seen(), 2, Departure.REPAIR)
    assert made(there, lost.name) == "1.38.0"
    assert made(there, lost.name, SHOP) == "1.37.2"


def test_a_place_that_is_lost_while_the_upgrade_waits_gets_the_version_that_it_had() -> None:
    there, lost = without_place(seen(DENIES), 2, Departure.REPAIR)
    assert made(there, lost.name) == "1.37.2"
    paused = replace(UPGRADED, spec=replace(UPGRADED.spec, rollout_paused=True))
    assert made(without_place(seen(), 2, Departure.REPAIR)[0], lost.name, paused) == "1.37.2"


def test_a_place_that_was_emptied_for_the_upgrade_gets_the_new_version_whatever_happens_meanwhile() -> None:
    there, lost = without_place(seen(DENIES), 2, Departure.ROLLOUT)
    assert made(there, lost.name) == "1.38.0"


def test_in_the_middle_of_a_rollback_a_place_is_repaired_with_the_version_it_goes_back_to() -> None:
    there, lost = without_place(seen(of=UPGRADED), 2, Departure.REPAIR)
    assert made(there, lost.name, SHOP) == "1.37.2"
