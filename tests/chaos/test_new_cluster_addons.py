"""A cluster that begins with add-ons has them, whatever becomes of the workers meanwhile."""

from dataclasses import replace

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import STORM, Weather
from tests.chaos.world import SEALER, World
from tests.integration.catalogue_fixtures import add_entry

from navarch.bootstrap.vault import close_values
from navarch.domain.chosen import Chosen, ChosenPhase, ChosenStatus
from navarch.domain.terms import EventsRule, Terms

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
NAMES = ("logging", "monitoring")


def asked_for(world: World) -> str:
    """A customer asks for a cluster with two add-ons; its id."""
    for name in NAMES:
        add_entry(world.api, name, "1.0.0")

    def admitted(cluster_id: str) -> list[tuple[Chosen, bytes]]:
        values = {"size": 3}
        return [
            (Chosen(name, name, "1.0.0", name, digest=""), close_values(SEALER, cluster_id, name, values))
            for name in NAMES
        ]

    return world.customers.create("shop", PROJECTS[0], addons=admitted)


def ready(world: World, cluster: str) -> bool:
    """Whether all of them are, in the cluster and as it is told."""
    inside = world.guests.clusters.get(cluster)
    told = world.api.chosen(cluster)
    return (
        inside is not None
        and set(inside.chosen) == set(NAMES)
        and {wish.name for wish in told if wish.status.phase is ChosenPhase.READY} == set(NAMES)
    )


def test_a_worker_dies_when_it_has_noted_what_it_is_about_to_make(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 5, Weather())
        try:
            cluster = asked_for(world)
            assert {wish.status.phase for wish in world.api.chosen(cluster)} == {ChosenPhase.WAITING}
            while not any(wish.status.items for wish in world.api.chosen(cluster)):
                assert world.timeline.now < 900.0
                world.schedule.run(world.timeline.now + 0.02)
            assert not world.guests.clusters[cluster].chosen, "nothing is made yet"
            for process in world.processes:
                world.schedule.kill(process)
            world.start_worker()
            assert world.run_until(lambda: ready(world, cluster), 300.0)
            assert world.run_until(world.invariants.settled, 300.0)
            assert all(wish.status.applied for wish in world.api.chosen(cluster))
        finally:
            world.close()


@pytest.mark.parametrize("seed", range(3))
def test_workers_die_again_and_again_and_answers_are_lost(dsn: str, seed: int) -> None:
    weather = STORM.only("kube_lost", "kube_away", "database_lost", "database_away", "notify_lost")
    with connect(dsn) as connection:
        world = World(connection, seed, weather, workers=2)
        try:
            cluster = asked_for(world)
            for _ in range(30):
                world.run(20.0)
                world.schedule.kill(world.processes[-2])
                world.start_worker()
                if ready(world, cluster):
                    break
            world.chance.weather = Weather()
            assert world.run_until(lambda: ready(world, cluster), 300.0)
            world.customers.delete(cluster)
            assert world.run_until(world.invariants.settled, 900.0)
        finally:
            world.close()


def dependent(world: World, *names: str) -> str:
    """A cluster that was made with those of two add-ons: `app` requires what `operator` provides; its id."""
    add_entry(world.api, "app", "1.0.0", terms=Terms(requires=("kinds",)))
    add_entry(world.api, "operator", "1.0.0", terms=Terms(provides=("kinds",)))
    return world.customers.create(
        "shop",
        PROJECTS[0],
        addons=lambda id_: [
            (Chosen(name, name, "1.0.0", name, digest=""), close_values(SEALER, id_, name, {})) for name in names
        ],
    )


def test_what_is_not_there_is_waited_for_and_told(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 5, Weather())
        try:
            cluster = dependent(world, "app")  # which the API would not take

            def told() -> set[str]:
                (one,) = world.api.chosen(cluster)
                return {c.message for c in one.status.conditions}

            assert world.run_until(lambda: "it comes after what it requires: kinds" in told(), 900.0)
            world.run(60.0)
            assert not world.guests.clusters[cluster].chosen
        finally:
            world.close()


