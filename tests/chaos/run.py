"""One run from its seed: a story in which customers ask for things while the weather is bad, and what came of it.

create, change, stop, delete inside and outside   while faults of one kind, or of all kinds, happen
the storm ends                                everything must become as it was asked for
what was stopped is started                   and must be as it was
another storm, and everything is deleted      nothing may be left
"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from random import Random
from time import perf_counter
from typing import Any

from tests.chaos.customers import PROJECTS, ZONES
from tests.chaos.database import Connection
from tests.chaos.invariants import Broken
from tests.chaos.weather import STORM, Weather
from tests.chaos.world import World

from navarch.domain import names
from navarch.domain.spec import Taint, VolumeSpec

STORM_SECONDS, LONG_STORM_SECONDS = 240.0, 1200.0  # the long one is longer than every deadline
SEEN_WITHIN = 220.0  # virtual seconds until a cluster that is Ready is looked at again, with jitter
CONVERGED_WITHIN = 5400.0  # virtual seconds after the last fault; three rounds of people acting on conditions


@dataclass(frozen=True)
class Report:
    """What came of a run. `broken` is empty where every promise was kept."""

    seed: int
    broken: str
    faults: Counter[str]
    checked: Counter[str]
    calls: int
    virtual_seconds: float
    seconds: float
    converged_in: float
    log: tuple[str, ...]


def weather_of(random: Random) -> Weather:
    """All faults mixed in half of the runs, one kind alone and often in the others."""
    if random.random() < 0.5:
        return STORM
    name = random.choice([f.name for f in fields(Weather) if getattr(STORM, f.name)])
    return replace(Weather(), **{name: min(0.9, 3 * getattr(STORM, name))})


def run(connection: Connection, seed: int, weather: Weather | None = None) -> Report:
    """Tell the story of this seed."""
    began, random = perf_counter(), Random(seed)
    drawn = weather_of(random)
    world = World(connection, seed, weather or drawn, workers=random.choice((1, 2, 5)))
    converged = 0.0
    try:
        _build(world, random)
        converged = settle(world, "was not as asked for")
        _start(world)
        _remove(world, random)
        settle(world, "was not gone")
        broken = ""
    except Broken as error:
        broken = str(error)
    finally:
        world.close()
    return Report(
        seed, broken, world.chance.struck, world.invariants.checked, world.calls, world.timeline.now,
        perf_counter() - began, converged, tuple(world.log),
    )  # fmt: skip


def _build(world: World, random: Random) -> None:
    clusters = []
    for number in range(random.choice((1, 1, 2))):
        project = random.choice(PROJECTS)
        made = world.customers.create(
            f"shop{number}", project, control_plane=random.choice((1, 3)), workers=random.randint(0, 3)
        )
        world.customers.plant(project, names.stem(world.api.cluster(made, project_id=None).cluster))
        clusters.append(made)
    if random.random() < 0.5:  # it is there, and used, before anything goes wrong
        world.chance.stormy = False
        world.run_until(world.invariants.settled, CONVERGED_WITHIN)
        for made in clusters:
            world.customers.deploy(made)
        world.chance.stormy = True
    end = world.timeline.now + random.choice((*[STORM_SECONDS] * 7, LONG_STORM_SECONDS))
    while world.timeline.now < end:
        world.run(random.uniform(5.0, 60.0))
        _something(world, random, random.choice(clusters))
        for made in clusters:
            world.customers.deploy(made)  # as soon as there is a Kubernetes: pods with budgets stand in what follows
    world.mishaps.calm()


def _something(world: World, random: Random, cluster: str) -> None:
    """What a customer may ask for."""
    customers = world.customers
    match random.randrange(16):
        case 0 | 1:
            customers.change_group(cluster, "web", replicas=random.randint(0, 4))
        case 2:
            customers.add_group(cluster, "more", random.randint(1, 2))
        case 3:
            customers.remove_group(cluster, "more")
        case 4:
            customers.restrict(cluster, random.choice(((), ("198.51.100.0/24",))))
        case 5:
            customers.wish_inside(cluster, services=random.randint(0, 2), claims=random.randint(0, 2))
        case 6:
            customers.pause(cluster, random.random() < 0.5)
        case 7 | 8:
            customers.change_group(cluster, random.choice(("web", "more")), **_another_group(random))
        case 9:
            customers.change_image(cluster, random.randrange(2))
        case 10:
            customers.change_places(cluster, flavor=random.choice(("m1.small", "m1.medium")))
        case 11:
            count = random.choice((1, 3))
            customers.change_places(cluster, replicas=count, zones=ZONES[:count])
        case 12 | 13:
            customers.switch(cluster, random.random() < 0.5)
        case 14:
            customers.pause_rollout(cluster, random.random() < 0.5)


def _another_group(random: Random) -> dict[str, Any]:
    """Something else about a group: what its machines are, or how they are replaced."""
    return random.choice(
        (
            {"flavor": "m1.medium"},
            {"flavor": "m1.small"},
            {"zones": ("z2", "z3")},
            {"root_volume": VolumeSpec("ssd", 20)},
            {"labels": (("tier", "front"),), "taints": (Taint("dedicated", "PreferNoSchedule", "web"),)},
            {"labels": (), "taints": ()},
            {"max_surge": 0, "max_unavailable": 1},
            {"max_surge": "100%", "max_unavailable": 0},
            {"force_drain": True},
            {"repair_after_seconds": 60},
        )
    )


def _start(world: World) -> None:
    """Whoever stopped a cluster starts it again."""
    for cluster in world.invariants.expected:
        world.customers.switch(cluster, True)
    settle(world, "did not start as it was")


def _remove(world: World, random: Random) -> None:
    world.chance.stormy = True
    for cluster in list(world.invariants.expected):
        world.run(random.uniform(0.0, 20.0))
        world.customers.delete(cluster, keep_volumes=random.random() < 0.3)
    world.run(random.uniform(20.0, 90.0))
    world.mishaps.calm()


def settle(world: World, otherwise: str) -> float:
    """Have everything become as asked for, and stay so; the seconds until then. Raises Broken where it never is."""
    began = world.timeline.now
    settled = world.run_until(world.invariants.settled, CONVERGED_WITHIN)
    took = world.timeline.now - began
    world.run(SEEN_WITHIN)  # what somebody did at the last moment to a cluster that is Ready is not known yet
    if not settled or not world.run_until(world.invariants.settled, CONVERGED_WITHIN):
        world.invariants.broken("convergence", f"{world.invariants.unsettled()} {otherwise}")
        world.invariants.raise_what_was_broken()
    world.invariants.at_rest()
    return took
