"""What a cluster's timeline tells beside the steps themselves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from clusters import NOW, cluster

from navarch.domain.observed import CloudState, Identity, Kind, KubeState, Machine, Node, Observed, Server, Volume
from navarch.domain.rehearsal import nothing_yet
from navarch.domain.spec import Role
from navarch.domain.status import Condition, Event, Status
from navarch.domain.steps import MAKES, Again, Done, EnsureIdentity, EnsureVolume, RecordMachine, Result
from navarch.domain.timeline import arrivals, found, taken_over, transitions, untold

VOLUME = Volume("v", "shop-etcd-0", "available", "z1")
MAKE_VOLUME = EnsureVolume("shop-etcd-0", "ssd", 1, "z1")


def told(reason: str, subject: str, message: str = "done") -> Event:
    return Event(NOW, reason, message, subject, "cloud")


def subjects(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(e.reason, e.subject) for e in events]


def seen(*servers: Server, nodes: tuple[Node, ...] = (), machines: tuple[Machine, ...] = ()) -> Observed:
    empty = nothing_yet()
    return replace(
        empty,
        cloud=replace(empty.cloud, servers=servers),
        kube=KubeState("1.37.2", nodes) if nodes else None,
        machines=machines,
    )


def test_a_server_that_runs_now_is_told_with_the_time_it_took() -> None:
    born = Server("s", "shop-1", "BUILD", created_at=NOW)
    events = arrivals(seen(born), seen(replace(born, status="ACTIVE")), cluster(), NOW + timedelta(seconds=4))
    assert [(e.reason, e.subject, e.seconds, e.at) for e in events] == [("ServerActive", "shop-1", 4.0, NOW)]
    again = arrivals(seen(replace(born, status="ACTIVE")), seen(replace(born, status="ACTIVE")), cluster(), NOW)
    assert again == []


def test_a_node_that_became_ready_is_told_once() -> None:
    machine = Machine("shop-1", Role.WORKER, "web", 1, "z1", NOW)
    before = seen(nodes=(Node("shop-1", ready=False),), machines=(machine,))
    now = seen(nodes=(Node("shop-1", ready=True),), machines=(machine,))
    assert [e.reason for e in arrivals(before, now, cluster(), NOW)] == ["NodeReady"]
    assert arrivals(now, now, cluster(), NOW) == []


def test_nothing_is_told_on_the_first_look_of_a_worker_that_took_over() -> None:
    assert arrivals(None, seen(Server("s", "shop-1", "ACTIVE")), cluster(), NOW) == []


def test_what_is_there_though_its_creation_was_not_answered_is_told_once() -> None:
    empty = nothing_yet().cloud
    there = replace(empty, volumes=(VOLUME,))
    failed = (Result(MAKE_VOLUME, Again(1.0, "CloudNotAnswering", "timed out")),)
    assert subjects(found(empty, there, failed, cluster(), NOW)) == [("Found", "shop-etcd-0")]
    assert subjects(found(empty, there, (), cluster(), NOW)) == [("Found", "shop-etcd-0")]
    assert subjects(found(there, there, (), cluster(), NOW)) == []
    assert subjects(found(empty, there, (Result(MAKE_VOLUME, Done()),), cluster(), NOW)) == []


def test_what_could_not_be_seen_before_is_not_called_found() -> None:
    assert subjects(found(CloudState(), replace(nothing_yet().cloud, volumes=(VOLUME,)), (), cluster(), NOW)) == []


def test_a_machine_written_down_is_not_a_server_that_was_made() -> None:
    there = replace(nothing_yet().cloud, servers=(Server("s", "shop-cp-0", "BUILD"),))
    written = (Result(RecordMachine("shop-cp-0", Role.CONTROL_PLANE, "cp", 0, "z1"), Done()),)
    assert subjects(found(nothing_yet().cloud, there, written, cluster(), NOW)) == [("Found", "shop-cp-0")]


def test_the_user_of_a_cluster_is_told_by_the_step_that_makes_it() -> None:
    user = replace(nothing_yet().cloud, identities=(Identity("u", cluster().id),))
    assert subjects(found(nothing_yet().cloud, user, (Result(EnsureIdentity(), Done()),), cluster(), NOW)) == []
    assert subjects(untold(user, (told("EnsureIdentity", ""),), cluster(), NOW)) == []
    assert subjects(untold(user, (), cluster(), NOW)) == [("Found", cluster().id)]


def test_what_the_clusters_own_controllers_make_is_not_told() -> None:
    claims = replace(nothing_yet().cloud, volumes=(replace(VOLUME, made_by="csi"),))
    assert subjects(found(nothing_yet().cloud, claims, (), cluster(), NOW)) == []
    assert subjects(untold(claims, (), cluster(), NOW)) == []
    assert subjects(taken_over(claims, cluster(), NOW)) == []


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
    assert subjects(untold(replace(nothing_yet().cloud, volumes=(VOLUME,)), (event,), cluster(), NOW)) == []


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
    (late,) = untold(replace(nothing_yet().cloud, volumes=(VOLUME,)), (event,), cluster(), NOW)
    assert (late.reason, late.subject, late.level) == ("Found", "shop-etcd-0", "Normal")
    assert subjects(untold(replace(nothing_yet().cloud, volumes=(VOLUME,)), (event, late), cluster(), NOW)) == []


def test_each_kind_that_navarch_makes_has_a_step_that_makes_it() -> None:
    assert sorted(MAKES.values()) == sorted(set(Kind) - {Kind.SNAPSHOT})


def test_a_worker_that_takes_over_names_all_that_is_there() -> None:
    (event,) = taken_over(
        replace(nothing_yet().cloud, volumes=(VOLUME,), servers=(Server("s", "shop-1", "ACTIVE"),)), cluster(), NOW
    )
    assert "volume shop-etcd-0" in event.message
    assert "server shop-1" in event.message
    assert subjects(taken_over(nothing_yet().cloud, cluster(), NOW)) == []


def test_a_condition_that_somebody_must_act_on_is_a_warning_with_its_remedy() -> None:
    blocked = Status(
        conditions=(Condition("Ready", "False", "QuotaExceeded", "cores", "project-admin", "ask for more"),)
    )
    (event,) = transitions(Status(), blocked, cluster(), NOW)
    assert (event.level, event.reason) == ("Warning", "QuotaExceeded")
    assert "project-admin" in event.message
    assert "ask for more" in event.message
    assert transitions(blocked, blocked, cluster(), NOW) == ()


def test_progress_is_told_by_steps_not_by_conditions() -> None:
    moving = Status(conditions=(Condition("Ready", "False", "CreatingNetwork", "the network is being made"),))
    assert transitions(Status(), moving, cluster(), NOW) == ()


def test_ready_is_told_with_the_seconds_since_the_request() -> None:
    ready = Status(conditions=(Condition("Ready", "True", "AllMachinesReady", "all well"),))
    (event,) = transitions(Status(), ready, cluster(), NOW + timedelta(seconds=61))
    assert (event.level, event.reason, event.seconds) == ("Normal", "Ready", 61.0)
