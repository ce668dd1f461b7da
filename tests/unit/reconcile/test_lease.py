"""What a worker may still do by its own clock."""

import pytest

from navarch.reconcile.lease import LEASE, Lease
from navarch.store.contract import LeaseLost


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_holder_stops_before_the_database_gives_the_cluster_away() -> None:
    clock = Clock()
    lease = Lease("c", 1, clock, since=100.0)
    lease.check()
    clock.now = 100.0 + LEASE - 1
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_renewed_lease_counts_from_when_it_was_asked_for() -> None:
    clock = Clock()
    lease = Lease("c", 1, clock, since=100.0)
    clock.now = 100.0 + LEASE / 2
    lease.renewed(since=clock.now - 1)
    clock.now += LEASE / 2
    lease.check()
    clock.now += LEASE / 2
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_holder_that_was_away_longer_than_its_lease_does_not_go_on_though_nobody_took_over() -> None:
    clock = Clock()
    lease = Lease("c", 1, clock, since=100.0)
    clock.now = 100.0 + LEASE
    lease.renewed(since=clock.now)
    with pytest.raises(LeaseLost):
        lease.check()


def test_what_another_worker_took_is_left_alone_at_once() -> None:
    lease = Lease("c", 1, Clock(), since=100.0)
    lease.lose()
    with pytest.raises(LeaseLost):
        lease.check()
