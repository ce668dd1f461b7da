"""Short stories in calm weather, each about one promise: the same things happen in the same order every time. They show
what is rare in the stories from seeds, and which deliberate fault each promise notices.

A story is given a world, and raises Broken.
"""

from collections.abc import Callable
from datetime import timedelta

from tests.chaos import mishaps
from tests.chaos.customers import PROJECTS
from tests.chaos.database import Connection
from tests.chaos.invariants import Broken
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.calendar import Schedule
from navarch.domain.machines import Departure, Machine
from navarch.domain.spec import Role
from navarch.domain.status import Phase
from navarch.simulator import marks
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.nova import lifecycle

Script = Callable[[World], None]
_MADE_WITHIN, _CHANGED_WITHIN = 600.0, 2400.0


def tell(connection: Connection, script: Script) -> str:
    """Which promises a story breaks; empty: none."""
    world = World(connection, 1, Weather())
    try:
        script(world)
    except Broken as broken:
        return str(broken).partition("s: ")[2]
    finally:
        world.close()
    return ""


def a_group_rolls(world: World) -> None:
    """Pods with budgets run on workers that another flavor replaces."""
    cluster = _made(world, workers=3)
    world.customers.change_group(cluster, "web", flavor="m1.medium")
    settled(world)


def places_roll(world: World) -> None:
    """Another flavor for three machines of a control plane."""
    cluster = _made(world, control_plane=3, workers=0)
    world.run(120.0)  # who leads has led for a while
    world.customers.change_places(cluster, flavor="m1.small")
    settled(world)


def a_member_breaks_while_another_goes(world: World) -> None:
    """A machine of a control plane, on which its owner lets pods run, is drained for good when another one dies."""
    cluster = _made(world, control_plane=3, workers=0)
    for node in world.guests.clusters[cluster].nodes.values():
        node.taints = ()
    world.run(30.0)
    world.customers.change_places(cluster, flavor="m1.small")
    world.run_until(lambda: any(m.removing for m in _machines(world, cluster)), 120.0)
    _dies(world, next(m.name for m in _machines(world, cluster) if not m.removing))
    settled(world)


def a_member_stalls(world: World) -> None:
    """A member of etcd stands still on a machine that is well: etcd alone can tell."""
    cluster = _made(world, control_plane=3, workers=0)
    inside = world.guests.clusters[cluster]
    inside.etcd.stalled[min(inside.members)] = world.timeline.now
    world.run(100.0)
    world.customers.change_image(cluster, 1)
    world.customers.change_places(cluster, flavor="m1.small")
    world.run(200.0)
    inside.etcd.stalled.clear()
    settled(world)


def a_zone_is_cut_off(world: World) -> None:
    """All machines of a zone fall silent, and are heard again: nothing is replaced."""
    cluster = _made(world, workers=4, zones=("z2", "z3"))
    world.customers.change_group(cluster, "web", repair_after_seconds=120, max_unhealthy="100%")
    silent = [m.name for m in _machines(world, cluster) if m.zone == "z2"]
    servers = [_dies(world, name) for name in silent]
    world.run(400.0)
    for server_id in servers:
        world.guests.restart(server_id)
    settled(world)
    expect(world, "brake", set(silent) <= {m.name for m in _machines(world, cluster)}, f"{silent} were replaced")


def repairs_take_long(world: World) -> None:
    """Two of five workers are being replaced, which takes its time, when a third dies."""
    cluster = _made(world, workers=5, zones=("z1", "z2", "z3"))
    world.customers.change_group(cluster, "web", repair_after_seconds=120)
    world.run(20.0)
    workers = [m for m in _machines(world, cluster) if m.role is Role.WORKER]
    world.chance.weather = Weather(cloud_conflict=1.0)  # no server goes
    for machine in workers[:2]:
        _dies(world, machine.name)
    world.run_until(lambda: sum(m.removing for m in _machines(world, cluster)) == 2, 300.0)
    _dies(world, workers[2].name)
    world.run(400.0)
    world.chance.weather = Weather()
    settled(world)


