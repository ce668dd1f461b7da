"""The time of day that workers have."""

from datetime import UTC, datetime, timedelta

import pytest

from navarch.reconcile.clock import Clock

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize("off", [QUARTER, -QUARTER])
def test_a_clock_follows_the_databases_from_the_first_answer_on(off: timedelta) -> None:
    real = [NOON]
    clock = Clock(lambda: real[0] + off)
    assert clock.now() == NOON + off
    for _ in range(3):
        asked_at = clock.own()
        real[0] += timedelta(milliseconds=4)
        clock.agree(real[0] - timedelta(milliseconds=2), asked_at)
        assert abs(clock.now() - real[0]) <= timedelta(milliseconds=2)
