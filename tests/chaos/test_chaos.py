"""The bounded part of the chaos: some stories from seeds, and Hypothesis looking for the shortest story that breaks a
promise. The long run is `make chaos RUNS=10000`, the deliberate faults `make mutations`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.chaos.__main__ import databases
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.invariants import Broken
from tests.chaos.mutations import BELIEVED, LATE, MUTATIONS, SILENCE, WAITING, made
from tests.chaos.run import SEEN_WITHIN, run, settle
from tests.chaos.weather import STORM, Weather
from tests.chaos.world import World

from navarch.domain.names import METADATA_KEY
from navarch.domain.silence import GRACE
from navarch.domain.status import Phase

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
FAULTS = sorted(name for name in STORM.__dataclass_fields__ if getattr(STORM, name))


@pytest.fixture(scope="session")
def dsn() -> Iterator[str]:
    with databases(1) as found:
        Story.dsn = found[0]
        yield found[0]


@pytest.mark.parametrize("seed", range(20))
def test_every_promise_is_kept_in_this_story(dsn: str, seed: int) -> None:
    with connect(dsn) as connection:
        report = run(connection, seed)
    assert not report.broken, f"{report.broken}\nagain: python -m tests.chaos --seed {seed}"


def test_the_same_seed_tells_the_same_story_in_another_process() -> None:
    """Whatever the order of sets is there."""
    command, logs = [sys.executable, "-m", "tests.chaos", "--seed", "14"], []
    for number in ("1", "2"):
        told = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": number}, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr
        logs.append(told.stdout)
    assert len(logs[0].splitlines()) > 100 and logs[0] == logs[1]


def test_in_calm_weather_all_that_is_there_is_told_by_the_step_that_made_it(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 1, Weather(), workers=2)
        cluster = world.customers.create("shop", PROJECTS[0], control_plane=3, workers=2)
        try:
            assert world.run_until(world.invariants.settled, 300.0)
            world.customers.change_group(cluster, "web", replicas=4)
            world.customers.add_group(cluster, "more", 1)
            assert world.run_until(world.invariants.settled, 300.0)
            world.invariants.at_rest()
            reasons = [stored.event.reason for stored in world.api.events(cluster, limit=1000)]
        finally:
            world.close()
    assert len(reasons) > 50 and not {"Found", "TakenOver"} & set(reasons)


@pytest.mark.parametrize(
    "what",
    [
        "a deletion does not wait for the machines to go",
        "nobody asks whether the lease has ended",
        "a machine is given the authority of a new cluster",
    ],
)
def test_the_promises_can_be_broken(dsn: str, what: str) -> None:
    """A sample of the deliberate faults; all of them are tried by `make mutations`."""
    (mutation,) = (m for m in MUTATIONS if m.what == what)
    with made(mutation):
        for seed in range(20):
            with connect(dsn) as connection:
                if run(connection, seed, STORM).broken:
                    return
    raise AssertionError(f"nothing noticed that {what}")


@pytest.mark.parametrize("silent", [False, True])
def test_a_cluster_that_is_stuck_says_whom_to_blame_and_silence_is_noticed(dsn: str, silent: bool) -> None:
    with connect(dsn) as connection, made(SILENCE) if silent else nullcontext():
        world = World(connection, 1, Weather(balancer_stuck=1.0))
        world.customers.create("shop", PROJECTS[0])
        try:
            world.run(1300.0)
            assert not silent
        except Broken as broken:
            assert silent and "not stuck in silence" in str(broken)
        finally:
            world.close()


def test_a_server_group_that_a_list_hid_goes(dsn: str) -> None:
    """A node group goes seconds after it came, while lists are older than its server group; the worker that made it is
    dead."""
    with connect(dsn) as connection:
        world = World(connection, 1, Weather())
        cluster = world.customers.create("shop", PROJECTS[0])
        try:
            assert world.run_until(world.invariants.settled, 600.0)
            world.customers.add_group(cluster, "more", 0)
            world.run(2.0)
            world.schedule.kill(world.processes[0])
            world.chance.weather = Weather(cloud_lag=1.0)
            world.customers.remove_group(cluster, "more")
            world.start_worker()
            world.run(60.0)
            world.mishaps.calm()
            world.run(SEEN_WITHIN)
            assert world.invariants.settled()
            world.invariants.at_rest()
        finally:
            world.close()


@pytest.mark.parametrize("silent", [False, True])
def test_what_arrives_when_its_worker_no_longer_has_the_cluster_is_told(dsn: str, silent: bool) -> None:
    """A worker stops just before it asks for a volume; another looks at the paused cluster, and sees nothing amiss."""
    with connect(dsn) as connection, made(LATE) if silent else nullcontext():
        world = World(connection, 1, Weather())
        cluster = world.customers.create("shop", PROJECTS[0])
        try:
            world.customers.pause(cluster, True)
            world.run(5.0)
            late = {"name": f"shop-{cluster[:8]}-etcd-0", "size": 1, "volume_type": "ssd", "availability_zone": "z1",
                    "metadata": {METADATA_KEY: cluster}}  # fmt: skip
            world.as_somebody(PROJECTS[0], "block-storage", f"/v3/{PROJECTS[0]}/volumes", volume=late)
            world.schedule.kill(world.processes[0])
            world.start_worker()
            world.customers.pause(cluster, False)
            assert world.run_until(world.invariants.settled, 600.0)
            world.invariants.at_rest()
            assert not silent
        except Broken as broken:
            assert silent and "timeline" in str(broken), broken
        finally:
            world.close()


@pytest.mark.parametrize("waits", [False, True])
def test_a_worker_that_starts_while_the_cloud_is_away_says_so_of_each_cluster(dsn: str, waits: bool) -> None:
    with connect(dsn) as connection, made(WAITING) if waits else nullcontext():
        world = World(connection, 1, Weather())
        world.customers.create("shop", PROJECTS[0])
        try:
            world.run(5.0)
            world.mishaps.lock_out(True)
            world.schedule.kill(world.processes[0])
            world.start_worker()
            world.run(1300.0)
            assert not waits
        except Broken as broken:
            assert waits and "not stuck in silence" in str(broken), broken
        finally:
            world.close()


@pytest.mark.parametrize("believed", [False, True])
def test_a_ready_cluster_of_which_nothing_is_seen_is_not_called_ready_for_long(dsn: str, believed: bool) -> None:
    with connect(dsn) as connection, made(BELIEVED) if believed else nullcontext():
        world = World(connection, 1, Weather())
        cluster = world.customers.create("shop", PROJECTS[0])
        try:
            assert world.run_until(world.invariants.settled, 600.0)
            world.chance.weather = Weather(kube_away=1.0)
            world.run(SEEN_WITHIN + GRACE.total_seconds())
            status = world.api.cluster(cluster, project_id=None).status
            assert (status.phase is Phase.READY) == believed
        finally:
            world.close()


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_at_rest_no_phase_changes_for_answers_that_are_lost(dsn: str, share: float) -> None:
    weather = Weather(cloud_unreached=share / 3, cloud_error=share / 3, cloud_busy=share / 3)
    with connect(dsn) as connection:
        world = World(connection, 1, Weather(), workers=2)
        clusters = [world.customers.create(f"shop{n}", PROJECTS[n], control_plane=2 * n + 1) for n in range(2)]
        try:
            assert world.run_until(world.invariants.settled, 600.0)
            world.run(SEEN_WITHIN)
            world.chance.weather = weather
            for _ in range(1800):
                world.run(1.0)
                assert [world.api.cluster(c, project_id=None).status.phase for c in clusters] == [Phase.READY] * 2
            assert sum(world.chance.struck.values()) > 20
        finally:
            world.close()


@pytest.mark.parametrize("asked", [True, False])
def test_no_machine_is_taken_while_a_member_of_etcd_stalls_elsewhere(dsn: str, asked: bool) -> None:
    """Its machine is well: etcd alone can tell."""
    (fault,) = (m for m in MUTATIONS if m.what == "nobody asks whether etcd keeps its quorum")
    with connect(dsn) as connection, nullcontext() if asked else made(fault):
        world = World(connection, 1, Weather())
        cluster = world.customers.create("shop", PROJECTS[0], control_plane=3, workers=0)
        try:
            assert world.run_until(world.invariants.settled, 600.0)
            stalled = world.guests.clusters[cluster].etcd.stalled
            stalled[min(world.guests.clusters[cluster].members)] = world.timeline.now
            world.run(100.0)
            world.customers.change_image(cluster, 1)
            world.customers.change_places(cluster, flavor="m1.small")
            world.run(200.0)
            assert asked
            stalled.clear()
            assert world.run_until(world.invariants.settled, 1200.0)
        except Broken as broken:
            assert not asked and "quorum: " in str(broken), broken
        finally:
            world.close()


class Story(RuleBasedStateMachine):
    """What customers, the weather and time may do, in any order. In the end the storm ends, and everything goes."""

    dsn = ""

    @initialize(seed=st.integers(0, 10_000), workers=st.sampled_from((1, 2, 5)))
    def begin(self, seed: int, workers: int) -> None:
        self.connection = connect(self.dsn)
        self.world = World(self.connection, seed, Weather(), workers=workers)
        self.clusters: list[str] = []

    @rule(control_plane=st.sampled_from((1, 3)), workers=st.integers(0, 3))
    @precondition(lambda self: len(self.clusters) < 2)
    def create(self, control_plane: int, workers: int) -> None:
        name = f"shop{len(self.clusters)}"
        made = self.world.customers.create(name, PROJECTS[0], control_plane=control_plane, workers=workers)
        self.world.customers.plant(PROJECTS[0], f"{name}-{made[:8]}")
        self.clusters.append(made)

    @rule(faults=st.sets(st.sampled_from(FAULTS), max_size=4))
    def weather(self, faults: set[str]) -> None:
        self.world.chance.weather = STORM.only(*sorted(faults))

    @rule(number=st.integers(0, 1), replicas=st.integers(0, 4))
    @precondition(lambda self: self.clusters)
    def scale(self, number: int, replicas: int) -> None:
        self.world.customers.change_group(self._one(number), "web", replicas=replicas)

    @rule(number=st.integers(0, 1), add=st.booleans())
    @precondition(lambda self: self.clusters)
    def group(self, number: int, add: bool) -> None:
        if add:
            self.world.customers.add_group(self._one(number), "more", 1)
        else:
            self.world.customers.remove_group(self._one(number), "more")

    @rule(number=st.integers(0, 1), services=st.integers(0, 2), claims=st.integers(0, 2))
    @precondition(lambda self: self.clusters)
    def use(self, number: int, services: int, claims: int) -> None:
        self.world.customers.wish_inside(self._one(number), services=services, claims=claims)

    @rule(number=st.integers(0, 1), paused=st.booleans())
    @precondition(lambda self: self.clusters)
    def pause(self, number: int, paused: bool) -> None:
        self.world.customers.pause(self._one(number), paused)

    @rule()
    @precondition(lambda self: self.clusters)
    def meddle(self) -> None:
        self.world.mishaps.meddle()

    @rule(number=st.integers(0, 1), keep=st.booleans())
    @precondition(lambda self: self.clusters)
    def delete(self, number: int, keep: bool) -> None:
        if not self.world.invariants.expected[self._one(number)]:
            self.world.customers.delete(self._one(number), keep_volumes=keep)

    @rule(seconds=st.floats(1.0, 90.0))
    def time_passes(self, seconds: float) -> None:
        self.world.run(seconds)

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "world"):
            self.world.invariants.raise_what_was_broken()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        try:
            if world.invariants.violations:
                return
            for deleted in (False, True):
                if deleted:
                    for cluster, gone in list(world.invariants.expected.items()):
                        if not gone:
                            world.customers.delete(cluster)
                world.mishaps.calm()
                settle(world, "was not gone" if deleted else "was not as asked for")
        finally:
            world.close()
            self.connection.close()

    def _one(self, number: int) -> str:
        return self.clusters[number % len(self.clusters)]


@pytest.mark.usefixtures("dsn")
class TestStory(Story.TestCase):  # type: ignore[misc, valid-type]  # Hypothesis makes it
    settings = settings(
        max_examples=10,
        stateful_step_count=10,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
