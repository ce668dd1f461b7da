"""Machines with devices: what they will have counts from zero, and while their device plugin is silent."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW, OFFER
from tests.unit.domain.test_autoscaling_decisions import HAS, HOUR, decided, numbers, shop, worker

from navarch.domain.autoscaling import Memory
from navarch.domain.autoscaling.memory import Unneeded
from navarch.domain.health import Checkup
from navarch.domain.pods import PodShape
from navarch.domain.spec import Autoscaling, Cluster

GPU = "nvidia.com/gpu"
TRAIN = PodShape("default", requests=(("cpu", 100), (GPU, 1)))
SHOWN = (*HAS, (GPU, 1))


def with_gpus(replicas: int, **limits: int) -> Cluster:
    """The group says that its machines have one."""
    made = shop(replicas, **{"min": 0, **limits})
    (group,) = made.node_groups
    assert group.spec.autoscaling is not None
    autoscaling = replace(group.spec.autoscaling, capacity=((GPU, "1"),))
    return replace(made, node_groups=(replace(group, spec=replace(group.spec, autoscaling=autoscaling)),))


def showing(one: Checkup, shown: tuple[tuple[str, int], ...]) -> Checkup:
    assert one.node is not None
    return replace(one, node=replace(one.node, allocatable=shown))


def test_from_zero_a_pod_that_asks_for_a_device_brings_a_machine_of_the_group_that_will_have_it() -> None:
    assert numbers(decided(with_gpus(0), waiting=2, shape=TRAIN)) == [("web", 2, "TriggeredScaleUp")]
    none = decided(shop(0, min=0), waiting=2, shape=TRAIN)
    assert not none.changes and f"Insufficient {GPU}" in none.told[0][2]


def test_what_the_flavor_names_counts_as_what_the_group_names() -> None:
    offer = replace(OFFER, flavors=tuple(replace(f, capacity=((GPU, 1),)) for f in OFFER.flavors))
    found = decided(shop(0, min=0), waiting=2, shape=TRAIN, offer=offer)
    assert numbers(found) == [("web", 2, "TriggeredScaleUp")]


def test_a_machine_that_is_ready_before_its_device_plugin_brings_no_second() -> None:
    of = with_gpus(1)
    young = worker(of, 1, age=timedelta(minutes=14))
    assert not decided(of, young, waiting=1, shape=TRAIN).changes
    assert numbers(decided(of, young, waiting=2, shape=TRAIN)) == [("web", 2, "TriggeredScaleUp")]  # it has but one


def test_once_the_deadline_is_over_what_is_seen_counts_and_the_reason_says_so() -> None:
    of = with_gpus(1)
    late = worker(of, 1, age=timedelta(minutes=15))
    found = decided(of, late, waiting=1, shape=TRAIN)
    assert not found.changes  # another would be as this one is
    assert f"Insufficient {GPU}, which a machine like it was to have and does not show" in found.told[0][2]


def test_after_a_start_a_machine_is_given_time_again() -> None:
    of = with_gpus(1)
    late = worker(of, 1)
    assert late.node is not None
    started = replace(late, node=replace(late.node, since=NOW - timedelta(minutes=1)))
    assert not decided(of, started, waiting=1, shape=TRAIN).told
    assert decided(of, late, waiting=1, shape=TRAIN).told


def test_of_two_machines_the_one_that_shows_its_devices_says_what_the_next_will_have() -> None:
    of = with_gpus(2)
    broken, whole = worker(of, 1), showing(worker(of, 2), SHOWN)
    assert numbers(decided(of, broken, whole, waiting=2, shape=TRAIN)) == [("web", 3, "TriggeredScaleUp")]


def test_a_machine_is_hardly_used_where_nobody_asks_for_its_devices() -> None:
    """As other people's autoscalers have it: what is scarce is measured, and not the CPU of what runs beside it."""
    of = with_gpus(2)
    one, two = (showing(worker(of, n), (("cpu", 1000), ("memory", 1 << 30), ("pods", 110), (GPU, 1))) for n in (1, 2))
    memory = Memory(unneeded=tuple(Unneeded(c.name, "web", NOW - HOUR) for c in (one, two)))
    # Each runs a pod of 600 thousandths of a CPU: more than half, and they do not fit on one.
    busy = decided(of, one, two, running=(one.name, two.name), memory=memory)
    assert {k.why.partition(" ")[0] for k in busy.memory.kept} == {"pod"}  # looked at, as hardly used
    assert not decided(shop(2), worker(shop(2), 1), worker(shop(2), 2), running=(one.name, two.name)).memory.kept


def test_what_a_machine_shows_is_believed_also_where_it_is_less_than_was_promised() -> None:
    of = with_gpus(1)
    (group,) = of.node_groups
    limits = Autoscaling(0, 4, capacity=((GPU, "8"),))
    of = replace(of, node_groups=(replace(group, spec=replace(group.spec, autoscaling=limits)),))
    young = showing(worker(of, 1, age=timedelta(minutes=1)), SHOWN)
    assert numbers(decided(of, young, waiting=2, shape=TRAIN)) == [("web", 2, "TriggeredScaleUp")]
