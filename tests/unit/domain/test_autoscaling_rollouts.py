"""Machines go and come while others are replaced, or wait for their window."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW
from tests.unit.domain.test_autoscaling_decisions import HOUR, decided, numbers, shop, worker

from navarch.domain.autoscaling import Memory
from navarch.domain.autoscaling.memory import Unneeded
from navarch.domain.calendar import MaintenanceWindow
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, MachineView
from navarch.domain.machines import Departure, template_of
from navarch.domain.names import CONTROL_PLANE_GROUP
from navarch.domain.spec import Cluster, Role


def old(of: Cluster, serial: int, state: State = State.READY) -> Checkup:
    """One that another is to take the place of."""
    found = worker(of, serial, state)
    older = replace(found.machine.template.release, image_id="image-before", image_name="navarch-before")
    machine = replace(found.machine, template=replace(found.machine.template, release=older))
    return replace(found, machine=machine)


def long_unneeded(*machines: Checkup) -> Memory:
    return Memory(unneeded=tuple(Unneeded(c.name, "web", NOW - HOUR) for c in machines))


def test_while_its_group_rolls_a_machine_goes_that_would_be_replaced_anyway() -> None:
    of = shop(3)
    used, idle, new = old(of, 1), old(of, 2), worker(of, 3)
    found = decided(of, used, idle, new, running=(used.name,), memory=long_unneeded(new, idle))
    assert [(c.replicas, c.going) for c in found.changes] == [(2, (idle.name,))]
    assert [(k.machine, k.why) for k in found.memory.kept] == [
        (new.name, "its group's machines are being replaced, and it is a new one")
    ]


def test_the_machine_that_a_rollout_made_first_is_no_room_that_lasts() -> None:
    """Three are there where two are wanted: one of the old ones is about to be taken, whatever becomes of another."""
    of = shop(2, min=0)
    machines = (old(of, 1), old(of, 2), worker(of, 3))
    two_used = tuple(c.name for c in machines[:2])
    assert not decided(of, *machines, running=two_used, memory=long_unneeded(*machines)).changes
    found = decided(of, *machines, running=two_used[:1], memory=long_unneeded(*machines))
    assert [(c.replicas, len(c.going)) for c in found.changes] == [(1, 1)]
    assert not {machines[2].name} & set(found.changes[0].going)


def test_pods_of_a_machine_that_is_drained_have_their_room_reserved() -> None:
    """They are about to want a place: the machine that has it does not go."""
    of = shop(2, min=0)
    leaving = old(of, 1, State.LEAVING)
    leaving = replace(
        leaving, machine=replace(leaving.machine, joined=True, removing=True, departure=Departure.ROLLOUT)
    )
    used, idle = old(of, 2), old(of, 3)
    running = (used.name, leaving.name)
    assert not decided(of, leaving, used, idle, running=running, memory=long_unneeded(idle)).changes
    empty = decided(of, leaving, used, idle, running=(used.name,), memory=long_unneeded(idle))
    assert [c.going for c in empty.changes] == [(idle.name,)]


def test_a_group_that_waits_for_its_window_gives_machines_back_and_grows_as_it_is() -> None:
    """NOW is a Tuesday at noon."""
    of = shop(2)
    window = MaintenanceWindow("02:00", 4, ("sun",))
    of = replace(of, spec=replace(of.spec, maintenance=window, automatic_since=NOW - HOUR))
    older = old(of, 7).machine.template.release
    template = replace(template_of(of, CONTROL_PLANE_GROUP), release=older)
    machine = replace(worker(of, 7).machine, group=CONTROL_PLANE_GROUP, role=Role.CONTROL_PLANE, template=template)
    place = Checkup(machine, MachineView(Existence.RUNNING), None, State.READY)
    used, idle = old(of, 1), old(of, 2)
    down = decided(of, place, used, idle, running=(used.name,), memory=long_unneeded(idle))
    assert [(c.replicas, c.going) for c in down.changes] == [(1, (idle.name,))]
    up = decided(of, place, used, idle, running=(used.name, idle.name), waiting=1)
    assert numbers(up) == [("web", 3, "TriggeredScaleUp")]


def test_of_machines_that_are_alike_the_older_kind_goes_first() -> None:
    of = replace(shop(2), spec=replace(shop(2).spec, rollout_paused=True))
    new, before = worker(of, 1), old(of, 2)
    later = Memory(unneeded=(Unneeded(new.name, "web", NOW - HOUR), Unneeded(before.name, "web", NOW - HOUR / 2)))
    assert [c.going for c in decided(of, new, before, memory=later).changes] == [(before.name,)]


def test_a_machine_less_than_is_wanted_holds_nothing_up_where_the_rollout_took_it() -> None:
    of = shop(3, min=0)
    used, idle = old(of, 1), old(of, 2)
    coming = worker(of, 3, State.COMING, age=timedelta(minutes=1))
    found = decided(of, used, idle, coming, running=(used.name,), memory=long_unneeded(idle))
    assert [(c.replicas, c.going) for c in found.changes] == [(2, (idle.name,))]
    settled = (worker(of, 1), worker(of, 2))
    still = decided(of, *settled, coming, running=(settled[0].name,), memory=long_unneeded(settled[1]))
    assert not still.changes  # nothing rolls: the group is not as wanted yet
