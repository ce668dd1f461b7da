"""Faults by chance: as many as asked for, of every kind, the same ones for the same seed."""

from navarch.clouds.simulator import Misfortunes, Request
from navarch.domain.openstack.resources import Kind

REQUEST = Request("POST", Kind.PORT, "project", "port")


def test_about_the_wanted_share_of_requests_is_hit_by_every_kind_of_fault() -> None:
    misfortunes = Misfortunes(0.1, seed=1)
    hit = [misfortunes(REQUEST) for _ in range(5000)]
    assert 400 < sum(strike is not None for strike in hit) < 600
    assert set(misfortunes.struck) == {"500", "503", "429", "not reached", "answer lost"}


def test_a_seed_says_all() -> None:
    one, same = Misfortunes(0.3, seed=7), Misfortunes(0.3, seed=7)
    for _ in range(200):
        assert (one(REQUEST) is None) == (same(REQUEST) is None)
    assert one.struck == same.struck


def test_an_answer_is_lost_only_of_what_was_done() -> None:
    strikes = [strike for strike in map(Misfortunes(1.0, seed=3, timeout=4.0), [REQUEST] * 100) if strike is not None]
    assert all(strike.wait == 4.0 for strike in strikes if strike.done)
    assert any(strike.wait and not strike.done for strike in strikes)
