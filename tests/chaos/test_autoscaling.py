"""Node groups that grow and shrink by themselves, in virtual time: nothing here knows how that is decided."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from tests.chaos.__main__ import databases
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.run import CONVERGED_WITHIN
from tests.chaos.shop import LIMITS, WEB, Shop
from tests.chaos.test_ordinary_people import is_gone
from tests.chaos.weather import STORM, Weather
from tests.chaos.world import World

from navarch.domain.spec import Autoscaling
from navarch.domain.status import Phase
from navarch.simulator.pods import Workload

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
ROUGH = replace(STORM, by_hand=0.0)  # what becomes of things that people remove is the other stories'


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with databases(1) as found, connect(found[0]) as connection:
        world = World(connection, 1, Weather())
        yield world
        world.close()


def test_pods_bring_machines_up_to_the_limit_and_machines_without_use_go(world: World) -> None:
    shop = Shop(world, "shop")
    group = shop.groups()[0].name
    shop.inside.pods.wish(WEB)
    world.run(60.0)
    assert len(shop.workers()) == 1 and not shop.waiting()  # there is room for one

    began = world.timeline.now
    shop.inside.pods.scale("web", 8)
    assert world.run_until(lambda: len(shop.workers()) == 6, 15.0)  # all at once
    assert world.run_until(lambda: shop.waiting() == 2, 300.0)
    assert world.run_until(world.invariants.settled, 300.0)
    assert world.timeline.now - began < 180.0
    world.run(120.0)
    assert len(shop.workers()) == 6 and shop.groups()[0].spec.replicas == 6  # never above the limit
    (grown,) = shop.told("TriggeredScaleUp")
    assert grown.startswith(f"{group}: 1 → 6 machines (max 6): 5 pods, ")
    assert any("max node group size reached" in text for text in shop.told("NotTriggerScaleUp"))
    told = {(event.reason, event.message) for event in shop.inside.pods.told}
    assert told == {
        ("TriggeredScaleUp", f"pod triggered scale-up: [{{{group} 1->6 (max: 6)}}]"),
        ("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached"),
    }

    shop.inside.pods.scale("web", 1)
    last, began = next(pod.node for pod in shop.inside.pods_seen().placed), world.timeline.now
    world.run(580.0)
    assert len(shop.workers()) == 6  # hysteresis: ten minutes
    assert world.run_until(lambda: len(shop.workers()) == 1, 300.0)
    assert world.run_until(world.invariants.settled, 300.0)
    world.run(900.0)
    assert [m.name for m in shop.workers()] == [last] and shop.groups()[0].spec.replicas == 1  # never below
    assert not shop.waiting() and shop.inside.pods.available("web", world.timeline.now) == 1


def test_load_that_comes_and_goes_makes_no_machine_and_removes_none(world: World) -> None:
    shop = Shop(world, "flap")
    shop.inside.pods.wish(replace(WEB, replicas=3))
    assert world.run_until(lambda: len(shop.workers()) == 3 and not shop.waiting(), 600.0)
    made = len(world.api.machines(shop.id, removed=True))
    for _ in range(6):
        shop.inside.pods.scale("web", 1)
        world.run(300.0)
        shop.inside.pods.scale("web", 3)
        world.run(120.0)
    assert len(world.api.machines(shop.id, removed=True)) == made and len(shop.workers()) == 3


def test_a_cluster_that_is_stopped_is_not_looked_at_for_its_pods(world: World) -> None:
    shop = Shop(world, "off")
    world.customers.switch(shop.id, on=False)
    assert world.run_until(lambda: world.api.cluster(shop.id, project_id=None).status.phase is Phase.STOPPED, 600.0)

    def calls() -> int:
        """Of all clusters of this world, in a quarter of an hour."""
        before = world.calls
        world.run(900.0)
        return world.calls - before

    with_it = calls()
    world.customers.delete(shop.id)
    assert world.run_until(lambda: is_gone(world, shop.id), 900.0)
    assert with_it - calls() < 600, "a look a minute, not ten"


def test_a_group_for_which_the_cloud_has_no_room_makes_way_for_another(world: World) -> None:
    shop = Shop(world, "full")
    shop.add_group("big", "m1.medium", Autoscaling(0, 3))
    shop.add_group("small", "m1.small", Autoscaling(0, 3))
    shop.fix()
    assert world.run_until(world.invariants.settled, 300.0)
    used = sum(s["flavor"]["vcpus"] for s in world.region["server"].of(PROJECTS[0]))
    world.region.quotas[PROJECTS[0], "cores"] = used + 1
    try:
        # One has room; of the three others nothing much is left over on one big machine, a third on each small one.
        shop.inside.pods.wish(Workload("web", 4, requests=(("cpu", 600), ("memory", 512 << 20))))
        assert world.run_until(lambda: bool(shop.told("FailedToScaleUpGroup")), 120.0)
        assert world.run_until(lambda: len(shop.workers("small")) > 0, 60.0)
        assert not shop.workers("big") and "QuotaExceeded" in shop.told("FailedToScaleUpGroup")[0]
    finally:
        del world.region.quotas[PROJECTS[0], "cores"]
    assert world.run_until(lambda: not shop.waiting(), 900.0)


def test_a_machine_comes_for_a_device_and_no_second_while_its_plugin_is_silent(world: World) -> None:
    shop = Shop(world, "gpu")
    shop.add_group("gpus", "g1.medium", replace(LIMITS, min=0, unneeded_seconds=60))
    shop.inside.pods.wish(Workload("train", 1, requests=(("cpu", 100), ("nvidia.com/gpu", 1))))
    assert world.run_until(lambda: len(shop.workers("gpus")) == 1, 15.0)
    assert world.run_until(world.invariants.settled, 300.0)
    began = world.timeline.now
    assert shop.waiting() == 1  # its node is Ready, and shows no device yet
    assert world.run_until(lambda: not shop.waiting(), 120.0)
    assert world.timeline.now - began > 30.0
    assert len(world.api.machines(shop.id, removed=True)) == 3  # control plane, web, and this one
    shop.inside.pods.scale("train", 0)
    assert world.run_until(lambda: not shop.workers("gpus"), 300.0)


def test_a_group_that_rolls_gives_machines_back_and_brings_them(world: World) -> None:
    """The first new machine is looked at for ten minutes; meanwhile pods go, and more of them come."""
    shop = Shop(world, "roll", replace(LIMITS, unneeded_seconds=60), workers=5)
    shop.inside.pods.wish(replace(WEB, replicas=5))
    assert world.run_until(lambda: not shop.waiting(), 60.0)
    world.customers.change_soak(shop.id, 600)
    world.customers.change_image(shop.id, 1)

    def images() -> Counter[str]:
        return Counter(m.template.release.image_id for m in shop.workers() if m.joined)

    assert world.run_until(lambda: len(images()) == 2, 300.0)
    new = world.offer.releases[1].image_id
    shop.inside.pods.scale("web", 2)
    assert world.run_until(lambda: len(shop.workers()) == 3 and shop.groups()[0].spec.replicas == 2, 400.0)
    assert images()[new] == 1, "the new one stays, and old ones went"
    shop.inside.pods.scale("web", 6)
    assert world.run_until(lambda: shop.groups()[0].spec.replicas == 6, 60.0)
    assert world.run_until(lambda: not shop.waiting(), 300.0)
    world.customers.change_soak(shop.id, 0)
    assert world.run_until(world.invariants.settled, 900.0)
    assert images() == {new: 6} and not shop.waiting()


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_the_limits_hold_and_what_has_room_is_placed_in_the_end(seed: int) -> None:
    """Workers die, requests fail, machines are lost, while load comes and goes; invariants watch that no pod goes
    against its budget, no machine with pods on it, and that no number is outside of its limits."""
    with databases(1) as found, connect(found[0]) as connection:
        world = World(connection, seed, ROUGH, workers=2)
        world.chance.stormy = False
        try:
            shop, random = Shop(world, "shop", replace(LIMITS, unneeded_seconds=120)), Random(seed)
            world.chance.stormy = True
            shop.inside.pods.wish(WEB)
            for _ in range(8):
                shop.inside.pods.scale("web", random.randint(1, 8))
                world.run(random.uniform(60.0, 400.0))
                assert 1 <= shop.groups()[0].spec.replicas <= 6
                assert len(shop.workers()) <= 6
            shop.inside.pods.scale("web", 5)
            world.mishaps.calm()
            assert world.run_until(lambda: world.invariants.settled() and not shop.waiting(), CONVERGED_WITHIN)
            assert len(shop.workers()) >= 5
            world.invariants.at_rest()
        finally:
            world.close()
