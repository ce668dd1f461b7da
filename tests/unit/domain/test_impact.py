"""What a dry run tells of machines: it is what the plan then does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.domain.clusters import ADDONS, NOW, cluster
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import CHANGES, ONE, STOPPED, THREE, upgraded, with_group, with_spec

from navarch.domain.calendar import MaintenanceWindow
from navarch.domain.impact import USUAL_SECONDS, Impact, Pace, impact, pace_of
from navarch.domain.machines import BootReport, Departure, Machine
from navarch.domain.openstack.steps import StopServer
from navarch.domain.rehearsal import rehearse
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.domain.steps import DrainNode, EmptyNode, RecordMachine, ReleaseMachine, Step


def told(was: Cluster, after: Cluster) -> Impact:
    return impact(was, after, grown(was).record.machines, NOW)


def named(steps: tuple[Step, ...], *kinds: type[Step]) -> list[str]:
    return sorted({step.subject for step in steps if isinstance(step, kinds)})


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_told_is_what_is_done(name: str) -> None:
    was, after = CHANGES[name]
    found, steps = told(was, after), rehearse(after, now=NOW, addons=ADDONS, observed=grown(was))
    made = [step for step in steps if isinstance(step, RecordMachine)]
    assert len(made) == len(found.created) + len(found.replaced)
    assert named(steps, ReleaseMachine) == sorted({*found.replaced, *found.removed})
    assert named(steps, DrainNode, EmptyNode) == sorted(found.drained)
    stopped = named(steps, StopServer) if not after.spec.running else []
    assert stopped == sorted(found.stopped)


def test_a_start_switches_on_what_is_there_and_makes_what_was_removed() -> None:
    off = with_spec(ONE, **STOPPED)
    found = told(off, ONE)
    assert (len(found.started), found.created, found.seconds) == (4, (), USUAL_SECONDS)
    machines = tuple(m for m in grown(ONE).record.machines if m.role is Role.CONTROL_PLANE)
    found = impact(off, ONE, machines, NOW)
    assert (len(found.started), len(found.created)) == (1, 3)


def test_more_machines_have_the_next_numbers() -> None:
    gone = tuple(replace(m, removed=m.serial == 3) for m in grown(ONE).record.machines)
    found = impact(with_group(ONE, replicas=2), with_group(ONE, replicas=4), gone, NOW)
    assert [name.rpartition("-")[2] for name in found.created] == ["4", "5"], "numbers are never used twice"


def test_a_group_that_is_to_go_goes_whole() -> None:
    group = ONE.node_groups[0]
    found = told(ONE, replace(ONE, node_groups=(replace(group, deletion_requested_at=NOW),)))
    assert (len(found.removed), len(found.drained), found.seconds) == (3, 3, None)


def test_a_machine_that_never_joined_is_not_drained() -> None:
    machines = tuple(replace(m, joined=m.serial != 3) for m in grown(ONE).record.machines)
    found = impact(ONE, with_group(ONE, flavor="m1.medium"), machines, NOW)
    assert (len(found.replaced), len(found.drained)) == (3, 2)


def test_a_machine_that_somebody_wants_another_for_is_replaced() -> None:
    machines = tuple(
        replace(m, departure=Departure.PERSON) if m.name.endswith("web-2") else m for m in grown(ONE).record.machines
    )
    found = impact(ONE, ONE, machines, NOW)
    assert [name.rpartition("-")[2] for name in found.replaced] == ["2"]


def joined_after(machine: Machine, seconds: float) -> Machine:
    report = BootReport("Joined", "done", machine.created_at + timedelta(seconds=seconds))
    return replace(machine, boot=(report,))


def test_how_long_it_takes_comes_from_this_clusters_own_machines() -> None:
    assert pace_of(grown(ONE).record.machines) == Pace(USUAL_SECONDS, USUAL_SECONDS, measured=False)
    machines = [
        joined_after(m, 60 if m.role is Role.CONTROL_PLANE else 10 * m.serial) for m in grown(ONE).record.machines
    ]
    assert pace_of(machines) == Pace(60, 20, measured=True)
    assert pace_of(m for m in machines if m.role is Role.CONTROL_PLANE) == Pace(60, 60, measured=True)
    found = impact(ONE, upgraded(ONE), tuple(machines), NOW)
    assert found.seconds == 60 + 3 * 20


@pytest.mark.parametrize(
    ("changes", "rounds"),
    [
        ({"max_surge": 1}, 3),
        ({"max_surge": 2}, 2),  # the first one is looked at alone
        ({"max_surge": 10}, 2),
        ({"max_surge": 0, "max_unavailable": 2}, 2),
    ],
)
def test_machines_that_are_replaced_side_by_side_take_no_longer(changes: dict[str, int], rounds: int) -> None:
    was = with_group(ONE, **changes)
    assert told(was, with_group(was, flavor="m1.medium")).seconds == rounds * USUAL_SECONDS


def test_groups_roll_one_after_the_other_or_side_by_side_and_new_machines_are_looked_at() -> None:
    web = ONE.node_groups[0]
    two = replace(ONE, node_groups=(web, NodeGroup("jobs", web.spec)))
    assert told(two, upgraded(two)).seconds == (1 + 3 + 3) * USUAL_SECONDS
    both = with_spec(two, groups_at_once=2)
    assert told(both, upgraded(both)).seconds == (1 + 3) * USUAL_SECONDS
    careful = with_spec(ONE, soak_seconds=600)
    assert told(careful, upgraded(careful)).seconds == (1 + 3) * USUAL_SECONDS + 600


def test_what_is_not_begun_at_once_says_why() -> None:
    paused = with_spec(ONE, rollout_paused=True)
    assert "until it is resumed" in told(paused, upgraded(paused)).waits
    off = with_spec(ONE, **STOPPED)
    found = told(off, with_group(off, flavor="m1.medium"))
    assert (len(found.replaced), "once it runs" in found.waits) == (3, True)
    assert told(ONE, upgraded(ONE)).waits == ""


def test_nothing_changes_where_nothing_is_asked() -> None:
    for shop in (ONE, THREE, cluster(workers=0)):
        assert told(shop, shop) == Impact()


def test_what_is_asked_for_while_an_automatic_upgrade_waits_is_told_as_it_is_done() -> None:
    night = MaintenanceWindow("02:00", 4)  # NOW is at noon
    waits = with_spec(upgraded(ONE), maintenance=night, automatic_since=NOW - timedelta(hours=8))
    machines, bigger = grown(ONE).record.machines, with_group(waits, flavor="m1.medium")
    found, steps = impact(waits, bigger, machines, NOW), rehearse(bigger, now=NOW, addons=ADDONS, observed=grown(ONE))
    assert found.replaced == tuple(named(steps, ReleaseMachine)) and len(found.replaced) == 3
    assert found.waits == ""
    found = impact(waits, with_spec(waits, soak_seconds=60), machines, NOW)
    assert (len(found.replaced), "maintenance window" in found.waits) == (4, True)
