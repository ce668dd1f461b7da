"""Automatic upgrades and maintenance windows on the virtual clock: nothing is begun while a window is shut, what was
begun is done once, wherever a worker dies, and whoever asks for something at the same moment."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.chaos.__main__ import databases
from tests.chaos.customers import PROJECTS
from tests.chaos.database import Connection, connect
from tests.chaos.schedule import Process
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.calendar import MaintenanceWindow
from navarch.domain.conditions import UP_TO_DATE
from navarch.domain.machines import Machine
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Phase
from navarch.reconcile import upkeep
from navarch.simulator.openstack.about import About

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
SOON, SETTLED = 900.0, 3600.0  # virtual seconds until the window opens; in which a rollout is done


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with databases(1) as found:
        yield found[0]


class Fragile(World):
    """A world in which a worker dies before the call that is `dies_in` calls away; it never does where that is 0."""

    dies_in = 0

    def _outside(self, process: Process, what: str, about: About | None = None) -> None:
        if self.schedule.process is process and self.dies_in and (about is None or about.kind != "token"):
            self.dies_in -= 1
            if not self.dies_in:
                self.say(f"DIES before {what or 'a transaction'}")
                self.timeline.after(5.0, self.start_worker)
                self.schedule.kill(process)
        super()._outside(process, what, about)


class Story:
    """A cluster of an older image, which has Navarch give it newer ones within its window."""

    def __init__(self, connection: Connection, *, workers: int = 1, weather: Weather = Weather()) -> None:
        self.world = Fragile(connection, 5, weather, workers=workers)
        self.world.chance.stormy = False
        self.id = self.world.customers.create("shop", PROJECTS[0])
        self.opens = (self.world.timeline.date() + timedelta(seconds=SOON)).replace(second=0, microsecond=0)
        self.change(release=self.world.offer.releases[1], automatic_upgrades=True, maintenance=self.window(self.opens))
        assert self.world.run_until(self.world.invariants.settled, SOON / 2)
        self.before = self.cluster

    @staticmethod
    def window(opens: datetime) -> MaintenanceWindow:
        return MaintenanceWindow(f"{opens:%H:%M}", 1)

    @property
    def cluster(self) -> Cluster:
        return self.world.api.cluster(self.id, project_id=None).cluster

    def change(self, **spec: object) -> None:
        """A customer changes fields of the spec."""
        was = self.cluster
        self.world.invariants.lives.wished(was)
        changed = replace(was, spec=replace(was.spec, **spec))  # type: ignore[arg-type]
        self.world.api.change_cluster(changed, generation=was.generation)

    def run_to(self, moment: datetime) -> None:
        self.world.run((moment - self.world.timeline.date()).total_seconds())

    def machines(self, image: int) -> list[Machine]:
        """All that ever were of this image."""
        release = self.world.offer.releases[image]
        known = self.world.api.machines(self.id, removed=True)
        return [m for m in known if m.template.release == release]

    def upgrades(self) -> int:
        """How many the timeline tells of."""
        return [e.event.reason for e in self.world.api.events(self.id)].count("AutomaticUpgrade")

    def reason(self) -> str:
        condition = self.world.api.cluster(self.id, project_id=None).status.condition(UP_TO_DATE)
        return condition.reason if condition is not None else ""

    def is_done(self) -> bool:
        live = self.world.api.machines(self.id)
        newest = self.world.offer.releases[0]
        return all(m.template.release == newest for m in live) and self.world.invariants.settled()

    def was_done_once(self) -> None:
        """Each machine was replaced once, by a change of the wish that the timeline tells of once."""
        assert self.world.run_until(self.is_done, SOON + SETTLED), self.world.invariants.unsettled()
        self.world.run(400.0)
        assert self.is_done()
        assert self.upgrades() == 1
        assert self.cluster.generation == self.before.generation + 1
        assert self.cluster.spec.release == self.world.offer.releases[0]
        assert sorted(m.group for m in self.machines(0)) == ["cp", "web", "web"]
        closes = self.opens + timedelta(hours=1)
        assert all(self.opens <= m.created_at < closes for m in self.machines(0))
        assert self.reason() == "AsWanted"
        self.world.invariants.at_rest()


def test_nothing_is_begun_before_the_window_opens_and_then_everything_once(dsn: str) -> None:
    with connect(dsn) as connection:
        story = Story(connection, workers=2)
        try:
            story.run_to(story.opens - timedelta(seconds=1))
            assert story.cluster == story.before and story.machines(0) == []
            assert story.reason() == "WaitsForWindow"
            assert story.world.api.cluster(story.id, project_id=None).status.phase is Phase.READY
            story.was_done_once()
        finally:
            story.world.close()


@pytest.mark.parametrize("calls", [*range(1, 13), 20, 40, 80])
def test_wherever_a_worker_dies_it_is_done_once(dsn: str, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from when it is decided that the upgrade is begun: the first calls read the project's quotas, then the
    wish is written, then the status, then machines are replaced."""
    with connect(dsn) as connection:
        story, begin = Story(connection), upkeep._begin
        died: list[int] = []

        def begin_and_die(*words: Any) -> Any:
            if not died:
                died.append(calls)
                story.world.dies_in = calls
            return begin(*words)

        monkeypatch.setattr(upkeep, "_begin", begin_and_die)
        try:
            story.was_done_once()
            assert died and story.world.dies_in == 0
        finally:
            story.world.close()


