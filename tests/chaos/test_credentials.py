"""Credentials of a cluster's controllers that somebody has replaced: the old ones open nothing, and the cluster goes
on, whatever happens to workers meanwhile."""

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.status import Event
from navarch.simulator.controllers import Controllers

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "weather", [Weather(), Weather(cloud_lost=0.1, cloud_error=0.1, kill=0.02)], ids=["calm", "storm"]
)
def test_the_old_ones_open_nothing_and_the_controllers_get_the_new_ones(dsn: str, weather: Weather) -> None:
    with connect(dsn) as connection:
        world = World(connection, 7, weather)
        try:
            made = world.customers.create("shop", PROJECTS[0])
            assert world.run_until(world.invariants.settled, 1800.0)
            inside = next(c for c in world.guests.clusters.values() if c.cluster_id == made)
            before = inside.controllers.login
            thief = Controllers(world.services, made, before)
            assert thief.let_in(), "and has a token from then on"
            asked = world.timeline.date()
            for again in range(2):
                event = Event(world.timeline.date(), "CredentialsRequested", "ann")
                world.api.request_credentials(made, event)
                assert world.run_until(lambda: world.api.credentials(made).requested_at is None, 300.0), again
                assert world.run_until(lambda: inside.controllers.let_in(), 120.0), "they have the new ones"
                assert inside.controllers.login.user_id != before.user_id
                assert not thief.let_in()
            renewed = world.api.credentials(made).renewed_at
            assert renewed is not None and renewed > asked
            assert world.run_until(world.invariants.settled, 600.0)
        finally:
            world.close()
