"""Times of the week in a time zone of people: when a cluster is to run, and when it may be worked on.

A day's time is the wall clock's of that zone. Where clocks are put forward over it, it is taken as if they had not
been; where they are put back, it is its first occurrence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cluster starts at `start` and stops at `stop` (HH:MM) of each of `days`; where `stop` is not after `start`, on
    the day after. `timezone` is a name of the IANA database."""

    start: str
    stop: str
    days: tuple[str, ...] = DAYS
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """What Navarch does on its own account begins within `hours` hours after `start` (HH:MM) of each of `days`. An
    hour has 60 minutes: on a day whose clocks are put forward or back the window ends at another time of the day."""

    start: str
    hours: int
    days: tuple[str, ...] = DAYS
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Opening:
    """One of the times that a maintenance window is open: from `start` until before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """A moment at which a schedule starts a cluster or stops it."""

    at: datetime
    running: bool


def last_edge(schedule: Schedule, now: datetime) -> Edge | None:
    """The schedule's last start or stop until now; None where it has no days."""
    return next((e for e in reversed(_edges(schedule, now)) if e.at <= now), None)


def next_edge(schedule: Schedule, now: datetime) -> Edge | None:
    """Its next one."""
    return next((e for e in _edges(schedule, now) if e.at > now), None)


def opening(window: MaintenanceWindow, now: datetime) -> Opening | None:
    """The one that now is in, of several that which ends last; None: the window is shut."""
    return max((o for o in _openings(window, now) if o.start <= now < o.end), key=lambda o: o.end, default=None)


def next_opening(window: MaintenanceWindow, now: datetime) -> Opening | None:
    """The first that begins after now; None where the window has no days."""
    return min((o for o in _openings(window, now) if o.start > now), key=lambda o: o.start, default=None)


def _openings(window: MaintenanceWindow, now: datetime) -> Iterator[Opening]:
    for at, _ in _times(window.days, window.start, window.timezone, now):
        yield Opening(at, at + timedelta(hours=window.hours))


def _edges(schedule: Schedule, now: datetime) -> list[Edge]:
    """Those of the weeks around now, in order. Where a start and a stop are one moment, for clocks are put forward over
    the first of them, the clock on the wall says which is the later one."""
    overnight = int(schedule.stop <= schedule.start)
    starts = _times(schedule.days, schedule.start, schedule.timezone, now)
    stops = _times(schedule.days, schedule.stop, schedule.timezone, now, days_later=overnight)
    edges = [(moment, wall, True) for moment, wall in starts] + [(moment, wall, False) for moment, wall in stops]
    return [Edge(moment, running) for moment, _, running in sorted(edges)]


def _times(
    days: tuple[str, ...], at: str, timezone: str, now: datetime, *, days_later: int = 0
) -> Iterator[tuple[datetime, datetime]]:
    """That time of each of the days in the weeks around now: the moment, and what the clock on the wall says."""
    zone, today = ZoneInfo(timezone), now.astimezone(ZoneInfo(timezone)).date()
    for offset in range(-8, 9):
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in days:
            wall = datetime.combine(day + timedelta(days=days_later), time.fromisoformat(at))
            yield wall.replace(tzinfo=zone).astimezone(UTC), wall
