"""Machines with devices: what they will have counts from zero, and while their device plugin is silent."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW, OFFER
from tests.unit.domain.test_autoscaling_decisions import HAS, HOUR, decided, numbers, shop, worker

from navarch.domain.autoscaling import Decision, Memory
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


def told_of_devices(found: Decision) -> list[str]:
    return [text for reason, _, text in found.told if reason == "DeviceNotShown"]


def test_once_no_machine_showed_its_device_in_time_the_same_pod_brings_no_other() -> None:
    """Else one would come, be given time, go without use and be asked for again, for ever."""
    of, none = with_gpus(1), with_gpus(0)
    late = decided(of, worker(of, 1, age=timedelta(minutes=15)), waiting=1, shape=TRAIN)
    (text,) = told_of_devices(late)
    assert text.startswith("web: shop-3f2a91bc-web-1 does not show nvidia.com/gpu") and "for 1 h after" in text
    assert f"look whether the device plugin of {GPU} runs on such machines" in text
    assert [d.until for d in late.memory.devices] == [None]

    gone = decided(none, waiting=1, shape=TRAIN, memory=late.memory, now=NOW + HOUR)
    assert not gone.changes and not told_of_devices(gone)
    assert f"Insufficient {GPU}, which a machine like it was to have" in gone.memory.helpless[0].verdicts[0].why
    assert [d.until for d in gone.memory.devices] == [NOW + 2 * HOUR]
    still = decided(none, waiting=1, shape=TRAIN, memory=gone.memory, now=NOW + 2 * HOUR - timedelta(seconds=1))
    assert not still.changes and still.memory.devices == gone.memory.devices
    assert numbers(decided(none, waiting=1, shape=TRAIN, memory=still.memory, now=NOW + 2 * HOUR))


def test_each_time_in_vain_the_wait_is_twice_as_long_up_to_a_day() -> None:
    of, none, memory, waits = with_gpus(1), with_gpus(0), Memory(), list[timedelta]()
    for number in range(1, 8):
        memory = decided(of, worker(of, number, age=timedelta(minutes=15)), memory=memory).memory
        memory = decided(none, memory=memory).memory
        (device,) = memory.devices
        assert device.until is not None
        waits.append(device.until - NOW)
        memory = replace(memory, devices=(replace(device, until=NOW),))
    assert waits == [n * HOUR for n in (1, 2, 4, 8, 16, 24, 24)]


def test_a_machine_that_is_away_for_a_moment_is_no_other_try() -> None:
    of, none, memory = with_gpus(1), with_gpus(0), Memory()
    for _ in range(4):
        memory = decided(of, worker(of, 1, age=timedelta(minutes=15)), memory=memory).memory
        (device,) = memory.devices
        assert (device.times, device.until) == (1, None)
        memory = decided(none, memory=memory).memory
    assert memory.devices[0].times == 1


def test_pods_that_need_no_device_bring_machines_of_such_a_group_as_before() -> None:
    of, none = with_gpus(1), with_gpus(0)
    memory = decided(of, worker(of, 1)).memory
    assert memory.devices
    assert numbers(decided(none, waiting=1, memory=memory)) == [("web", 1, "TriggeredScaleUp")]


def test_a_device_that_shows_and_one_that_is_promised_otherwise_are_hoped_for_again() -> None:
    of, none = with_gpus(1), with_gpus(0)
    memory = decided(none, memory=decided(of, worker(of, 1)).memory).memory
    assert memory.devices
    assert not decided(of, showing(worker(of, 2), SHOWN), memory=memory).memory.devices
    (group,) = none.node_groups
    two = Autoscaling(0, 4, capacity=((GPU, "2"),))
    other = replace(none, node_groups=(replace(group, spec=replace(group.spec, autoscaling=two)),))
    assert numbers(decided(other, waiting=1, shape=TRAIN, memory=memory)) == [("web", 1, "TriggeredScaleUp")]
    medium = replace(none, node_groups=(replace(group, spec=replace(group.spec, flavor="m1.medium")),))
    assert numbers(decided(medium, waiting=1, shape=TRAIN, memory=memory)) == [("web", 1, "TriggeredScaleUp")]


def test_while_nothing_is_hoped_for_a_young_machine_that_came_for_others_is_given_its_time() -> None:
    of, none = with_gpus(1), with_gpus(0)
    memory = decided(none, memory=decided(of, worker(of, 1)).memory).memory
    young = worker(of, 2, age=timedelta(minutes=1))
    found = decided(of, young, waiting=3, shape=TRAIN, memory=memory)
    assert not found.changes  # the first of them may have a place there: no more are hoped for
    assert [h.count for h in found.memory.helpless] == [2]
