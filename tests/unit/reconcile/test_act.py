"""What is glanced at while something is on its way."""

from dataclasses import replace
from datetime import timedelta

from clusters import NOW, cluster

from navarch.domain.observed import CloudState, Kind, Machine, Observed, Server
from navarch.domain.spec import Role
from navarch.reconcile.act import BUILDS_AT_LEAST, unsettled

NAME = "shop-3f2a91bc-web-1"
MACHINE = Machine(NAME, Role.WORKER, "web", 1, "z1", created_at=NOW)


def glanced_at(server: Server | None, machine: Machine = MACHINE, after: timedelta = timedelta()) -> bool:
    servers = (server,) if server is not None else ()
    seen = Observed(cloud=CloudState(servers=servers), machines=(machine,))
    return Kind.SERVER in unsettled(cluster(), seen, NOW + after)


def test_a_server_that_was_just_asked_for_is_left_alone() -> None:
    building = Server("1", NAME, "BUILD", "z1", created_at=NOW)
    assert not glanced_at(building)
    assert glanced_at(building, after=BUILDS_AT_LEAST)
    assert glanced_at(replace(building, created_at=None))


def test_a_server_that_is_there_or_not_asked_for_is_not_looked_for() -> None:
    assert not glanced_at(Server("1", NAME, "ACTIVE", "z1", created_at=NOW))
    assert not glanced_at(None)
    assert not glanced_at(Server("2", "somebody-elses", "BUILD", "z1"))


def test_one_that_goes_is_looked_for_until_it_is_gone() -> None:
    leaving = replace(MACHINE, removing=True)
    assert glanced_at(Server("1", NAME, "ACTIVE", "z1", created_at=NOW), leaving)
    assert glanced_at(None, leaving)
