"""Clocks that differ. A moment that somebody else wrote down can be compared with our own time only once it is known by
how much their clock is ahead of ours."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

HTTP_DATE = timedelta(seconds=1)
"""What the header `Date` leaves open: it is told in whole seconds (RFC 9110, 6.6.1)."""


def ahead(
    said: datetime,
    before: datetime,
    after: datetime,
    *,
    known: timedelta = timedelta(),
    within: timedelta = timedelta(),
) -> timedelta:
    """By how much another clock is ahead of ours; negative: behind.

    It was asked between `before` and `after` by ours, and said `said`, or up to `within` more. Of all that this leaves
    possible the one that is nearest to what was `known`: without a sign of the contrary clocks agree, and what was
    found once stays as it is."""
    return min(max(known, said - after), said + within - before)


def http_date(said: str) -> datetime | None:
    """The moment in the header `Date` of an answer; None where it is none of this century."""
    try:
        read = parsedate_to_datetime(said[:50])
    except (ValueError, OverflowError):
        return None
    return read if read.tzinfo is not None and 2000 <= read.year < 2100 else None
