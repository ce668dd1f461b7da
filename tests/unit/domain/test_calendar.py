"""Weekdays, windows and clocks that are put forward and back."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.domain.clusters import cluster
from tests.unit.domain.test_rollout import with_spec

from navarch.domain.calendar import Edge, MaintenanceWindow, Schedule, last_edge, next_edge, next_opening, opening
from navarch.domain.plan.power import power

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = Schedule("08:00", "20:00", WEEKDAYS, "Europe/Berlin")


def utc(day: str, time: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}:00+00:00")


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        # 2026-11-25 is a Wednesday, an hour before UTC
        (utc("2026-11-25"), Edge(utc("2026-11-25", "07:00"), True), Edge(utc("2026-11-25", "19:00"), False)),
        (utc("2026-11-25", "06:59"), Edge(utc("2026-11-24", "19:00"), False), Edge(utc("2026-11-25", "07:00"), True)),
        (utc("2026-11-28"), Edge(utc("2026-11-27", "19:00"), False), Edge(utc("2026-11-30", "07:00"), True)),
        # in summer, two hours
        (utc("2026-07-01"), Edge(utc("2026-07-01", "06:00"), True), Edge(utc("2026-07-01", "18:00"), False)),
        # the Monday after clocks were put back on 25 October, and forward on 29 March
        (utc("2026-10-26", "06:30"), Edge(utc("2026-10-23", "18:00"), False), Edge(utc("2026-10-26", "07:00"), True)),
        (utc("2026-03-30", "06:30"), Edge(utc("2026-03-30", "06:00"), True), Edge(utc("2026-03-30", "18:00"), False)),
    ],
)
def test_a_schedule_goes_by_the_clock_on_the_wall(now: datetime, last: Edge, following: Edge) -> None:
    assert last_edge(OFFICE, now) == last
    assert next_edge(OFFICE, now) == following


def test_a_stop_that_is_not_after_the_start_is_on_the_next_day() -> None:
    night = Schedule("22:00", "06:00", ("fri",), "UTC")
    assert last_edge(night, utc("2026-11-28", "05:00")) == Edge(utc("2026-11-27", "22:00"), True)
    assert last_edge(night, utc("2026-11-28", "07:00")) == Edge(utc("2026-11-28", "06:00"), False)


def test_a_time_that_the_clock_skips_or_has_twice_is_one_moment() -> None:
    skipped = Schedule("02:30", "20:00", ("sun",), "Europe/Berlin")
    assert last_edge(skipped, utc("2026-03-29", "02:00")) == Edge(utc("2026-03-29", "01:30"), True)
    twice = Schedule("02:30", "20:00", ("sun",), "Europe/Berlin")
    assert last_edge(twice, utc("2026-10-25", "03:00")) == Edge(utc("2026-10-25", "00:30"), True)


def test_a_start_and_a_stop_that_the_clock_makes_one_moment_come_in_their_order() -> None:
    """02:30 is skipped on 29 March, and counts as 03:30."""
    hour = Schedule("02:30", "03:30", ("sun",), "Europe/Berlin")
    assert last_edge(hour, utc("2026-03-29", "02:00")) == Edge(utc("2026-03-29", "01:30"), False)
    rest = Schedule("03:30", "02:30", ("sat", "sun"), "Europe/Berlin")
    assert last_edge(rest, utc("2026-03-29", "02:00")) == Edge(utc("2026-03-29", "01:30"), True)


def test_what_a_person_said_holds_until_the_schedule_comes_to_its_next_edge() -> None:
    shop = cluster(created_at=utc("2026-11-23"))
    evening, morning = utc("2026-11-25", "19:30"), utc("2026-11-26", "07:30")
    scheduled = with_spec(shop, schedule=OFFICE)
    assert (power(scheduled, evening).running, power(scheduled, morning).running) == (False, True)
    late = with_spec(shop, schedule=OFFICE, running=True, running_since=utc("2026-11-25", "19:15"))
    assert power(late, evening).running
    assert power(late, evening).until == utc("2026-11-26", "07:00")
    stopped = with_spec(shop, schedule=OFFICE, running=False, running_since=utc("2026-11-25", "10:00"))
    assert not power(stopped, utc("2026-11-25", "11:00")).running
    assert power(stopped, morning).running


def test_the_last_edge_counts_however_long_nobody_looked() -> None:
    shop = with_spec(cluster(created_at=utc("2026-11-23", "07:30")), schedule=OFFICE)
    assert not power(shop, utc("2026-11-29")).running
    assert power(shop, datetime(2027, 6, 2, 12, tzinfo=UTC)).running


NIGHT = MaintenanceWindow("23:00", 4, ("sat",), "Europe/Berlin")


@pytest.mark.parametrize(
    ("window", "now", "open_until", "opens"),
    [
        # over midnight, from Saturday into Sunday; 2026-11-28 is a Saturday
        (NIGHT, utc("2026-11-28", "21:59"), None, utc("2026-11-28", "22:00")),
        (NIGHT, utc("2026-11-28", "22:00"), utc("2026-11-29", "02:00"), utc("2026-12-05", "22:00")),
        (NIGHT, utc("2026-11-29", "01:59"), utc("2026-11-29", "02:00"), utc("2026-12-05", "22:00")),
        (NIGHT, utc("2026-11-29", "02:00"), None, utc("2026-12-05", "22:00")),
        # in summer an hour earlier by UTC; in the night that has 25 hours it ends an hour earlier by the clock
        (NIGHT, utc("2026-07-04", "21:00"), utc("2026-07-05", "01:00"), utc("2026-07-11", "21:00")),
        (NIGHT, utc("2026-10-25", "00:30"), utc("2026-10-25", "01:00"), utc("2026-10-31", "22:00")),
        # a start that the clock skips is that moment all the same: half past two is half past three
        (MaintenanceWindow("02:30", 1, ("sun",), "Europe/Berlin"), utc("2026-03-29", "01:30"),
         utc("2026-03-29", "02:30"), utc("2026-04-05", "00:30")),
        # a whole day, each day: it is always open
        (MaintenanceWindow("06:00", 24), utc("2026-11-25", "05:59"), utc("2026-11-25", "06:00"),
         utc("2026-11-25", "06:00")),
        (MaintenanceWindow("06:00", 24), utc("2026-11-25", "06:00"), utc("2026-11-26", "06:00"),
         utc("2026-11-26", "06:00")),
        # without days, which no request can ask for, it never opens
        (MaintenanceWindow("06:00", 24, ()), utc("2026-11-25"), None, None),
    ],
)  # fmt: skip
def test_a_maintenance_window_opens_by_the_clock_on_the_wall_and_lasts_its_hours(
    window: MaintenanceWindow, now: datetime, open_until: datetime | None, opens: datetime | None
) -> None:
    now_in, following = opening(window, now), next_opening(window, now)
    assert (now_in.end if now_in is not None else None) == open_until
    assert (following.start if following is not None else None) == opens


def test_each_day_lacks_an_hour_of_a_whole_day_where_clocks_are_put_back() -> None:
    always = MaintenanceWindow("00:00", 24, timezone="Europe/Berlin")
    hours = [utc("2026-10-24", "22:30") + timedelta(hours=n) for n in range(30)]
    assert [at for at in hours if opening(always, at) is None] == [utc("2026-10-25", "22:30")]
