"""Whose turn it is where work is dear."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread

import pytest

from navarch.charts.places import Crowded, Places

SECONDS = 30.0  # that only a hang reaches


@pytest.fixture
def beside() -> Iterator[Callable[[Places, str], tuple[Event, Event]]]:
    """Takes a place in a thread, and keeps it: gives what is set once it has it, and what is to be set to let it go."""
    started: list[tuple[Thread, Event]] = []

    def take(places: Places, owner: str) -> tuple[Event, Event]:
        has, go = Event(), Event()

        def work() -> None:
            with places.one_of(owner, SECONDS):
                has.set()
                go.wait(SECONDS)

        thread = Thread(target=work)
        thread.start()
        started.append((thread, go))
        return has, go

    yield take
    for thread, go in started:
        go.set()
        thread.join(SECONDS)


def test_one_owner_has_one_place_and_others_have_theirs_meanwhile(
    beside: Callable[[Places, str], tuple[Event, Event]],
) -> None:
    places = Places(3, 8)
    has, _ = beside(places, "greedy")
    assert has.wait(SECONDS)
    with pytest.raises(Crowded), places.one_of("greedy", 0.01):
        pass
    with places.one_of("modest", 0.01), places.one_of("third", 0.01):
        pass


def test_who_waits_comes_in_once_there_is_a_place(beside: Callable[[Places, str], tuple[Event, Event]]) -> None:
    places = Places(3, 8)
    has, go = beside(places, "greedy")
    assert has.wait(SECONDS)
    next_has, _ = beside(places, "greedy")
    assert not next_has.is_set()
    go.set()
    assert next_has.wait(SECONDS)


def test_no_more_than_all_places_are_taken() -> None:
    places = Places(2, 8)
    with ExitStack() as taken:
        for owner in ("a", "b"):
            taken.enter_context(places.one_of(owner, 0.01))
        with pytest.raises(Crowded), places.one_of("c", 0.01):
            pass
    with places.one_of("c", 0.01):
        pass


def test_of_one_owner_only_so_many_wait() -> None:
    places = Places(3, 0)
    with pytest.raises(Crowded), places.one_of("greedy", SECONDS):  # at once, not after the seconds
        pass


def test_work_that_fails_gives_its_place_back() -> None:
    places = Places(1, 8)
    with pytest.raises(ZeroDivisionError), places.one_of("a", 0.01):
        raise ZeroDivisionError
    with places.one_of("a", 0.01):
        pass