def test_in_bad_weather_with_two_workers_it_is_done_once(dsn: str) -> None:
    with connect(dsn) as connection:
        story = Story(connection, workers=2, weather=Weather(kill=0.02, pause=0.01, database_lost=0.05))
        try:
            story.world.chance.stormy = True
            story.run_to(story.opens + timedelta(minutes=40))
            story.world.mishaps.calm()
            assert story.world.run_until(story.is_done, SETTLED)
            assert story.upgrades() == 1
            assert story.cluster.generation == story.before.generation + 1
        finally:
            story.world.close()


def test_a_window_that_shuts_in_the_middle_lets_nothing_more_begin_until_the_next(dsn: str) -> None:
    with connect(dsn) as connection:
        story = Story(connection)
        try:
            world = story.world
            assert world.run_until(lambda: any(m.role is Role.WORKER for m in story.machines(0)), SOON + SETTLED)
            begun = len(story.machines(0))
            again = world.timeline.date().replace(second=0, microsecond=0) + timedelta(minutes=30)
            story.change(maintenance=story.window(again))
            world.run(5.0)
            begun = max(begun, len(story.machines(0)))  # a look that was under way
            story.run_to(again - timedelta(seconds=1))
            assert len(story.machines(0)) == begun == 2
            status = world.api.cluster(story.id, project_id=None).status
            assert (status.phase, story.reason()) == (Phase.READY, "WaitsForWindow")
            assert len(world.api.machines(story.id)) == 3
            assert world.run_until(story.is_done, SETTLED)
            assert story.upgrades() == 1
        finally:
            story.world.close()


def test_of_a_person_and_the_worker_at_the_same_moment_the_person_is_heard_and_it_goes_on(dsn: str) -> None:
    with connect(dsn) as connection:
        story = Story(connection)
        world, asked = story.world, False
        write = world.api.__class__.change_wish

        def first_somebody_else(store: object, *words: object, **named: object) -> None:
            nonlocal asked
            if not asked:
                asked = True
                story.change(soak_seconds=1)
            write(store, *words, **named)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("navarch.store.worker_side.WorkerSide.change_wish", first_somebody_else)
            try:
                assert world.run_until(story.is_done, SOON + SETTLED)
                assert asked and story.cluster.spec.soak_seconds == 1
                assert story.upgrades() == 1
                assert story.cluster.generation == story.before.generation + 2
            finally:
                world.close()
