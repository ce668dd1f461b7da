"""When a cluster is looked at again, and what its timeline tells."""

from dataclasses import replace
from datetime import timedelta
from math import inf
from random import Random

import pytest
from clusters import NOW, cluster

from navarch.domain.observed import (
    CloudState,
    Identity,
    KubeState,
    Machine,
    Node,
    Observed,
    Server,
    Trouble,
    Volume,
)
from navarch.domain.simulate import nothing_yet
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Condition, Phase, Status
from navarch.domain.steps import Again, Done, EnsureIdentity, EnsureNetwork, EnsureVolume, Failed, Outcome, Result
from navarch.reconcile.act import Inside
from navarch.reconcile.cycle import (
    _arrivals,
    _found,
    _in_vain,
    _says_little,
    _transitions,
    _until_overdue,
    look_again_after,
)
from navarch.reconcile.look import Seen
from navarch.store.contract import Claim

READY = Status(phase=Phase.READY)
MOVING = Status(phase=Phase.PROGRESSING)
CHANCE = Random(1)
WANTED = cluster()


def results(*outcomes: Outcome) -> tuple[Result, ...]:
    return tuple(Result(EnsureNetwork(f"n{i}"), outcome) for i, outcome in enumerate(outcomes))


def test_a_ready_cluster_is_left_in_peace_and_yet_seen_within_three_minutes() -> None:
    assert 130 < look_again_after(cluster(), READY, (), 0, CHANCE) < 180


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
    told = replace(slow, blame="user", remedy="do", deadline=NOW + timedelta(seconds=30))
    over = replace(slow, deadline=NOW - timedelta(seconds=30))
    assert _until_overdue(Status(conditions=(slow, told, over)), NOW) == 91.0
    assert _until_overdue(Status(conditions=(told, over)), NOW) == inf


def test_a_cloud_that_says_when_to_come_back_is_obeyed() -> None:
    assert look_again_after(cluster(), MOVING, results(Again(20.0, "r", "m")), 1, CHANCE) >= 18


def test_a_cloud_that_does_not_answer_is_asked_less_and_less_often() -> None:
    waits = [look_again_after(cluster(), MOVING, (), attempts, CHANCE, unclear=True) for attempts in range(1, 12)]
    assert waits[0] < 1.2 and waits[0] < waits[1] < waits[2] and 25 < max(waits) < 35


def ready_claim(wanted: Cluster = WANTED, attempts: int = 0) -> Claim:
    groups = tuple((g.name, g.generation) for g in WANTED.node_groups)
    status = Status(phase=Phase.READY, observed_generation=WANTED.generation, observed_groups=groups)
    return Claim(wanted, status, token=1, attempts=attempts)


ANSWERS = KubeState("1.37.2")
SILENT = Trouble("CloudNotAnswering", "Neutron answered 503")
REFUSED = Trouble("CredentialsRefused", "Keystone refused navarch", blame="cloud-operator", remedy="give it the role")


@pytest.mark.parametrize(
    ("claim", "trouble", "kube", "done", "little"),
    [
        (ready_claim(), (SILENT,), ANSWERS, (), True),
        (ready_claim(), (), None, (), True),
        (ready_claim(), (), ANSWERS, (), False),
        (ready_claim(attempts=1), (SILENT,), ANSWERS, (), False),
        (ready_claim(), (SILENT, REFUSED), ANSWERS, (), False),
        (ready_claim(), (SILENT,), ANSWERS, results(Done()), False),
        (ready_claim(replace(WANTED, generation=9)), (SILENT,), ANSWERS, (), False),
        (ready_claim(replace(WANTED, deletion_requested_at=NOW)), (SILENT,), ANSWERS, (), False),
        (replace(ready_claim(), status=MOVING), (SILENT,), ANSWERS, (), False),
    ],
)
def test_one_silence_of_the_cloud_does_not_make_a_ready_cluster_degraded(
    claim: Claim, trouble: tuple[Trouble, ...], kube: KubeState | None, done: tuple[Result, ...], little: bool
) -> None:
    observed = Observed(cloud=CloudState(trouble=trouble), kube=kube)
    assert _says_little(claim, observed, done) is little


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
    events = _arrivals(seen(born), seen(replace(born, status="ACTIVE")), cluster(), NOW + timedelta(seconds=4))
    assert [(e.reason, e.subject, e.seconds, e.at) for e in events] == [("ServerActive", "shop-1", 4.0, NOW)]
    again = _arrivals(seen(replace(born, status="ACTIVE")), seen(replace(born, status="ACTIVE")), cluster(), NOW)
    assert again == []


