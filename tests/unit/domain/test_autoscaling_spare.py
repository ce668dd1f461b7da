"""Room that a node group keeps free: it brings machines, keeps those that hold it, and is whoever's comes first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW
from tests.unit.domain.test_autoscaling_decisions import HAS, HOUR, SHAPE, decided, numbers, shop, worker

from navarch.domain.autoscaling import Decision, Memory, all_pods_due
from navarch.domain.autoscaling.memory import Backoff, SpareRoom, Unneeded
from navarch.domain.health import Checkup, State
from navarch.domain.spec import Cluster, Spare, Taint

HALF = Spare(1, 400)
"""Of a machine here, which leaves 900 thousandths to pods; a pod asks for 600."""


def keeping(spare: Spare, replicas: int = 1, **limits: Any) -> Cluster:
    return shop(replicas, spare=spare, **limits)


def unneeded(*checkups: Checkup) -> Memory:
    return Memory(unneeded=tuple(Unneeded(c.name, "web", NOW - HOUR) for c in checkups))


def free(found: Decision) -> list[tuple[int, int, str]]:
    return [(s.ready, s.coming, s.why) for s in found.memory.spare]


def test_room_that_is_there_brings_no_machine() -> None:
    of = keeping(Spare(2, 400))
    found = decided(of, worker(of, 1))
    assert not found.changes and free(found) == [(2, 0, "")]


def test_what_pods_took_brings_machines_once() -> None:
    of = keeping(Spare(3, 400))
    one = worker(of, 1)
    found = decided(of, one, running=(one.name,))
    assert numbers(found) == [("web", 3, "TriggeredScaleUp")] and free(found) == [(0, 3, "")]
    assert "it lacks 3 of the places that it is to keep free (3 × 400m CPU)" in found.changes[0].message
    grown = keeping(Spare(3, 400), 3)
    coming = [worker(grown, n, State.COMING, age=timedelta(0)) for n in (2, 3)]
    again = decided(grown, one, *coming, running=(one.name,), memory=found.memory)
    assert not again.changes and free(again) == [(0, 3, "")]


def test_from_zero_it_brings_a_machine_with_the_groups_taints() -> None:
    of = keeping(HALF, 0, min=0)
    (group,) = of.node_groups
    tainted = replace(group, spec=replace(group.spec, taints=(Taint("dedicated", "NoSchedule", "batch"),)))
    assert numbers(decided(replace(of, node_groups=(tainted,)))) == [("web", 1, "TriggeredScaleUp")]


def test_pods_that_wait_come_first_and_the_spare_moves_on() -> None:
    of = keeping(HALF)
    found = decided(of, worker(of, 1), waiting=1)
    assert numbers(found) == [("web", 2, "TriggeredScaleUp")] and free(found) == [(0, 1, "")]
    assert "p0" not in found.changes[0].message  # it has its place already
    assert not found.of_pods


def test_the_limit_is_not_crossed_and_what_is_lacking_is_told_once() -> None:
    of = keeping(Spare(2, 800), 1, max=1)
    one = worker(of, 1)
    found = decided(of, one)
    assert not found.changes and free(found) == [(1, 0, "max node group size reached")]
    assert found.told == (
        ("SpareNotKept", "web", "web keeps room free for 1 of 2 × 800m CPU: max node group size reached"),
    )
    assert not decided(of, one, memory=found.memory).told


def test_room_that_was_lacking_and_is_there_again_is_told_once() -> None:
    of = keeping(Spare(2, 400), 2, max=2)
    one, two = worker(of, 1), worker(of, 2)
    short = decided(of, one, two, running=(one.name, two.name))
    assert [(r.ready, r.missing) for r in short.memory.spare] == [(0, 2)]
    again = decided(of, one, two, running=(one.name,), memory=short.memory)
    assert again.told == (("SpareKept", "web", "web keeps room free for all of 2 × 400m CPU, 0 before"),)
    assert not decided(of, one, two, running=(one.name,), memory=again.memory).told
    assert not decided(of, one, two).told, "the first look has nothing to compare it with"


def test_a_group_in_backoff_is_asked_for_no_spare() -> None:
    of = keeping(HALF, 0, min=0)
    memory = Memory(backoffs=(Backoff("web", NOW, NOW + HOUR, "no host"),))
    found = decided(of, memory=memory)
    assert not found.changes and free(found) == [(0, 0, "in backoff after failed scale-up (no host)")]


def test_a_machine_stays_whose_spare_fits_nowhere_else() -> None:
    of = keeping(HALF, 2)
    one, two = worker(of, 1), worker(of, 2)
    found = decided(of, one, two, running=(one.name,), memory=unneeded(two))
    assert not found.changes
    assert [k.why for k in found.memory.kept] == ["room that its group keeps free would fit on no other machine"]
    without = shop(2)
    assert numbers(decided(without, one, two, running=(one.name,), memory=unneeded(two))) == [("web", 1, "ScaleDown")]


def test_a_machine_goes_whose_spare_fits_elsewhere_whatever_it_held() -> None:
    of = keeping(Spare(2, 400), 2)
    one, two = worker(of, 1), worker(of, 2)  # each could hold both, and the first in line does
    found = decided(of, one, two, memory=unneeded(one, two))
    assert numbers(found) == [("web", 1, "ScaleDown")]
    assert len(found.changes[0].going) == 1


def test_nothing_goes_that_the_spare_would_bring_back() -> None:
    """Up and down by the same filters: what stays after machines went has room for all of it."""
    for count in range(5):
        of = keeping(Spare(count, 400), 4, min=0)
        workers = [worker(of, n) for n in (1, 2, 3, 4)]
        found = decided(of, *workers, memory=unneeded(*workers))
        going = {name for change in found.changes for name in change.going}
        assert len(workers) - len(going) == -(-count // 2)
        left = keeping(Spare(count, 400), len(workers) - len(going), min=0)
        assert not decided(left, *(w for w in workers if w.name not in going)).changes


def test_pods_that_move_leave_the_spare_its_room() -> None:
    of = keeping(Spare(1, 300), 2, utilization_threshold=80)
    one, two = worker(of, 1), worker(of, 2)
    small = replace(SHAPE, requests=(("cpu", 200),))
    assert two.node is not None
    roomy = replace(two, node=replace(two.node, allocatable=(("cpu", 1100), *HAS[1:])))
    # 600 on each; the second has room for 500 more: not for a pod of 600, whether the spare is there or not.
    stays = decided(of, one, roomy, running=(one.name, roomy.name), memory=unneeded(one))
    assert not stays.changes
    # a pod of 200 that waits, and the spare of 300, fill it
    found = decided(of, one, roomy, waiting=1, shape=small, running=(one.name, roomy.name), memory=unneeded(one))
    assert not found.changes and free(found) == [(1, 0, "")]


def test_it_is_looked_at_soon_after_somebody_asked_for_it() -> None:
    of = keeping(HALF)
    assert all_pods_due(of, Memory(), NOW) == NOW + timedelta(seconds=5)
    assert all_pods_due(of, Memory(spare=(SpareRoom("web", HALF, 1),)), NOW) == NOW + timedelta(seconds=60)
    assert all_pods_due(shop(), Memory(spare=(SpareRoom("web", HALF, 1),)), NOW) == NOW + timedelta(seconds=5)


@pytest.mark.parametrize("taken", [False, True])
def test_a_look_that_did_not_read_all_pods_says_nothing_about_it(taken: bool) -> None:
    of = keeping(HALF)
    one = worker(of, 1)
    known = decided(of, one, running=(one.name,) if taken else ()).memory
    seen = decided(of, one, memory=known, all_pods=False)
    assert not seen.changes and seen.memory.spare == known.spare
