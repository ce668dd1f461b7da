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
        answer = self.answers.get(timeout=30)
        self.asked.put(None)
        return answer

    def say(self, answer: float | None) -> None:
        """Answer the next question, and wait until it was asked."""
        self.answers.put(answer)
        self.asked.get(timeout=30)


class Loops:
    """The loops of a worker, each up to the moment in which it would claim."""

    def __init__(self) -> None:
        self.sleepers = _Sleepers(Threads())
        self._stop = Event()
        self._threads: list[Thread] = []

    def start(self, next_due: Callable[[], float | None]) -> Thread:
        """One more."""
        thread = Thread(target=self._run, args=(next_due,))
        self._threads.append(thread)
        thread.start()
        return thread

    def stop(self) -> None:
        """All come to their end."""
        self._stop.set()
        self.sleepers.wake_all()
        for thread in self._threads:
            thread.join()

    def _run(self, next_due: Callable[[], float | None]) -> None:
        while not self._stop.is_set() and not self.sleepers.sleep(next_due):
            pass


@pytest.fixture
def loops() -> Iterator[Loops]:
    made = Loops()
    yield made
    made.stop()


def claims(loop: Thread) -> bool:
    """Whether it goes on to claim."""
    loop.join(10)
    return not loop.is_alive()


def test_who_is_woken_for_a_cluster_that_another_took_sleeps_on(loops: Loops) -> None:
    dues = Dues()
    loop = loops.start(dues)
    dues.say(LATER)
    loops.sleepers.wake_one()
    dues.say(None)
    assert loop.is_alive()
    loops.sleepers.wake_one()
    dues.say(NOW)
    assert claims(loop)


def test_what_comes_while_a_loop_asks_is_not_missed(loops: Loops) -> None:
    answers = [NOW, LATER]

    def ask() -> float | None:
        if len(answers) == 2:
            loops.sleepers.wake_one()
        return answers.pop()

    assert claims(loops.start(ask))


def test_a_loop_gets_up_when_its_time_has_come(loops: Loops) -> None:
    dues = Dues()
    loop = loops.start(dues)
    dues.say(0.05)
    assert claims(loop)


def test_one_is_woken_and_the_others_sleep(loops: Loops) -> None:
    first, second = Dues(), Dues()
    early = loops.start(first)
    first.say(LATER)
    late = loops.start(second)
    second.say(LATER)
    loops.sleepers.wake_one()
    second.say(NOW)
    assert claims(late)
    assert early.is_alive()
    assert first.asked.empty()


def test_all_end_when_the_worker_stops(loops: Loops) -> None:
    dues = Dues()
    started = [loops.start(dues) for _ in range(3)]
    for _ in started:
        dues.say(LATER)
    loops.stop()
    assert all(claims(loop) for loop in started)
