"""Clusters that do their worst to whoever looks at them: drip, answer without end, lie. Others do not notice."""

from contextlib import ExitStack
from itertools import cycle

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import Connection, connect
from tests.chaos.schedule import Process
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import Chance, Weather
from tests.chaos.world import World

from navarch.addons import errors
from navarch.addons.connection import REQUEST_SECONDS
from navarch.domain.errors import NavarchError, Permanent, Responsible
from navarch.domain.status import Phase
from navarch.simulator.clusters import KubeCall, KubeFault

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
HOSTILE, OURS = 12, 4
# What a look at such a cluster comes to, as tests/unit/addons/test_hostile_clusters.py shows of real answers; and the
# seconds that it takes.
WAYS: dict[str, tuple[NavarchError, float]] = {
    "drips": (errors.no_kubernetes("GET /version", "it said nothing in time"), REQUEST_SECONDS),
    "answers without end": (errors.too_much("GET /api/v1/nodes", "has more than 1000 entries"), REQUEST_SECONDS),
    "lies": (errors.no_kubernetes("GET /version", "it names no version"), 0.1),
    "refuses": (Permanent("no", reason="KubernetesRefused", responsible=Responsible.USER, remedy="none"), 0.1),
}


class HostileWorld(World):
    """With clusters that are hostile from some moment on, each in its own way."""

    def __init__(self, connection: Connection, seed: int, ways: dict[str, str] | None = None) -> None:
        self.ways = {} if ways is None else ways
        super().__init__(connection, seed, Weather(), workers=1, threads=4, calls=16)

    def _call_kube(self, process: Process, call: KubeCall) -> None:
        super()._call_kube(process, call)
        if call.url in self.ways:
            self.schedule.sleep(WAYS[self.ways[call.url]][1])

    def turn(self, cluster_ids: list[str]) -> None:
        """From now on they are hostile."""
        for cluster_id, way in zip(cluster_ids, cycle(WAYS), strict=False):
            url = self.api.cluster(cluster_id, project_id=None).status.api_url
            assert url is not None
            self.ways[url] = way


def seconds_to_ready(world: World) -> float:
    """Of some clusters of the other project."""
    began = world.timeline.now
    made = [world.customers.create(f"ours-{n}", PROJECTS[1]) for n in range(OURS)]

    def ready() -> bool:
        found = (world.api.cluster(cluster_id, project_id=None) for cluster_id in made)
        return all(stored.status.phase is Phase.READY for stored in found)

    assert world.run_until(ready, 1800.0)
    return world.timeline.now - began


def test_others_are_made_as_quickly_and_stay_ready(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        calm = HostileWorld(stack.enter_context(connect(dsn)), 7)
        stack.callback(calm.close)
        undisturbed = seconds_to_ready(calm)
    with connect(dsn) as connection:
        ways: dict[str, str] = {}
        usual = Chance.kube

        def kube(self: Chance, call: KubeCall) -> KubeFault | None:
            return KubeFault(WAYS[ways[call.url]][0]) if call.url in ways else usual(self, call)

        monkeypatch.setattr(Chance, "kube", kube)
        world = HostileWorld(connection, 7, ways)
        try:
            hostile = [world.customers.create(f"hostile-{n}", PROJECTS[0]) for n in range(HOSTILE)]
            assert world.run_until(world.invariants.settled, 3600.0)
            world.turn(hostile)
            world.run(300.0)
            assert seconds_to_ready(world) <= 1.2 * undisturbed
            for _ in range(60):
                world.run(10.0)
                stored = world.api.clusters(project_id=PROJECTS[1]).clusters
                assert {s.status.phase for s in stored} == {Phase.READY}
            theirs = world.api.clusters(project_id=PROJECTS[0]).clusters
            assert all(s.status.phase is not Phase.READY for s in theirs), "they are not called Ready for it"
            world.ways.clear()
            assert world.run_until(world.invariants.settled, 900.0), "and nothing is held against them"
        finally:
            world.close()
