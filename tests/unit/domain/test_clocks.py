"""Moments that others wrote down by clocks of their own."""

from datetime import UTC, datetime, timedelta

import pytest

from navarch.domain import clocks
from navarch.domain.kube import KubeState, Node

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (at(0), 0),  # it may be the same
        (at(0.4), 0),
        (at(-0.7), 0),  # told in whole seconds: it may have been noon
        (at(2), 1),  # by a second at the least
        (at(900), 899),
        (at(-1.5), -0.5),
        (at(-900), -899),
    ],
)
def test_clocks_agree_until_one_shows_that_they_do_not(said: datetime, seconds: float) -> None:
    found = clocks.ahead(said, at(0), at(1), within=clocks.HTTP_DATE)
    assert found == timedelta(seconds=seconds)


def test_what_was_found_once_stays_while_answers_allow_it() -> None:
    known = clocks.ahead(at(900), at(0), at(0.01))
    assert clocks.ahead(at(1000), at(60), at(160), known=known) == known, "an answer that took long says little"
    assert clocks.ahead(at(61), at(60), at(62), known=known) == timedelta(seconds=1), "it was put right"


@pytest.mark.parametrize("off", [QUARTER, -QUARTER])
def test_how_long_a_node_is_not_ready_is_counted_by_the_clusters_own_clock(off: timedelta) -> None:
    since = NOON - timedelta(minutes=2)
    nodes = (
        Node("web-1", ready=False, since=since + off, troubles=(("DiskPressure", since + off), ("Other", None))),
        Node("web-2", ready=True),
    )
    one, two = KubeState("1.37.2", nodes, at=NOON + off).by_our_clock(NOON, at(0.2)).nodes
    assert one.since is not None and abs(one.since - since) <= timedelta(seconds=1)
    assert one.troubles == (("DiskPressure", one.since), ("Other", None))
    assert two == nodes[1]


def test_what_says_no_time_or_the_same_is_left_as_it_is() -> None:
    nodes = (Node("web-1", ready=False, since=NOON - QUARTER),)
    for said in (None, NOON):
        state = KubeState("1.37.2", nodes, at=said)
        assert state.by_our_clock(NOON, at(0.2)) is state


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Mon, 30 Nov 2026 02:34:07 GMT", datetime(2026, 11, 30, 2, 34, 7, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        ("\xff\xfe", None),
        ("Mon, 30 Nov 2026 02:34:07 -0000", None),  # in no zone
        ("Mon, 30 Nov 1999 02:34:07 GMT", None),
        ("Mon, 30 Nov 99999999999 02:34:07 GMT", None),
    ],
)
def test_the_time_that_an_answer_says_is_read_or_left(said: str, read: datetime | None) -> None:
    assert clocks.http_date(said) == read