def an_image_is_broken(world: World) -> None:
    """No machine that is made from the new image becomes a node. The customer goes back."""
    cluster = _made(world, workers=3)
    before = {m.name for m in _machines(world, cluster)}
    world.customers.change_group(cluster, "web", max_surge=3, max_unavailable=1)
    world.chance.weather = Weather(machine_mute=1.0)
    world.customers.change_group(cluster, "web", flavor="m1.medium")
    world.run(3000.0)
    now = _machines(world, cluster)
    untouched = {m.name for m in now if m.joined and not m.removing}
    expect(world, "canary", before <= untouched, f"{sorted(before - untouched)} went for a machine that never came")
    expect(world, "canary", len(now) == len(before) + 1, f"there are {sorted(m.name for m in now)}")
    said = world.api.cluster(cluster, project_id=None).status.condition("WorkersReady")
    told = said is not None and said.reason == "RolloutStopped" and said.remedy and "flavor m1.small" in said.message
    expect(world, "canary", bool(told), f"it says {said}")
    world.chance.weather = Weather()
    world.customers.change_group(cluster, "web", flavor="m1.small")
    settled(world)
    expect(world, "canary", {m.name for m in _machines(world, cluster)} == before, "going back replaced machines")


def a_control_planes_image_is_broken(world: World) -> None:
    """No machine of a new flavor becomes a node: of three places one changes. The customer goes back."""
    cluster = _made(world, control_plane=3, workers=0)
    before = {m.name: m.template for m in _machines(world, cluster)}
    world.chance.weather = Weather(machine_mute=1.0)
    world.customers.change_places(cluster, flavor="m1.small")
    world.run(1500.0)
    others = {m.name for m in _machines(world, cluster) if not m.removing and m.template != before[m.name]}
    expect(world, "canary", len(others) == 1, f"{sorted(others)} were replaced")
    said = world.api.cluster(cluster, project_id=None).status.condition("ControlPlaneReady")
    told = said is not None and said.reason == "RolloutStopped" and said.remedy and "m1.small" in said.message
    expect(world, "canary", bool(told), f"it says {said}")
    world.chance.weather = Weather()
    world.customers.change_places(cluster, flavor=next(iter(before.values())).flavor)
    settled(world)


def a_webhook_denies_everything(world: World) -> None:
    """Users of the cluster have a webhook that lets no pod go, and a group becomes smaller."""
    cluster = _made(world, workers=3)
    before = {m.name for m in _machines(world, cluster)}
    pods = world.guests.clusters[cluster].pods
    pods.denial = 'admission webhook "no.example.com" denied the request: not today'
    world.customers.change_group(cluster, "web", replicas=2)
    world.run(600.0)
    said = world.api.cluster(cluster, project_id=None).status.condition("WorkersReady")
    told = said is not None and said.responsible == "user" and said.remedy and "not today" in said.message
    expect(world, "drained", bool(told), f"it says {said}")
    expect(world, "drained", before == {m.name for m in _machines(world, cluster)}, "a machine went all the same")
    pods.denial = ""
    settled(world)


def a_person_overrules_a_schedule(world: World) -> None:
    """Who stops a cluster that its schedule has started finds it stopped until the schedule's next start."""
    cluster = _made(world, workers=1)
    now = world.timeline.date()
    start, stop = (f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (5, 40))
    world.customers.schedule(cluster, Schedule(start, stop))
    world.run(600.0)
    world.customers.switch(cluster, False)
    world.run(900.0)
    expect(world, "power", _phase(world, cluster) is Phase.STOPPED, f"a stopped cluster is {_phase(world, cluster)}")
    world.customers.schedule(cluster, None)
    world.customers.switch(cluster, True)
    settled(world)


def a_stop_and_a_start(world: World) -> None:
    """A stopped cluster comes back as it was."""
    cluster = _made(world, control_plane=3, workers=2)
    world.customers.wish_inside(cluster, claims=1)
    world.run(60.0)
    before = {m.name for m in _machines(world, cluster)}
    world.customers.switch(cluster, False)
    settled(world)
    world.run(900.0)  # longer than a repair waits
    world.customers.switch(cluster, True)
    settled(world)
    expect(world, "power", {m.name for m in _machines(world, cluster)} == before, "a start replaced machines")


