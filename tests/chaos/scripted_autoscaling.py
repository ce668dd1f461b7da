"""Short stories about node groups that grow and shrink by themselves, as those of `scripted`."""

from tests.chaos.customers import PROJECTS
from tests.chaos.scripted import expect, settled
from tests.chaos.shop import LIMITS, WEB, Shop
from tests.chaos.world import World

from navarch.domain.spec import Autoscaling
from navarch.simulator.pods import Workload

_ASKED_WITHIN, _SERVED_WITHIN, _PATIENCE = 10.0, 180.0, 570.0


def pods_come_and_go(world: World) -> None:
    """Eight pods for six machines, which are asked for at once; then none, and one machine stays."""
    shop = Shop(world, "shop")
    shop.inside.pods.wish(WEB)
    world.run(100.0)
    shop.inside.pods.scale("web", 8)
    world.run(_ASKED_WITHIN)
    expect(world, "placed", len(shop.workers()) > 1, "no machine was asked for within ten seconds")
    world.run_until(lambda: shop.waiting() == 2, _SERVED_WITHIN)
    expect(world, "placed", shop.waiting() == 2, f"{shop.waiting()} pods wait, two of them without a place")
    settled(world)
    shop.inside.pods.scale("web", 0)
    world.run(_PATIENCE)
    expect(world, "needed", len(shop.workers()) == 6, "machines went that were not unneeded for long enough")
    world.run_until(lambda: len(shop.workers()) == 1, 300.0)
    settled(world)
    expect(world, "needed", len(shop.workers()) == 1, f"{len(shop.workers())} machines stay for no pod")


def machines_are_half_full(world: World) -> None:
    """Three pods on each of four machines would fit on three; but each machine is used for more than a half."""
    shop = Shop(world, "shop", Autoscaling(1, 6, unneeded_seconds=60), workers=4)
    shop.inside.pods.wish(Workload("web", 12, requests=(("cpu", 200), ("memory", 64 << 20))))
    world.run(400.0)
    expect(world, "needed", len(shop.workers()) == 4, "a machine went that is used for more than its threshold")
    settled(world)


def a_quota_is_used_up(world: World) -> None:
    """The group that fits best has no quota: another one gets the pods, and it is left alone for a while."""
    shop = Shop(world, "shop", LIMITS)
    shop.add_group("big", "m1.medium", Autoscaling(0, 3))
    shop.add_group("small", "m1.small", Autoscaling(0, 3))
    shop.fix()
    world.run(30.0)
    used = sum(server["flavor"]["vcpus"] for server in world.region["server"].of(PROJECTS[0]))
    world.region.quotas[PROJECTS[0], "cores"] = used + 1
    # One has room; of the three others nothing much is left over on one big machine, a third on each small one.
    shop.inside.pods.wish(Workload("web", 4, requests=(("cpu", 600), ("memory", 512 << 20))))
    world.run_until(lambda: bool(shop.workers("small")), 120.0)
    expect(world, "placed", bool(shop.workers("small")), "a group without quota is all that is asked")
    del world.region.quotas[PROJECTS[0], "cores"]
    world.run_until(lambda: not shop.waiting(), 900.0)
    expect(world, "placed", not shop.waiting(), f"{shop.waiting()} pods wait, and there is quota")
    settled(world)
