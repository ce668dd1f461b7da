"""Kubeconfigs that somebody revokes are refused by the cluster, whatever happens to workers meanwhile."""

from datetime import timedelta

import pytest
from tests.chaos.customers import PROJECTS
from tests.chaos.database import connect
from tests.chaos.test_windows import dsn as dsn  # its databases
from tests.chaos.weather import Weather
from tests.chaos.world import World

from navarch.domain.kubeconfigs import Kubeconfig, KubeconfigState
from navarch.domain.status import Event

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


def test_what_was_revoked_is_refused_also_where_the_list_is_lost(dsn: str) -> None:
    with connect(dsn) as connection:
        world = World(connection, 7, Weather())
        try:
            made = world.customers.create("shop", PROJECTS[0])
            assert world.run_until(world.invariants.settled, 900.0)
            inside = next(c for c in world.guests.clusters.values() if c.cluster_id == made)
            now = world.timeline.date()
            for its in ("first", "second"):
                issued = Kubeconfig(its, "eva-id", "eva", ("navarch:admins",), now, now + timedelta(minutes=20))
                world.api.add_kubeconfig(made, issued, Event(now, "KubeconfigIssued", its), most=10)
            world.api.revoke_kubeconfig(made, "first", Event(now, "KubeconfigRevoked", "first"), by="ann-id")
            assert world.run_until(lambda: inside.refused == {"first"}, 60.0)
            assert world.run_until(world.invariants.settled, 60.0)
            told = world.api.kubeconfigs(made, now=world.timeline.date())
            assert [k.state for k in told] == [KubeconfigState.REVOKED, KubeconfigState.ACTIVE]
            inside.revoke(())  # somebody removed the list
            assert world.run_until(lambda: inside.refused == {"first"}, 300.0)
            world.run(1200.0)  # it has ended: nothing is written for its sake any more
            assert world.api.kubeconfigs(made, now=world.timeline.date()) == ()
            inside.revoke(())
            world.run(600.0)
            assert inside.refused == frozenset()
        finally:
            world.close()