def a_control_plane_shrinks_and_is_to_be_as_large_again(world: World) -> None:
    """Three are wanted again while the last one that was too many leaves: etcd has two members, and needs both."""
    cluster = _made(world, control_plane=3, workers=0)
    world.customers.change_places(cluster, replicas=1)

    def the_last_one_leaves() -> bool:
        mine = [m for m in _machines(world, cluster) if m.role is Role.CONTROL_PLANE]
        return len(mine) == 2 and any(m.removing and m.name not in world.guests.clusters[cluster].nodes for m in mine)

    expect(world, "convergence", world.run_until(the_last_one_leaves, _CHANGED_WITHIN), "nobody left")
    world.customers.change_places(cluster, replicas=3)
    settled(world)
    expect(world, "convergence", len(_machines(world, cluster)) == 3, "there are not three")


def a_worker_was_off_for_long_before_the_others(world: World) -> None:
    """While one worker ends its pods, another is off, and NotReady, for longer than a repair waits."""
    cluster = _made(world, workers=2)
    world.customers.change_group(cluster, "web", repair_after_seconds=60)
    world.run(20.0)
    before = {m.name: m for m in _machines(world, cluster)}
    inside = world.guests.clusters[cluster]
    late = next(m.name for m in before.values() if m.role is Role.WORKER)
    world.customers.switch(cluster, False)
    settled(world)
    inside.nodes[late].since -= 600.0
    inside.nodes[late].was_ready = False
    inside.nodes[late].registered = world.timeline.now + 60.0  # its kubelet needs a while
    world.customers.switch(cluster, True)
    world.run(45.0)
    if late in inside.nodes:
        inside.nodes[late].registered = 0.0
    settled(world)
    expect(world, "power", {m.name for m in _machines(world, cluster)} == set(before), "a start replaced machines")


def certificates_end_while_it_is_off(world: World) -> None:
    """A cluster is off for ten days: nothing that was switched on again would become a node."""
    cluster = _made(world, control_plane=3, workers=3)
    world.customers.wish_inside(cluster, claims=1)
    world.run(60.0)
    world.customers.switch(cluster, False)
    settled(world)
    members = set(world.guests.clusters[cluster].members)
    for process in world.processes:  # nobody has to look for ten days
        world.schedule.kill(process)
    world.timeline.advance(world.timeline.now + 10 * 86_400.0)
    world.start_worker()
    world.customers.switch(cluster, True)
    settled(world)
    same = set(world.guests.clusters[cluster].members) == members
    expect(world, "power", same, "the members of etcd are others than before")


def the_operator_pauses(world: World) -> None:
    """A server is lost while the operator has nothing done for its project."""
    cluster = _made(world, workers=2)
    world.customers.create("other", PROJECTS[1], workers=0)  # workers have something to do
    world.mishaps.operator_pauses(PROJECTS[0], True)
    _vanishes(world, next(m.name for m in _machines(world, cluster) if m.role is Role.WORKER))
    world.run(400.0)
    world.mishaps.operator_pauses(PROJECTS[0], False)
    settled(world)


def the_api_is_opened_to_few(world: World) -> None:
    """Who may reach the API changes, and changes back."""
    cluster = _made(world, workers=0)
    for allowed in (("198.51.100.0/24",), ("198.51.100.0/24", "198.18.0.7/32"), ()):
        world.customers.restrict(cluster, allowed)
        settled(world)


def somebody_renames_what_was_just_made(world: World) -> None:
    """A network loses its name and its mark a moment after it was made, and its worker dies before it has come to the
    end of what it was about."""
    cluster = world.customers.create("shop", PROJECTS[0], control_plane=1, workers=1, zones=("z1",))

    def networks() -> list[Object]:
        return [found for found, owner, _ in marks.belonging(world.region, "network") if owner == cluster]

    while not networks():
        world.schedule.run(world.timeline.now + 0.1)
    world.schedule.run(world.timeline.now + 0.3)
    mishaps.rename(networks()[0])
    _replace_worker(world)
    settled(world)
    world.customers.delete(cluster)
    settled(world)


def a_workers_clock_is_off(world: World) -> None:
    """A cluster grows, is stopped and started, and a node of it dies, in the hands of workers whose clocks are far
    ahead, and far behind."""
    cluster = _made(world, workers=2)
    world.customers.change_group(cluster, "web", repair_after_seconds=120)
    for replicas, skew in ((3, 900.0), (4, -900.0)):
        _replace_worker(world, skew)
        world.customers.change_group(cluster, "web", replicas=replicas)
        settled(world)
        _nothing_was_repaired(world, cluster)
        world.customers.switch(cluster, False)
        settled(world)
        world.run(200.0)  # longer than a repair waits
        world.customers.switch(cluster, True)
        settled(world)
        _nothing_was_repaired(world, cluster)
    _is_replaced_in_time(world, cluster)


