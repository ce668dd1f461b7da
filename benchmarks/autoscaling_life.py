"""Autoscaling in virtual time: the real worker, store and decision, before a simulated cloud and clusters.

How long pods wait for a machine to be asked for, how long a hundred machines take to come and to go, and what a cluster
costs while nothing happens to it.
"""

import gc
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from time import process_time
from typing import TYPE_CHECKING

from tests.chaos.__main__ import databases
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.shop import WEB, Shop
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch import settings
from navarch.domain.spec import Autoscaling

if TYPE_CHECKING:
    from tests.chaos.schedule import Process

    from navarch.simulator.openstack.about import About

BOOT_SECONDS, FEW, MANY = 60.0, 3, 100
READ_SECONDS, CHANGE_SECONDS = 0.1, 1.0
"""What a request to the cloud or a cluster takes here, beside the hundredths that the simulation gives it."""
_CALM, _TOO_LONG = 300.0, 3600.0
_TICKS = os.sysconf("SC_CLK_TCK")


class _SlowWorld(World):
    """One whose cloud answers like a real one, and that counts what workers ask. `slow`: whether it does."""

    slow = True
    backend_pid = 0  # of PostgreSQL's process for it
    asked: "Counter[str]"

    def _outside(self, process: "Process", what: str, about: "About | None" = None) -> None:
        super()._outside(process, what, about)
        if self.schedule.process is not process or not what or (about is not None and about.kind == "token"):
            return
        self.asked["cloud" if about is not None else what.strip()] += 1
        if self.slow:
            self.schedule.sleep(CHANGE_SECONDS if about is not None and about.verb != "GET" else READ_SECONDS)


@dataclass(frozen=True, slots=True)
class Rest:
    """What a cluster at rest costs: thousandths of a CPU of the worker with the simulation around it, and of
    PostgreSQL; an hour: requests to the cloud, looks at its Kubernetes, questions whether pods wait and how many there
    are."""

    worker: float
    postgres: float
    cloud: float
    looks: float
    glances: float


def waits(rounds: int) -> list[float]:
    """Seconds from a pod without a place to the request for a machine, from the fewest on, at moments by chance."""
    with _world() as world:
        shop, random = Shop(world, "shop", Autoscaling(1, MANY)), Random(7)
        _without_quotas(world)
        shop.inside.pods.wish(replace(WEB, replicas=1))
        found = []
        for number in range(rounds):
            world.run(_CALM + random.uniform(0.0, 60.0))
            began = world.timeline.now
            shop.inside.pods.scale(WEB.name, 2 + number)
            world.run(30.0)
            found.append(_asked_for_at(world, began) - began)
        return sorted(found)


def there_and_back() -> tuple[float, float]:
    """Seconds until a hundred pods run, of which each needs a machine, from three on; and until three are left."""
    with _world() as world:
        world.guests.tempers.boot_seconds = BOOT_SECONDS
        _without_quotas(world)
        shop = Shop(world, "shop", Autoscaling(FEW, MANY))
        shop.inside.pods.wish(replace(WEB, replicas=FEW))
        world.run(_CALM)
        began = world.timeline.now
        shop.inside.pods.scale(WEB.name, MANY)
        assert world.run_until(lambda: not shop.waiting(), _TOO_LONG)
        up = world.timeline.now - began
        assert world.run_until(world.invariants.settled, _TOO_LONG)
        began = world.timeline.now
        shop.inside.pods.scale(WEB.name, FEW)
        assert world.run_until(lambda: len(shop.workers()) == FEW and world.invariants.settled(), _TOO_LONG)
        return up, world.timeline.now - began


def rest(clusters: int, seconds: float) -> tuple[Rest, Rest]:
    """A cluster with autoscaling, and one without."""
    return _rest(clusters, seconds, scaled=True), _rest(clusters, seconds, scaled=False)


def _rest(clusters: int, seconds: float, *, scaled: bool) -> Rest:
    with _world(slow=False) as world:
        for number in range(clusters):
            shop = Shop(world, f"shop{number}", Autoscaling(1, 6), workers=2)
            shop.inside.pods.wish(replace(WEB, replicas=2))
            if not scaled:
                shop.fix()
        world.run(_CALM)
        gc.collect()
        world.asked.clear()
        backend, began, at = world.backend_pid, process_time(), world.timeline.now
        of_backend = _cpu(backend)
        world.run(seconds)
        hours = (world.timeline.now - at) * clusters / 3600
        return Rest(
            (process_time() - began) / hours / 3.6,
            (_cpu(backend) - of_backend) / hours / 3.6,
            world.asked["cloud"] / hours,
            world.asked["kube observe"] / hours,
            (world.asked["kube glance"] + world.asked["kube count"]) / hours,
        )


@contextmanager
def _world(*, slow: bool = True) -> Iterator[_SlowWorld]:
    with databases(1) as found, connect(found[0]) as connection:
        _SlowWorld.asked = Counter()
        world = _SlowWorld(connection, 1, Weather(), threads=4, calls=settings.Worker().calls)
        world.slow, world.backend_pid = slow, connection.info.backend_pid
        try:
            yield world
        finally:
            world.close()


def _without_quotas(world: World) -> None:
    for resource in ("server_group_members", "cores", "ram", "instances"):
        world.region.quotas[PROJECTS[0], resource] = -1


def _asked_for_at(world: World, since: float) -> float:
    """When Nova was first asked for a server."""
    moments = (line.split(maxsplit=1) for line in world.log if "POST server " in line)
    return next(float(moment) for moment, _ in moments if float(moment) >= since)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / _TICKS
