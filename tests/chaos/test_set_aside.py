"""Servers that their owner set aside, on the simulated Nova: told, left alone, and as before once they are resumed."""

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.spec import Role
from navarch.domain.status import Phase

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("action", "back", "status"),
    [
        ("suspend", "resume", "SUSPENDED"),
        ("pause", "unpause", "PAUSED"),
        ("shelve", "unshelve", "SHELVED_OFFLOADED"),
        ("rescue", "unrescue", "RESCUE"),
    ],
)
def test_a_worker_that_is_set_aside_is_told_and_nothing_is_made_in_its_place(
    dsn: str, action: str, back: str, status: str
) -> None:
    with connect(dsn) as connection:
        world = World(connection, 7, Weather())
        try:
            made = world.customers.create("shop", PROJECTS[0])
            assert world.run_until(world.invariants.settled, 900.0)
            machines = world.api.machines(made)
            worker = next(m.name for m in machines if m.role is Role.WORKER)
            server = next(s for s in world.region["server"] if s.name == worker)
            world.as_somebody(PROJECTS[0], "compute", f"/v2.1/servers/{server.id}/action", **{action: None})
            world.run(1800.0)
            assert server["status"] == status
            told = world.api.cluster(made, project_id=None).status
            condition = told.condition("Ready")
            assert told.phase is Phase.BLOCKED and condition is not None
            assert (condition.reason, condition.responsible) == ("MachineSetAside", "user")
            assert condition.remedy is not None and f"openstack server {back} {server.id}" in condition.remedy
            assert world.api.machines(made) == machines
            world.as_somebody(PROJECTS[0], "compute", f"/v2.1/servers/{server.id}/action", **{back: None})
            assert world.run_until(world.invariants.settled, 900.0)
            assert world.api.machines(made) == machines
        finally:
            world.close()
