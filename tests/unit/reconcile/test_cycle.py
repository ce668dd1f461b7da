"""When a cluster is looked at again."""

from dataclasses import replace
from datetime import timedelta
from math import inf
from random import Random

import pytest
from tests.unit.domain.clusters import NOW, cluster
from tests.unit.domain.test_rollout import with_group

from navarch.domain.openstack.steps import EnsureNetwork
from navarch.domain.outcomes import Again, Done, Failed, Outcome, Result
from navarch.domain.status import Condition, Phase, Status
from navarch.reconcile.cycle import (
    _in_vain,
    _is_called_ready_unseen,
    _until_overdue,
    look_again_after,
)

READY = Status(phase=Phase.READY)
MOVING = Status(phase=Phase.PROGRESSING)
CHANCE = Random(1)
WANTED = cluster()


def results(*outcomes: Outcome) -> tuple[Result, ...]:
    return tuple(Result(EnsureNetwork(f"n{i}"), outcome) for i, outcome in enumerate(outcomes))


def test_a_ready_cluster_is_left_in_peace_and_yet_seen_within_three_minutes() -> None:
    assert 130 < look_again_after(cluster(), READY, (), 0, CHANCE) < 180


def test_who_wants_repairs_soon_is_looked_at_more_often() -> None:
    impatient = with_group(cluster(), repair_after_seconds=60)
    assert 26 < look_again_after(impatient, READY, (), 0, CHANCE) < 34
    patient = with_group(cluster(), repair_after_seconds=3600)
    assert 130 < look_again_after(patient, READY, (), 0, CHANCE) < 180


def test_one_that_is_on_its_way_is_looked_at_each_second() -> None:
    assert look_again_after(cluster(), MOVING, results(Done()), 0, CHANCE) == 1.0


def test_one_whose_machines_boot_waits_for_what_they_say() -> None:
    assert 4 < look_again_after(cluster(), MOVING, results(Done()), 0, CHANCE, booting=True) < 6
    deleting = replace(cluster(), deletion_requested_at=NOW)
    assert look_again_after(deleting, MOVING, results(Done()), 0, CHANCE, booting=True) == 1.0


def test_a_cluster_being_deleted_is_never_left_for_a_minute() -> None:
    assert look_again_after(replace(cluster(), deletion_requested_at=NOW), READY, (), 0, CHANCE) == 1.0


@pytest.mark.parametrize("outcome", [Again(0.1, "r", "m"), Failed("r", "m", "user", "do")])
def test_what_fails_again_and_again_is_tried_less_and_less_often_but_never_given_up(outcome: Outcome) -> None:
    waits = [look_again_after(cluster(), MOVING, results(outcome), attempts, CHANCE) for attempts in range(1, 12)]
    assert waits[0] < waits[1] < waits[2]
    assert max(waits) <= 66


def test_while_somebody_else_has_to_act_a_cluster_is_looked_at_less_and_less_often() -> None:
    blocked = Status(phase=Phase.BLOCKED)
    waits = [look_again_after(cluster(), blocked, (), attempts, CHANCE) for attempts in range(1, 12)]
    assert waits[0] < 3 < waits[2] < 10 and 25 < max(waits) < 35


@pytest.mark.parametrize(
    ("status", "done", "vain"),
    [
        (MOVING, results(Done()), False),
        (MOVING, (), False),
        (MOVING, results(Done(), Again(1.0, "r", "m")), True),
        (Status(phase=Phase.BLOCKED), (), True),
        (Status(phase=Phase.BLOCKED), results(Failed("r", "m", "user", "do")), True),
        (Status(phase=Phase.BLOCKED), results(Done()), False),
    ],
)
def test_a_cluster_that_is_late_but_gets_further_is_not_left_alone(
    status: Status, done: tuple[Result, ...], vain: bool
) -> None:
    assert _in_vain(status, done) is vain


def test_a_cluster_is_looked_at_when_something_becomes_overdue() -> None:
    slow = Condition("InfrastructureReady", "False", "Slow", "it is slow", deadline=NOW + timedelta(seconds=90))
    told = replace(slow, responsible="user", remedy="do", deadline=NOW + timedelta(seconds=30))
    over = replace(slow, deadline=NOW - timedelta(seconds=30))
    assert _until_overdue(Status(conditions=(slow, told, over)), NOW) == 91.0
    assert _until_overdue(Status(conditions=(told, over)), NOW) == inf


def test_a_cloud_that_says_when_to_come_back_is_obeyed() -> None:
    assert look_again_after(cluster(), MOVING, results(Again(20.0, "r", "m")), 1, CHANCE) >= 18


def test_a_cloud_that_does_not_answer_is_asked_less_and_less_often() -> None:
    waits = [look_again_after(cluster(), MOVING, (), attempts, CHANCE, unclear=True) for attempts in range(1, 12)]
    assert waits[0] < 1.2 and waits[0] < waits[1] < waits[2] and 25 < max(waits) < 35


@pytest.mark.parametrize(
    ("status", "unseen"),
    [
        (replace(READY, silent_since=NOW), True),
        (READY, False),
        (Status(phase=Phase.DEGRADED, silent_since=NOW), False),
    ],
)
def test_a_ready_cluster_that_is_called_so_unseen_is_looked_at_again_soon(status: Status, unseen: bool) -> None:
    assert _is_called_ready_unseen(status) is unseen


def test_what_waits_for_a_person_who_wants_it_to_is_not_asked_for_each_second() -> None:
    waits = Condition("WorkersReady", "False", "RolloutPaused", "the rollout is paused by its user")
    moves = Condition("AddonsReady", "False", "WaitingForAddons", "coredns", deadline=NOW)
    assert look_again_after(cluster(), replace(MOVING, conditions=(waits,)), (), 0, CHANCE) > 100
    assert look_again_after(cluster(), replace(MOVING, conditions=(waits, moves)), (), 0, CHANCE) == 1.0
