"""What a cluster's timeline tells beside the steps themselves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW, TEMPLATE, cluster

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.kube import KubeState, Node
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed, Record
from navarch.domain.openstack.resources import RESOURCES, Identity, Kind, Server, Volume
from navarch.domain.openstack.steps import EnsureIdentity, EnsureVolume
from navarch.domain.outcomes import Again, Done, Result
from navarch.domain.providers import CLOUD_STEPS
from navarch.domain.spec import Role
from navarch.domain.status import Condition, Event, Status
from navarch.domain.steps import RecordMachine
from navarch.domain.timeline import Chapter, tell

VOLUME = Volume("v", "shop-etcd-0", "available", "z1")
MAKE_VOLUME = EnsureVolume("shop-etcd-0", "ssd", 1, "z1")


def told(reason: str, subject: str, message: str = "done") -> Event:
    return Event(NOW, reason, message, subject, "cloud")


def subjects(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(e.reason, e.subject) for e in events]


def seen(*objects: Resource, nodes: tuple[Node, ...] = (), machines: tuple[Machine, ...] = ()) -> Observed:
    return Observed(
        cloud=CloudState.showing(RESOURCES, *objects),
        kube=KubeState("1.37.2", nodes) if nodes else None,
        record=Record(machines=machines),
    )


def chapter(before: Observed | None, then: Observed, after: Observed | None = None, **more: Any) -> Chapter:
    """A cycle of the cluster; nothing is done in it, and no condition changes."""
    values: dict[str, Any] = {"results": (), "previous": Status(), "status": Status(), "now": NOW}
    return Chapter(cluster(), before, then, after or then, **(values | more))


def machine(name: str = "shop-1") -> Machine:
    return Machine(name, Role.WORKER, "web", 1, "z1", NOW, TEMPLATE)


def test_a_server_that_runs_now_is_told_with_the_time_it_took() -> None:
    born = Server("s", "shop-1", "BUILD", created_at=NOW)
    builds, runs = (seen(replace(born, status=status), machines=(machine(),)) for status in ("BUILD", "ACTIVE"))
    events = tell(chapter(builds, runs, now=NOW + timedelta(seconds=4)))
    assert [(e.reason, e.subject, e.seconds, e.at) for e in events] == [("ServerActive", "shop-1", 4.0, NOW)]
    assert tell(chapter(runs, runs)) == ()


def test_a_node_that_became_ready_is_told_once() -> None:
    before = seen(nodes=(Node("shop-1", ready=False),), machines=(machine(),))
    now = seen(nodes=(Node("shop-1", ready=True),), machines=(machine(),))
    assert [e.reason for e in tell(chapter(before, now))] == ["NodeReady"]
    assert tell(chapter(now, now)) == ()


def test_what_came_true_is_not_told_on_the_first_look_of_a_worker_that_took_over() -> None:
    there = seen(Server("s", "shop-1", "ACTIVE"), machines=(machine(),))
    assert subjects(tell(chapter(None, there, told=(told("CreateServer", "shop-1"),)))) == []


def test_what_is_there_though_its_creation_was_not_answered_is_told_once() -> None:
    empty, there = seen(), seen(VOLUME)
    failed = (Result(MAKE_VOLUME, Again(1.0, "CloudNotAnswering", "timed out")),)
    assert subjects(tell(chapter(empty, empty, there, results=failed))) == [("Found", "shop-etcd-0")]
    assert subjects(tell(chapter(empty, empty, there))) == [("Found", "shop-etcd-0")]
    assert subjects(tell(chapter(there, there))) == []
    assert subjects(tell(chapter(empty, empty, there, results=(Result(MAKE_VOLUME, Done()),)))) == []


def test_what_could_not_be_seen_before_is_not_called_found() -> None:
    blind = Observed(cloud=CloudState())
    assert subjects(tell(chapter(blind, blind, seen(VOLUME)))) == []


def test_a_machine_written_down_is_not_a_server_that_was_made() -> None:
    there = seen(Server("s", "shop-cp-0", "BUILD"))
    step = RecordMachine("shop-cp-0", Role.CONTROL_PLANE, "cp", 0, "z1", TEMPLATE)
    written = (Result(step, Done()),)
    assert subjects(tell(chapter(seen(), seen(), there, results=written))) == [("Found", "shop-cp-0")]


def test_the_user_of_a_cluster_is_told_by_the_step_that_makes_it() -> None:
    user = seen(Identity("u", cluster().id))
    assert subjects(tell(chapter(seen(), seen(), user, results=(Result(EnsureIdentity(), Done()),)))) == []
    assert subjects(tell(chapter(None, user, told=(told("EnsureIdentity", ""),)))) == []
    assert subjects(tell(chapter(None, user))) == [("Found", cluster().id)]


def test_what_the_clusters_own_controllers_make_is_not_told() -> None:
    claims = seen(replace(VOLUME, made_by="csi"))
    assert subjects(tell(chapter(seen(), seen(), claims))) == []
    assert subjects(tell(chapter(None, claims))) == []
    assert subjects(tell(chapter(None, claims, broken_off=True))) == []


@pytest.mark.parametrize(
    "event",
    [
        told("EnsureVolume", "shop-etcd-0"),
        told("Found", "shop-etcd-0", "volume shop-etcd-0 is there, though no worker told that it was made"),
        told("TakenOver", "shop", "a worker goes on from what is there: port shop-1, volume shop-etcd-0"),
        told("TakenOver", "shop", "a worker goes on from what is there: volume shop-etcd-0, port shop-1"),
    ],
)
def test_what_the_timeline_names_is_not_told_again(event: Event) -> None:
    assert subjects(tell(chapter(None, seen(VOLUME), told=(event,)))) == []


@pytest.mark.parametrize(
    "event",
    [
        told("EnsurePort", "shop-etcd-0"),
        told("EnsureVolume", "shop-etcd-01"),
        told("Found", "shop-etcd-0", "port shop-etcd-0 is there, though no worker told that it was made"),
        told("TakenOver", "shop", "a worker goes on from what is there: volume shop-etcd-01, volume shop-etcd-0-a"),
    ],
)
def test_what_the_timeline_does_not_name_is_told(event: Event) -> None:
    (late,) = tell(chapter(None, seen(VOLUME), told=(event,)))
    assert (late.reason, late.subject, late.level) == ("Found", "shop-etcd-0", "Normal")
    assert subjects(tell(chapter(None, seen(VOLUME), told=(event, late)))) == []


def test_each_kind_that_navarch_makes_has_a_step_that_makes_it() -> None:
    made = [step.makes for step in CLOUD_STEPS if step.makes is not None]
    assert sorted(made) == sorted(Kind)


def test_a_worker_that_takes_over_names_all_that_is_there() -> None:
    (event,) = tell(chapter(None, seen(VOLUME, Server("s", "shop-1", "ACTIVE")), broken_off=True))
    assert event.reason == "TakenOver"
    assert "volume shop-etcd-0" in event.message
    assert "server shop-1" in event.message
    assert subjects(tell(chapter(None, seen(), broken_off=True))) == []


def transitions(previous: Status, status: Status, now: datetime = NOW) -> tuple[Event, ...]:
    return tell(chapter(seen(), seen(), previous=previous, status=status, now=now))


def test_a_condition_that_somebody_must_act_on_is_a_warning_with_its_remedy() -> None:
    blocked = Status(
        conditions=(Condition("Ready", "False", "QuotaExceeded", "cores", "project-admin", "ask for more"),)
    )
    (event,) = transitions(Status(), blocked)
    assert (event.level, event.reason) == ("Warning", "QuotaExceeded")
    assert "project-admin" in event.message
    assert "ask for more" in event.message
    assert transitions(blocked, blocked) == ()


def test_progress_is_told_by_steps_not_by_conditions() -> None:
    moving = Status(conditions=(Condition("Ready", "False", "CreatingNetwork", "the network is being made"),))
    assert transitions(Status(), moving) == ()


def test_ready_again_is_told_with_the_seconds_since_it_stopped() -> None:
    since = NOW + timedelta(hours=2)
    waits = Condition("Ready", "False", "NodesNotReady", "2 of 3", last_transition_at=since)
    ready = Condition("Ready", "True", "AllMachinesReady", "all well")
    was = Status(conditions=(waits,), ready_at=NOW + timedelta(seconds=61))
    (event,) = transitions(was, Status(conditions=(ready,)), since + timedelta(seconds=6))
    assert (event.at, event.seconds) == (since, 6.0)


def test_ready_is_told_with_the_seconds_since_the_request() -> None:
    ready = Status(conditions=(Condition("Ready", "True", "AllMachinesReady", "all well"),))
    (event,) = transitions(Status(), ready, NOW + timedelta(seconds=61))
    assert (event.level, event.reason, event.seconds) == ("Normal", "Ready", 61.0)