def test_a_node_that_became_ready_is_told_once() -> None:
    machine = Machine("shop-1", Role.WORKER, "web", 1, "z1", NOW)
    before = seen(nodes=(Node("shop-1", ready=False),), machines=(machine,))
    now = seen(nodes=(Node("shop-1", ready=True),), machines=(machine,))
    assert [e.reason for e in _arrivals(before, now, cluster(), NOW)] == ["NodeReady"]
    assert _arrivals(now, now, cluster(), NOW) == []


def test_nothing_is_told_on_the_first_look_of_a_worker_that_took_over() -> None:
    assert _arrivals(None, seen(Server("s", "shop-1", "ACTIVE")), cluster(), NOW) == []


def test_what_is_there_though_its_creation_was_not_answered_is_told_once() -> None:
    empty, volume = seen(), Volume("v", "shop-etcd-0", "available", "z1")
    there = replace(empty, cloud=replace(empty.cloud, volumes=(volume,)))
    failed = (Result(EnsureVolume("shop-etcd-0", "ssd", 1, "z1"), Again(1.0, "CloudNotAnswering", "timed out")),)
    in_this_cycle = list(_found(Seen(empty, Inside(), empty), there, failed, cluster(), NOW))
    assert [(e.reason, e.subject) for e in in_this_cycle] == [("Found", "shop-etcd-0")]
    in_the_next = list(_found(Seen(there, Inside(), empty), there, (), cluster(), NOW))
    assert [(e.reason, e.subject) for e in in_the_next] == [("Found", "shop-etcd-0")]
    assert list(_found(Seen(there, Inside(), there), there, (), cluster(), NOW)) == []
    first_look = Seen(there, Inside(), None)
    assert list(_found(first_look, there, (), cluster(), NOW)) == []
    answered = (Result(EnsureVolume("shop-etcd-0", "ssd", 1, "z1"), Done()),)
    assert list(_found(Seen(empty, Inside(), empty), there, answered, cluster(), NOW)) == []
    user = replace(empty, cloud=replace(empty.cloud, identities=(Identity("u", cluster().id),)))
    made = (Result(EnsureIdentity(), Done()),)
    assert list(_found(Seen(empty, Inside(), empty), user, made, cluster(), NOW)) == []
    claims = replace(there, cloud=replace(empty.cloud, volumes=(replace(volume, made_by="csi"),)))
    assert list(_found(Seen(claims, Inside(), empty), claims, (), cluster(), NOW)) == []


def test_a_condition_that_somebody_must_act_on_is_a_warning_with_its_remedy() -> None:
    blocked = Status(
        conditions=(Condition("Ready", "False", "QuotaExceeded", "cores", "project-admin", "ask for more"),)
    )
    (event,) = _transitions(Status(), blocked, cluster(), NOW)
    assert (event.level, event.reason) == ("Warning", "QuotaExceeded")
    assert "project-admin" in event.message
    assert "ask for more" in event.message
    assert _transitions(blocked, blocked, cluster(), NOW) == ()


def test_progress_is_told_by_steps_not_by_conditions() -> None:
    moving = Status(conditions=(Condition("Ready", "False", "CreatingNetwork", "the network is being made"),))
    assert _transitions(Status(), moving, cluster(), NOW) == ()


def test_ready_is_told_with_the_seconds_since_the_request() -> None:
    ready = Status(conditions=(Condition("Ready", "True", "AllMachinesReady", "all well"),))
    (event,) = _transitions(Status(), ready, cluster(), NOW + timedelta(seconds=61))
    assert (event.level, event.reason, event.seconds) == ("Normal", "Ready", 61.0)
