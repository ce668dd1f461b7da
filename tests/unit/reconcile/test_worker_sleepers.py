"""Loops that found nothing to do: who is woken, and what it asks before it claims."""

from collections.abc import Callable, Iterator
from queue import Queue
from threading import Event, Thread

import pytest

from navarch.reconcile.runtime import Threads
from navarch.reconcile.worker import _Sleepers

LATER, NOW = 60.0, 0.0


class Dues:
    """A store that is asked when the next cluster is due; what it is to say is put in beforehand."""

    def __init__(self) -> None:
        self.answers: Queue[float | None] = Queue()
        self.asked: Queue[None] = Queue()

    def __call__(self) -> float | None:
        answer = self.answers.get(timeout=5)
        self.asked.put(None)
        return answer

    def say(self, answer: float | None) -> None:
        """Answer the next question, and wait until it was asked."""
        self.answers.put(answer)
        self.asked.get(timeout=5)


class Loop:
    """A loop of a worker, up to the moment in which it would claim."""

    def __init__(self, sleepers: _Sleepers, next_due: Callable[[], float | None]) -> None:
        self._sleepers, self._next_due, self.stop = sleepers, next_due, Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def claims(self) -> bool:
        """Whether it goes on to claim, within a moment."""
        self._thread.join(0.5)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stop.is_set() and not self._sleepers.sleep(self._next_due):
            pass


@pytest.fixture
def sleepers() -> Iterator[_Sleepers]:
    made = _Sleepers(Threads())
    yield made
    made.wake_all()


def test_who_is_woken_for_a_cluster_that_another_took_sleeps_on(sleepers: _Sleepers) -> None:
    dues = Dues()
    loop = Loop(sleepers, dues)
    dues.say(LATER)
    sleepers.wake_one()
    dues.say(None)
    assert not loop.claims()
    sleepers.wake_one()
    dues.say(NOW)
    assert loop.claims()


def test_what_comes_while_a_loop_asks_is_not_missed(sleepers: _Sleepers) -> None:
    answers = [NOW, LATER]

    def ask() -> float | None:
        if len(answers) == 2:
            sleepers.wake_one()
        return answers.pop()

    assert Loop(sleepers, ask).claims()


def test_a_loop_gets_up_when_its_time_has_come(sleepers: _Sleepers) -> None:
    dues = Dues()
    loop = Loop(sleepers, dues)
    dues.say(0.05)
    assert loop.claims()


def test_one_is_woken_and_the_others_sleep(sleepers: _Sleepers) -> None:
    first, second = Dues(), Dues()
    early = Loop(sleepers, first)
    first.say(LATER)
    late = Loop(sleepers, second)
    second.say(LATER)
    sleepers.wake_one()
    second.say(NOW)
    assert late.claims()
    assert not early.claims()


def test_all_end_when_the_worker_stops(sleepers: _Sleepers) -> None:
    dues = Dues()
    loops = [Loop(sleepers, dues) for _ in range(3)]
    for loop in loops:
        dues.say(LATER)
        loop.stop.set()
    sleepers.wake_all()
    assert all(loop.claims() for loop in loops)
