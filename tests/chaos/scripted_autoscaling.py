"""Short stories about node groups that grow and shrink by themselves, as those of `scripted`."""

from tests.chaos.customers import PROJECTS
from tests.chaos.scripted import expect, settled
from tests.chaos.shop import LIMITS, WEB, Shop
from tests.chaos.world import World

from navarch.domain.conditions import ABLE_TO_SCALE
from navarch.domain.node_labels import NODE_GROUP, ZONE
from navarch.domain.spec import Autoscaling, Role, Spare
from navarch.simulator.pods import Workload

_NOBODYS = "example.com/nobodys"  # a device that no plugin announces
_ASKED_WITHIN, _SERVED_WITHIN, _PATIENCE = 10.0, 180.0, 570.0
_NOTICED_WITHIN = 30.0  # that pods came: asked every 15 s, and time to decide
_GONE_WITHIN = 60.0  # after 570 s: ten minutes, 20 s until it is noticed that pods went, and time to decide


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
    world.run_until(lambda: len(shop.workers()) == 1, _GONE_WITHIN)
    expect(world, "needed", len(shop.workers()) == 1, f"{len(shop.workers())} machines stay for no pod")
    settled(world)


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


def room_is_kept_free(world: World) -> None:
    """A pod more has its place at once, and the next machine comes for the one after it, up to the limit."""
    shop = Shop(world, "shop", Autoscaling(0, 3, unneeded_seconds=60, spare=Spare(1, 800)))
    for pods in (0, 1, 2):
        if pods == 1:
            shop.inside.pods.wish(WEB)
        elif pods:
            shop.inside.pods.scale("web", pods)
        world.run(5.0)
        expect(world, "spare", not shop.waiting(), f"of {pods} pods one waits, and room was kept free")
        _until_there_are(shop, pods + 1)
        expect(world, "spare", len(shop.workers()) == pods + 1, f"{len(shop.workers())} machines for {pods} pods")
        settled(world)
        world.run(120.0)  # its node is Ready
    shop.inside.pods.scale("web", 3)
    world.run(300.0)
    expect(world, "spare", not shop.waiting(), "the last pod waits")
    expect(world, "spare", len(shop.told("SpareNotKept")) == 1, "nobody was told that there is no room to spare")
    refilled = len(shop.told("SpareKept"))
    shop.inside.pods.scale("web", 0)
    world.run(600.0)
    settled(world)
    expect(world, "spare", len(shop.workers()) == 1, f"{len(shop.workers())} machines hold the room to spare")
    made = sum(m.role is Role.WORKER for m in world.api.machines(shop.id, removed=True))
    expect(world, "spare", len(shop.told("SpareKept")) > refilled, "nobody was told that the room is there again")
    expect(world, "spare", made == 3, f"{made} machines were made, of which some held the room and went")


def a_device_never_shows(world: World) -> None:
    """Nobody installed the plugin: one machine goes after it was given its time, and the next comes an hour later."""
    shop = Shop(world, "shop", LIMITS)
    limits = Autoscaling(0, 2, unneeded_seconds=60, max_provision_seconds=300, capacity=((_NOBODYS, "1"),))
    shop.add_group("plain", "m1.medium", limits)
    shop.inside.pods.wish(Workload("train", 1, requests=(("cpu", 100), (_NOBODYS, 1))))

    def made() -> int:
        return sum(m.group == "plain" for m in world.api.machines(shop.id, removed=True))

    world.run_until(lambda: made() == 1, 60.0)
    expect(world, "placed", made() == 1, "no machine was asked for though it may have the device")
    world.run(3000.0)
    expect(world, "in vain", made() == 1, f"{made()} machines came for a device that none has")
    expect(world, "needed", not shop.workers("plain"), "the machine stays, and nobody needs it")
    (told,) = shop.told("DeviceNotShown")
    expect(world, "in vain", "look whether the device plugin" in told, told)
    condition = world.api.cluster(shop.id, project_id=None).status.condition(ABLE_TO_SCALE)
    acts = (condition.reason, condition.responsible) if condition is not None else None
    expect(world, "in vain", acts == ("DeviceNotShown", "user"), f"who must act is not said: {condition}")
    world.run_until(lambda: made() == 2, 3000.0)
    expect(world, "placed", made() == 2, "it was not tried again an hour later")
    world.run(60.0)
    condition = world.api.cluster(shop.id, project_id=None).status.condition(ABLE_TO_SCALE)
    expect(world, "in vain", condition is None, f"it is tried again, and the condition stays: {condition}")
    settled(world)


def a_volume_is_in_a_zone(world: World) -> None:
    """A pod with a claim asks for the second zone. It goes, its machine too; it comes again, says nothing of zones, and
    its machine comes where the volume is: from zero, of a group for each zone, of one over both, and after a start."""
    shop = Shop(world, "shop", LIMITS)
    shop.fix()
    limits = Autoscaling(0, 2, unneeded_seconds=60)
    for group, zone in (("first", "z1"), ("second", "z2")):  # what is equal is decided by name
        shop.add_group(group, "m1.medium", limits, (zone,))
    _runs_in_the_second_zone(shop, "second", Workload("db", 1, claim="data", node_selector=((ZONE, "z2"),)))
    _runs_in_the_second_zone(shop, "second", Workload("db", 1, claim="data"))
    shop.add_group("over-both", "m1.medium", limits, ("z1", "z2"))
    its = (NODE_GROUP, "over-both")
    _runs_in_the_second_zone(shop, "over-both", Workload("db", 1, claim="logs", node_selector=(its, (ZONE, "z2"))))
    _runs_in_the_second_zone(shop, "over-both", Workload("db", 1, claim="logs", node_selector=(its,)))
    world.customers.switch(shop.id, False)
    settled(world)
    world.run(900.0)
    world.customers.switch(shop.id, True)
    settled(world)
    _runs_in_the_second_zone(shop, "over-both", Workload("db", 1, claim="logs", node_selector=(its,)))
    volumes = {v["name"]: v["availability_zone"] for v in world.region["volume"].of(PROJECTS[0])}
    there = {name: volumes.get(name) for name in ("data", "logs")}
    expect(world, "zonal", set(there.values()) == {"z2"}, f"the volumes are elsewhere: {there}")


def _runs_in_the_second_zone(shop: Shop, group: str, workload: Workload) -> None:
    """Its pod comes, and its machine, from zero; then both go."""
    world = shop.world
    shop.inside.pods.wish(workload)
    world.run_until(lambda: bool(shop.inside.pods_seen().placed), _SERVED_WITHIN)
    made = [(machine.group, machine.zone) for machine in shop.workers() if machine.group != "web"]
    expect(world, "zonal", made == [(group, "z2")], f"for a volume in z2 came {made}")
    expect(world, "zonal", not shop.waiting(), "the pod waits, and its machine is there")
    settled(world)
    shop.inside.pods.scale("db", 0)
    world.run_until(lambda: not shop.workers(group), 120.0 + _NOTICED_WITHIN)
    expect(world, "needed", not shop.workers(group), "the machine stays, and nobody needs it")
    settled(world)


def _until_there_are(shop: Shop, machines: int) -> None:
    shop.world.run_until(lambda: len(shop.workers()) == machines, _NOTICED_WITHIN)