def test_what_is_required_comes_first_and_goes_last(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 5, Weather())
        try:
            cluster = dependent(world, "app", "operator")

            def told(name: str) -> ChosenStatus:
                return next(c.status for c in world.api.chosen(cluster) if c.name == name)

            while not told("app").applied:
                assert world.timeline.now < 900.0
                world.schedule.run(world.timeline.now + 0.05)
                assert told("operator").applied or not told("app").items, "nothing of it is made before"
            assert told("operator").applied
            assert world.run_until(lambda: told("app").phase is ChosenPhase.READY, 120.0)

            for name in ("app", "operator"):
                world.api.request_chosen_removal(cluster, name, at=world.timeline.date(), with_data=False)
            left: set[tuple[str, ...]] = set()
            while (names := tuple(c.name for c in world.api.chosen(cluster))) and world.timeline.now < 2000.0:
                left.add(names)
                world.schedule.run(world.timeline.now + 0.02)
            assert left == {("app", "operator"), ("operator",)}
        finally:
            world.close()


def test_one_whose_program_complains_is_degraded_until_it_is_well_again(dsn: str) -> None:
    rule = EventsRule(("RecordError",), "dns", "NamesNotWritten", "user", "Give it the key.", ("RecordReady",))
    with connect(dsn) as connection:
        world = World(connection, 5, Weather())
        try:
            add_entry(world.api, "dns", "1.0.0", terms=Terms(health=(rule,)))
            wish = Chosen("dns", "dns", "1.0.0", "dns", digest="")
            cluster = world.customers.create(
                "shop", PROJECTS[0], addons=lambda id_: [(wish, close_values(SEALER, id_, "dns", {}))]
            )

            def told() -> ChosenStatus:
                (one,) = world.api.chosen(cluster)
                return one.status

            assert world.run_until(lambda: told().phase is ChosenPhase.READY, 900.0)
            world.guests.clusters[cluster].complaints["dns"] = "Service shop/web: refused"
            assert world.run_until(lambda: told().phase is ChosenPhase.DEGRADED, 400.0)
            (said,) = (c for c in told().conditions if c.status == "False")
            assert (said.reason, said.responsible, said.remedy) == ("NamesNotWritten", "user", "Give it the key.")
            world.run(1200.0)
            assert told().phase is ChosenPhase.DEGRADED
            world.guests.clusters[cluster].complaints["dns"] = ""
            assert world.run_until(lambda: told().phase is ChosenPhase.READY, 60.0), (
                "it is looked at oftener than others"
            )
        finally:
            world.close()


def test_tests_are_run_by_a_worker_and_a_removal_knows_its_hooks(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 5, Weather())
        try:
            add_entry(world.api, "hooked", "1.0.0")
            wish = Chosen("hooked", "hooked", "1.0.0", "hooked", digest="")
            cluster = world.customers.create(
                "shop", PROJECTS[0], addons=lambda id_: [(wish, close_values(SEALER, id_, "hooked", {}))]
            )

            def told() -> ChosenStatus:
                (one,) = world.api.chosen(cluster)
                return one.status

            assert world.run_until(lambda: told().phase is ChosenPhase.READY, 900.0)
            assert (told().tests, told().removal_hooks) == (("Job speaks",), ("Job drain",))
            assert [c.type for c in told().conditions] == ["Applied", "Healthy"]
            asked = world.api.request_chosen_test(cluster, "hooked", at=world.timeline.date()).test_requested_at
            assert world.run_until(lambda: any(c.reason == "TestsPassed" for c in told().conditions), 60.0)
            run = told().test
            assert run is not None
            assert (run.asked_at, run.passed) == (asked, True)

            add_entry(world.api, "hooked", "1.1.0")  # installed and tested in one cycle: neither forgets the other
            newer = next(e for e in world.api.entries("hooked") if e.card.version == "1.1.0")
            (there,) = world.api.chosen(cluster)
            wanted = replace(there, version="1.1.0", digest=newer.digest)
            world.api.change_chosen(cluster, wanted, close_values(SEALER, cluster, "hooked", {}))
            again = world.api.request_chosen_test(cluster, "hooked", at=world.timeline.date()).test_requested_at
            assert world.run_until(lambda: told().test is not None and told().test.asked_at == again, 60.0)  # type: ignore[union-attr]
            assert told().applied_version == "1.1.0"
            assert world.run_until(lambda: told().phase is ChosenPhase.READY, 60.0)
            world.api.request_chosen_removal(cluster, "hooked", at=world.timeline.date(), with_data=False)
            assert world.run_until(lambda: not world.api.chosen(cluster), 60.0)
        finally:
            world.close()