def a_clusters_clock_is_off(world: World) -> None:
    """The clocks of a cluster's machines are far behind, and far ahead, while it grows and a node of it dies."""
    cluster = _made(world, workers=2)
    world.customers.change_group(cluster, "web", repair_after_seconds=120)
    world.guests.clusters[cluster].clock_ahead = timedelta(minutes=-15)
    world.customers.change_group(cluster, "web", replicas=3)
    settled(world)
    _nothing_was_repaired(world, cluster)
    world.guests.clusters[cluster].clock_ahead = timedelta(minutes=15)
    _is_replaced_in_time(world, cluster)


def the_clouds_clock_is_off(world: World) -> None:
    """A cluster is made where the cloud's clock is so far behind that each server seems to be old."""
    world.region.clock_ahead = timedelta(minutes=-20)
    cluster = _made(world, workers=2)
    servers = {s.id for s, owner, _ in marks.belonging(world.region, "server") if owner == cluster}
    world.customers.change_group(cluster, "web", replicas=3)
    settled(world)
    there = {s.id for s, owner, _ in marks.belonging(world.region, "server") if owner == cluster}
    expect(world, "clocks", servers <= there, "servers were made anew")


# -- details


def _made(world: World, *, control_plane: int = 1, workers: int = 2, zones: tuple[str, ...] = ("z1", "z2")) -> str:
    """A cluster that is used: its pods run."""
    cluster = world.customers.create("shop", PROJECTS[0], control_plane=control_plane, workers=workers, zones=zones)
    settled(world, _MADE_WITHIN)
    world.customers.deploy(cluster)
    world.run(10.0)
    return cluster


def settled(world: World, within: float = _CHANGED_WITHIN) -> None:
    """All is as it was asked for, in time, and nothing was broken on the way."""
    if not world.run_until(world.invariants.settled, within):
        world.invariants.broken("convergence", f"{world.invariants.unsettled()} was not as asked for")
    world.invariants.at_rest()


def expect(world: World, promise: str, holds: bool, otherwise: str) -> None:
    """Have a promise broken where it does not hold."""
    world.invariants.checked[promise] += 1
    if not holds:
        world.invariants.broken(promise, otherwise)
    world.invariants.raise_what_was_broken()


def _nothing_was_repaired(world: World, cluster: str) -> None:
    gone = [m.name for m in world.api.machines(cluster, removed=True) if m.departure is Departure.REPAIR]
    expect(world, "clocks", not gone, f"{gone} were repaired")


def _is_replaced_in_time(world: World, cluster: str) -> None:
    """A worker dies; its group waits for two minutes before it is repaired, and Navarch looks each minute."""
    name = next(m.name for m in _machines(world, cluster) if m.role is Role.WORKER)
    _dies(world, name)
    is_going = lambda: any(m.name == name and m.removing for m in world.api.machines(cluster, removed=True))  # noqa: E731
    expect(world, "clocks", not world.run_until(is_going, 100.0), f"{name} was repaired too early")
    expect(world, "clocks", world.run_until(is_going, 150.0), f"{name} was not repaired in time")
    settled(world)


def _replace_worker(world: World, skew: float = 0.0) -> None:
    """Another worker process has the cluster from now on. `skew`: how wrong its clock is, in seconds."""
    for process in world.processes:
        world.schedule.kill(process)
    world.start_worker(skew)


def _machines(world: World, cluster: str) -> list[Machine]:
    return list(world.api.machines(cluster))


def _phase(world: World, cluster: str) -> Phase:
    return world.api.cluster(cluster, project_id=None).status.phase


def _dies(world: World, name: str) -> str:
    """A machine is silent from now on; its server's id."""
    server = next(s for s, _, _ in marks.belonging(world.region, "server") if s.name == name)
    world.guests.stop(server.id)
    return server.id


def _vanishes(world: World, name: str) -> None:
    server = next(s for s, _, _ in marks.belonging(world.region, "server") if s.name == name)
    lifecycle.vanish(world.region, server)
