"""What keeps a node group from growing is a condition: why, who must act, how, and what happens next."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.domain.clusters import NOW, cluster
from tests.unit.domain.test_autoscaling_decisions import HOUR, decided, shop, worker
from tests.unit.domain.test_autoscaling_promises import GPU, TRAIN, with_gpus

from navarch.domain.autoscaling import Memory
from navarch.domain.autoscaling.memory import Failure, first_backoff
from navarch.domain.cloud import CloudState
from navarch.domain.conditions import ABLE_TO_SCALE, with_autoscaling
from navarch.domain.health import State
from navarch.domain.infrastructure import Existence
from navarch.domain.observed import Observed, Record
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Phase, Status
from navarch.domain.timeline import Chapter, tell

READY = Status(Phase.READY, conditions=(Condition("Ready", "True", "AllMachinesReady", ""),))


def judged(of: Cluster, memory: Memory | None, now: datetime = NOW, previous: Status = READY) -> Status:
    return with_autoscaling(READY, memory, of, previous, now)


def said(of: Cluster, memory: Memory | None, now: datetime = NOW) -> Condition | None:
    return judged(of, memory, now).condition(ABLE_TO_SCALE)


def test_a_device_that_never_shows_is_the_users_to_mend() -> None:
    of, none = with_gpus(1), with_gpus(0)
    late = decided(of, worker(of, 1, age=timedelta(minutes=15)), waiting=1, shape=TRAIN).memory
    found = said(of, late)
    assert found is not None
    assert (found.status, found.reason, found.responsible) == ("False", "DeviceNotShown", "user")
    assert f"web-1 does not show {GPU}" in found.message
    assert "while that machine is there, and for 1 h after it has gone; then one is tried again" in found.message
    assert found.remedy is not None and f"the device plugin of {GPU}" in found.remedy
    assert found.deadline is None, "it is not late, however long it takes"

    gone = decided(none, waiting=1, shape=TRAIN, memory=late, now=NOW).memory
    found = said(none, gone)
    assert found is not None and f"until {NOW + HOUR:%Y-%m-%d %H:%M} UTC; then one is tried again" in found.message
    assert said(none, gone, NOW + HOUR) is None, "it is asked for again"


def test_a_cluster_whose_group_cannot_grow_is_ready_all_the_same() -> None:
    of = with_gpus(1)
    status = judged(of, decided(of, worker(of, 1), waiting=1, shape=TRAIN).memory)
    assert status.phase is Phase.READY
    assert [(c.type, c.status) for c in status.conditions] == [("Ready", "True"), (ABLE_TO_SCALE, "False")]


@pytest.mark.parametrize(
    ("view", "age", "responsible", "why"),
    [
        ({"existence": Existence.FAILED, "fault": "No valid host"}, timedelta(0), "cloud-operator", "No valid host"),
        ({}, HOUR, "navarch-operator", "did not become a node within 900 s"),
    ],
)
def test_machines_that_do_not_come_are_a_condition_until_they_are_asked_for_again(
    view: dict[str, object], age: timedelta, responsible: str, why: str
) -> None:
    of = shop(2)
    memory = decided(of, worker(of, 1), worker(of, 2, State.COMING, age=age, **view)).memory
    found = said(of, memory)
    assert found is not None
    assert (found.reason, found.responsible) == ("FailedToScaleUpGroup", responsible)
    assert why in found.message and "Then one is tried again" in found.message and found.remedy
    assert said(of, memory, memory.backoffs[0].until) is None


def test_of_several_the_one_is_said_that_somebody_must_act_on() -> None:
    nobodys = first_backoff("web", NOW, Failure("a fault that an older version wrote down"))
    of = with_gpus(1)
    devices = decided(of, worker(of, 1), waiting=1, shape=TRAIN).memory.devices
    found = said(of, Memory(backoffs=(nobodys,), devices=devices))
    assert found is not None and found.reason == "DeviceNotShown"
    found = said(of, Memory(backoffs=(nobodys,)))
    assert found is not None and (found.responsible, found.remedy) == (None, None)


def test_it_is_not_said_of_a_cluster_that_goes_nor_where_nothing_is_in_the_way() -> None:
    of = with_gpus(1)
    memory = decided(of, worker(of, 1), waiting=1, shape=TRAIN).memory
    assert said(replace(of, deletion_requested_at=NOW), memory) is None
    assert said(of, Memory()) is None and said(cluster(), None) is None


def test_the_timeline_has_it_once_of_the_node_group_itself() -> None:
    of = with_gpus(1)
    found = decided(of, worker(of, 1), waiting=1, shape=TRAIN)
    (told,) = [t for t in found.told if t[0] == "DeviceNotShown"]
    assert told[1] == "web" and "(user: look whether the device plugin" in told[2]
    seen = Observed(CloudState(), Record(()))
    chapter = Chapter(of, seen, seen, seen, (), READY, judged(of, found.memory), NOW)
    assert not tell(chapter)
