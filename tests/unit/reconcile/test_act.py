"""What is glanced at while something is on its way, and what a drain says."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from tests.unit.domain.clusters import NOW, TEMPLATE, cluster

from navarch.addons.contract import Access, Draining
from navarch.domain.cloud import CloudState
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed, Record
from navarch.domain.openstack.resources import Kind, Port, Server
from navarch.domain.openstack.steps import CreateServer
from navarch.domain.openstack.waiting import BUILDS_AT_LEAST
from navarch.domain.outcomes import Again
from navarch.domain.providers import infrastructure
from navarch.domain.spec import Owner, Role
from navarch.reconcile.act import claims
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.executors import Task, _draining, _withdraw

NAME = "shop-3f2a91bc-web-1"
MACHINE = Machine(NAME, Role.WORKER, "web", 1, "z1", NOW, TEMPLATE)


def glanced_at(server: Server | None, machine: Machine = MACHINE, after: timedelta = timedelta()) -> bool:
    servers = (server,) if server is not None else ()
    seen = Observed(CloudState.showing((Server, Port), *servers), Record(machines=(machine,)))
    return Kind.SERVER in infrastructure(cluster(), seen, NOW + after).unsettled()


def test_pods_that_only_need_time_are_waited_for() -> None:
    assert _draining("shop-web-1", Draining(), is_late=False) == Again(
        1.0, "Draining", "pods are moving away from shop-web-1"
    )


def test_pods_that_may_not_go_are_named_with_who_can_change_that() -> None:
    outcome = _draining("shop-web-1", Draining(tuple(f"default/p{n}: budget b" for n in range(5))), is_late=False)
    assert (outcome.reason, outcome.responsible) == ("EvictionRefused", "user")
    assert outcome.message.endswith("default/p2: budget b; and 2 more")
    assert outcome.remedy


def test_once_they_had_their_time_people_are_asked() -> None:
    with pytest.raises(Permanent, match="default/p: budget b") as told:
        _draining("shop-web-1", Draining(("default/p: budget b",)), is_late=True)
    assert (told.value.reason, told.value.responsible) == ("DrainTimedOut", Responsible.USER)
    assert "force_drain" in told.value.remedy


@pytest.mark.parametrize("is_late", [False, True])
def test_pods_that_take_longer_to_end_than_a_drain_may_are_named(is_late: bool) -> None:
    drain = Draining(pods=1, slow=("default/slow until 2026-12-01 09:00:00 UTC",))
    if not is_late:
        assert _draining("shop-web-1", drain, is_late=False).reason == "Draining"
        return
    with pytest.raises(Permanent, match="default/slow until 2026-12-01") as told:
        _draining("shop-web-1", drain, is_late=True)
    assert (told.value.reason, told.value.responsible) == ("DrainTimedOut", Responsible.USER)
    assert "grace-period" in told.value.remedy


class Balanced:
    """A cloud and a cluster: which Services still send to the machine, and since when it is drained."""

    def __init__(self, *senders: str, since: datetime | None = NOW) -> None:
        self._senders, self._since = senders, since

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool) -> datetime | None:
        assert (node, withdraw) == (NAME, True)
        return self._since

    def senders(self, owner: Owner, address: str) -> tuple[str, ...]:
        assert address == MACHINE.facts.address
        return self._senders


def withdrawn(cloud: Balanced, machine: Machine | None = MACHINE, after: float = 59) -> Again | None:
    """What the way out of the balancers waits for, so many seconds after the drain."""
    dependencies = cast(Dependencies, SimpleNamespace(cloud=cloud, addons=cloud))
    task = Task(dependencies, cluster(), 1, NOW + timedelta(seconds=after))
    return _withdraw(task, cast(Access, None), machine)


def test_a_drained_machine_waits_until_no_balancer_sends_to_it() -> None:
    waits = withdrawn(Balanced("shop/web", "shop/api", "a/b", "c/d"))
    assert waits is not None and waits.reason == "LeavingBalancers"
    assert waits.message.endswith(f"still send to {NAME}: shop/web, shop/api, a/b and 1 more")
    assert withdrawn(Balanced()) is None


def test_balancers_that_do_not_follow_hold_up_no_machine() -> None:
    assert withdrawn(Balanced("shop/web"), after=60) is None


def test_what_is_not_behind_them_does_not_wait() -> None:
    behind = Balanced("shop/web")
    assert withdrawn(Balanced("shop/web", since=None)) is None  # its node is gone
    assert withdrawn(behind, replace(MACHINE, role=Role.CONTROL_PLANE)) is None
    assert withdrawn(behind, None) is None


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


def test_a_server_is_not_asked_for_again_while_it_is_asked_for_in_another_way() -> None:
    """It need not be spread any more once an earlier machine of its group is gone."""
    spread = CreateServer(NAME, Role.WORKER, "web", 1, "m1", "image", "z1", "port", "servers", spread=True)
    assert not claims(spread).isdisjoint(claims(replace(spread, spread=False)))
    assert not claims(spread).isdisjoint(claims(replace(spread, name="shop-3f2a91bc-web-2")))
    assert claims(replace(spread, spread=False)).isdisjoint(
        claims(replace(spread, name="shop-3f2a91bc-web-2", spread=False))
    )
