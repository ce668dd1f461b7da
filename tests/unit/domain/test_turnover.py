"""What one group decides: the brake, the first new machine, who goes first, what is kept for a look."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW, OFFER, cluster

from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, MachineView
from navarch.domain.kube import NOT_BEHIND_SERVICES, REMOVE_FIRST, STARTING, Node
from navarch.domain.machines import BootReport, Departure, Machine, template_of
from navarch.domain.plan.node_groups import Turnover, turnover
from navarch.domain.spec import KeepFailed, NodeGroup, Role

ANOTHER = replace(OFFER.releases[0], image_id="another", image_name="navarch-1.37.2-b")
SHOP = cluster(workers=5)
TEMPLATE = template_of(SHOP, "web")
NEW = replace(TEMPLATE, release=ANOTHER)
LONG_AGO = NOW - timedelta(hours=1)


def group(replicas: int = 5, **changes: Any) -> NodeGroup:
    """The group web."""
    return NodeGroup("web", replace(SHOP.node_groups[0].spec, replicas=replicas, **changes))


def worker(serial: int, state: State = State.READY, node: Node | None = None, **changes: Any) -> Checkup:
    """A worker that joined an hour ago."""
    name = f"web-{serial}"
    usual: dict[str, Any] = {
        "template": TEMPLATE,
        "joined": state is not State.COMING,
        "zone": "z1",
        "created_at": LONG_AGO,
    }
    machine = Machine(name, Role.WORKER, "web", serial, **(usual | changes))
    view = MachineView(Existence.RUNNING, f"server of {name}")
    why = "its node is NotReady for 400 s" if state is State.LOST else ""
    return Checkup(machine, view, node or Node(name, ready=state is State.READY), state, why)


def joined(seconds: int) -> tuple[BootReport, ...]:
    return (BootReport("Joined", "done", NOW - timedelta(seconds=seconds)),)


def decide(*machines: Checkup, of: NodeGroup | None = None, template: Any = TEMPLATE, **changes: Any) -> Turnover:
    return turnover(of or group(), template, machines, NOW, **changes)


def taken(decided: Turnover) -> list[tuple[str, Departure]]:
    return [(checkup.name, departure) for checkup, departure, _ in decided.take]


LOST, READY = State.LOST, State.READY


def workers(*states: State) -> tuple[Checkup, ...]:
    return tuple(worker(number, state) for number, state in enumerate(states, 1))


def test_lost_machines_are_replaced_at_once() -> None:
    decided = decide(*workers(READY, READY, READY, LOST, LOST))
    assert taken(decided) == [("web-4", Departure.REPAIR), ("web-5", Departure.REPAIR)]
    assert (decided.make, decided.brake) == (2, "")


def test_when_more_are_not_well_than_the_group_allows_none_is_replaced() -> None:
    decided = decide(*workers(READY, READY, LOST, LOST, State.UNREADY))
    assert (taken(decided), decided.make) == ([], 0)
    assert decided.brake.startswith("of web, 3 of 5 are not well, more than 2: web-3, web-4, web-5")


def test_a_machine_that_is_gone_is_replaced_whatever_the_brake_says() -> None:
    """Nothing is taken away with it."""
    gone = replace(worker(3, LOST), gone=True, view=MachineView(Existence.ABSENT))
    decided = decide(*workers(READY, LOST), gone, worker(4, LOST), worker(5, LOST))
    assert taken(decided) == [("web-3", Departure.REPAIR)]
    assert decided.brake and decided.make == 1


def test_what_is_being_replaced_counts_as_not_well() -> None:
    leaving = [worker(n, State.LEAVING, removing=True, departure=Departure.REPAIR) for n in (6, 7)]
    decided = decide(*workers(READY, READY, READY, READY, LOST), *leaving)
    assert decided.brake and taken(decided) == []


def test_two_of_a_small_group_may_always_be_replaced() -> None:
    assert taken(decide(worker(1, LOST), of=group(1))) == [("web-1", Departure.REPAIR)]
    both = [("web-1", Departure.REPAIR), ("web-2", Departure.REPAIR)]
    assert taken(decide(*workers(LOST, LOST), of=group(2))) == both
    assert decide(*workers(LOST, LOST, LOST), of=group(3)).brake


@pytest.mark.parametrize("view", [MachineView(Existence.FAILED), MachineView(Existence.RUNNING, reachable=False)])
def test_what_the_cloud_calls_failed_or_cut_off_is_replaced_and_holds_nothing(view: MachineView) -> None:
    failed = [replace(worker(n, LOST), view=view) for n in (3, 4, 5)]
    decided = decide(*workers(READY, READY), *failed)
    assert [name for name, _ in taken(decided)] == ["web-3", "web-4", "web-5"]
    assert (decided.make, decided.brake) == (3, "")


def test_an_api_that_does_not_answer_says_nothing_against_a_machine() -> None:
    unheard = tuple(replace(w, node=None) for w in workers(*[State.UNREADY] * 5))
    assert decide(*unheard, template=NEW).brake == ""


def test_machines_that_are_not_ready_yet_hold_up_nothing_that_nobody_asked_for() -> None:
    assert decide(*workers(*[State.UNREADY] * 5)).brake == ""
    assert decide(*workers(*[State.UNREADY] * 5), template=NEW).brake


def test_what_an_earlier_server_of_a_machine_reported_stops_no_rollout() -> None:
    failed = (BootReport("KubeadmJoin", "failed", NOW - timedelta(minutes=3)),)
    new = worker(6, State.COMING, template=NEW, boot=failed, created_at=NOW - timedelta(minutes=5))
    later = replace(new, view=replace(new.view, created_at=NOW - timedelta(minutes=1)))
    old = workers(*[READY] * 5)
    assert decide(*old, new, template=NEW).stopped.startswith("the new machine web-6 failed in step KubeadmJoin")
    assert decide(*old, later, template=NEW).stopped == ""


def test_the_brake_stops_a_rollout_and_not_what_its_owner_asks_for() -> None:
    sick = workers(READY, READY, LOST, LOST, LOST)
    assert decide(*sick, template=NEW) == replace(decide(*sick, template=NEW), make=0, take=())
    assert taken(decide(*sick, of=group(3))) == [("web-5", Departure.SCALE_DOWN), ("web-4", Departure.SCALE_DOWN)]


def test_a_machine_that_is_given_up_is_kept_for_a_look_if_its_owner_wants() -> None:
    keeping = group(keep_failed_machines=KeepFailed(1, 24))
    decided = decide(*workers(READY, READY, READY, LOST, LOST), of=keeping)
    assert [c.name for c in decided.keep] == ["web-4"]
    assert (taken(decided), decided.make) == ([("web-5", Departure.REPAIR)], 2)
    kept = worker(4, State.KEPT, kept_at=NOW - timedelta(hours=23))
    again = decide(*workers(READY, READY, READY), kept, worker(6), worker(7, LOST), of=keeping)
    assert (again.keep, taken(again)) == ((), [("web-7", Departure.REPAIR)])


def test_it_goes_when_its_time_is_over() -> None:
    keeping = group(keep_failed_machines=KeepFailed(1, 24))
    kept = worker(6, State.KEPT, kept_at=NOW - timedelta(hours=24))
    assert taken(decide(*workers(*[READY] * 5), kept, of=keeping)) == [("web-6", Departure.REPAIR)]


@pytest.mark.parametrize("soak", [0, 600])
def test_a_rollout_begins_with_one_machine(soak: int) -> None:
    wide = group(max_surge=3)
    old, patience = workers(*[READY] * 5), timedelta(seconds=soak)
    assert decide(*old, of=wide, template=NEW, soak=patience).make == 1
    coming = worker(6, State.COMING, template=NEW)
    waiting = decide(*old, coming, of=wide, template=NEW, soak=patience)
    assert (waiting.make, taken(waiting)) == (0, [])
    young = decide(*old, worker(6, template=NEW, boot=joined(599)), of=wide, template=NEW, soak=patience)
    assert (young.make, len(young.take)) == ((2, 1) if not soak else (0, 0))
    proven = decide(*old, worker(6, template=NEW, boot=joined(600)), of=wide, template=NEW, soak=patience)
    assert (proven.make, len(proven.take)) == (2, 1)


def test_the_first_new_machine_is_trusted_once_it_was_ready_for_long_enough_without_a_break() -> None:
    def decided(ready_for: int) -> Turnover:
        node = Node("web-6", ready=True, since=NOW - timedelta(seconds=ready_for))
        first = worker(6, node=node, template=NEW, boot=joined(3000))
        return decide(*workers(*[READY] * 5), first, template=NEW, soak=timedelta(seconds=600))

    assert decided(599).take == ()
    assert len(decided(600).take) == 1


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (worker(6, State.COMING, template=NEW), "the new machine web-6 did not become a node"),
        (
            worker(6, State.COMING, template=NEW, boot=(BootReport("KubeadmJoin", "failed", NOW),)),
            "the new machine web-6 failed in step KubeadmJoin",
        ),
        (
            replace(
                worker(6, State.COMING, template=NEW, created_at=NOW),
                view=MachineView(Existence.FAILED, fault="No valid host"),
            ),
            "the cloud could not build the new machine web-6: No valid host",
        ),
    ],
)
def test_a_new_machine_that_does_not_become_a_node_stops_the_rollout(first: Checkup, words: str) -> None:
    first = replace(first, machine=replace(first.machine, created_at=NOW - timedelta(minutes=11)))
    decided = decide(*workers(*[READY] * 5), first, template=NEW)
    assert (decided.stopped, decided.make, decided.take) == (words, 0, ())


def never_ready(minutes: int) -> Checkup:
    """A new machine that joined so long ago, and whose node never was Ready."""
    node = Node("web-6", ready=False, labels=((NOT_BEHIND_SERVICES, STARTING),))
    return worker(6, LOST, node=node, template=NEW, created_at=NOW - timedelta(minutes=minutes))


def test_a_new_machine_whose_node_never_is_ready_stops_the_rollout() -> None:
    decided = decide(*workers(*[READY] * 5), never_ready(8), template=NEW)
    assert decided.stopped.startswith("the new machine web-6 joined, and its node did not become Ready")
    assert (decided.make, decided.take) == (0, ())
    later = decide(*workers(*[READY] * 5), never_ready(15), template=NEW)
    assert taken(later) == [("web-6", Departure.REPAIR)], "another is tried"


def test_without_a_rollout_it_is_replaced_as_every_other() -> None:
    assert taken(decide(*workers(*[READY] * 5), never_ready(8))) == [("web-6", Departure.REPAIR)]
    alone = replace(never_ready(8), machine=replace(never_ready(8).machine, template=TEMPLATE))
    assert taken(decide(*workers(*[READY] * 4), alone)) == [("web-6", Departure.REPAIR)]


def test_another_wish_takes_a_failed_new_machine_away() -> None:
    """Back to what it was, or on to a better image."""
    failed = worker(6, State.COMING, template=NEW)
    assert taken(decide(*workers(*[READY] * 5), failed)) == [("web-6", Departure.ROLLOUT)]
    better = replace(NEW, release=replace(ANOTHER, image_id="better"))
    assert "web-6" in dict(taken(decide(*workers(*[READY] * 5), failed, template=better)))


def test_a_rollout_that_is_held_replaces_nothing_and_yet_scales() -> None:
    old = workers(*[READY] * 5)
    assert decide(*old, template=NEW, held=True).take == ()
    more = decide(*old, of=group(6), template=NEW, held=True)
    assert (more.make, more.take) == (1, ())
    assert taken(decide(*old, of=group(4), template=NEW, held=True)) == [("web-5", Departure.SCALE_DOWN)]
    half_way = (*old, worker(6, template=NEW))
    assert decide(*half_way, template=NEW, held=True).take == ()


def test_who_goes_first_is_a_rule() -> None:
    marked = worker(1, node=Node("web-1", ready=True, labels=((REMOVE_FIRST, ""),)))
    coming, unready = worker(2, State.COMING), worker(3, State.UNREADY)
    cordoned = worker(4, node=Node("web-4", ready=True, unschedulable=True))
    old = worker(5, template=NEW)
    crowded = [worker(n, zone="z2") for n in (6, 7)]
    busy, idle = (worker(n, zone="z3", node=Node(f"web-{n}", ready=True, evictions=e)) for n, e in ((8, 9), (9, 1)))
    everybody = (idle, busy, *crowded, old, cordoned, unready, coming, marked)
    decided = decide(*everybody, of=group(0, zones=("z1", "z2", "z3")))
    order = [name for name, _ in taken(decided)]
    assert order[:4] == ["web-1", "web-2", "web-3", "web-4"]
    assert order[4] == "web-5"
    assert [order.index(f"web-{n}") for n in (9, 8)] == sorted(order.index(f"web-{n}") for n in (9, 8))
    assert order.index("web-7") < order.index("web-6")


def test_zones_stay_even() -> None:
    three = [worker(n, zone=zone) for n, zone in enumerate(("z1", "z1", "z2", "z2", "z2"), 1)]
    decided = decide(*three, of=group(2, zones=("z1", "z2")))
    left = {c.machine.zone for c in three if c.name not in dict(taken(decided))}
    assert left == {"z1", "z2"}


def test_a_new_machine_that_no_balancer_sends_to_yet_replaces_none() -> None:
    old, label = workers(*[READY] * 5), ((NOT_BEHIND_SERVICES, STARTING),)
    starting = worker(6, node=Node("web-6", ready=True, labels=label), template=NEW)
    assert taken(decide(*old, starting, template=NEW)) == []
    assert len(taken(decide(*old, worker(6, template=NEW), template=NEW))) == 1
