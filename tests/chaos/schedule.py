"""One thread, many actors: who goes on when is decided by virtual time alone.

An actor is a greenlet. It gives way only where it says so (`sleep`, a signal's `wait`), so that between two such places
nothing else happens: the simulation's places are the calls to the cloud, to Kubernetes and to the store.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from navarch.simulator.openstack.timeline import Timeline


class Killed(GreenletExit):  # type: ignore[misc]  # greenlet brings no types
    """The process dies here. No handler of errors sees it, as none sees a SIGKILL."""


@dataclass
class Process:
    """Actors that live and die together. `paused_until`: it gets no processor before (SIGSTOP)."""

    name: str
    alive: bool = True
    paused_until: float = 0.0
    actors: list[greenlet] = field(default_factory=list)


class Schedule:
    """Runs actors over a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._hub = getcurrent()
        self._processes: dict[greenlet, Process] = {}

    @property
    def process(self) -> Process | None:
        """Whose actor runs now; None: the world itself."""
        return self._processes.get(getcurrent())

    def spawn(self, process: Process, run: Callable[[], None]) -> greenlet:
        """A new actor, which begins soon."""

        def body() -> None:
            try:
                run()
            except Killed:
                pass
            finally:
                self._processes.pop(getcurrent(), None)

        actor = greenlet(body, parent=self._hub)
        self._processes[actor] = process
        process.actors = [a for a in process.actors if not a.dead]
        process.actors.append(actor)
        self.timeline.after(0.0, lambda: self._wake(actor))
        return actor

    def sleep(self, seconds: float) -> None:
        """Let time pass for this actor. The world itself never sleeps: what it does takes no time."""
        actor = getcurrent()
        if actor is self._hub:
            return
        self.timeline.after(seconds, lambda: self._wake(actor))
        self._hub.switch()

    def wait(self, signals: "Iterable[Signal]", timeout: float) -> None:
        """Sleep until one of the signals is given, at most so long."""
        actor, woken = getcurrent(), False

        def wake() -> None:
            nonlocal woken
            if not woken:
                woken = True
                self._wake(actor)

        for signal in signals:
            signal.waiting.append(wake)
        self.timeline.after(timeout, wake)
        self._hub.switch()

    def give(self, signal: "Signal") -> None:
        """Wake all who wait for it."""
        waiting, signal.waiting = signal.waiting, []
        for wake in waiting:
            self.timeline.after(0.0, wake)

    def kill(self, process: Process) -> None:
        """End all actors of a process, wherever they are; the one that runs now ends last."""
        process.alive = False
        mine = getcurrent()
        for actor in process.actors:
            if actor is not mine and not actor.dead:
                self._processes.pop(actor, None)
                actor.throw(Killed)
        if self._processes.get(mine) is process:
            raise Killed

    def run(self, until: float) -> None:
        """Let the world go on until a moment."""
        self.timeline.advance(until)

    def _wake(self, actor: greenlet) -> None:
        process = self._processes.get(actor)
        if actor.dead or process is None or not process.alive:
            return
        if process.paused_until > self.timeline.now:
            self.timeline.after(process.paused_until - self.timeline.now, lambda: self._wake(actor))
            return
        actor.switch()


@dataclass
class Signal:
    """Something that actors wait for."""

    waiting: list[Callable[[], None]] = field(default_factory=list)


class SimulatedRuntime:
    """`navarch.reconcile.runtime.Runtime` for one process. `skew`: how wrong its clock is, in seconds."""

    def __init__(self, schedule: Schedule, process: Process, seed: int) -> None:
        self._schedule, self._process = schedule, process
        self.random, self.skew = Random(seed), 0.0

    def now(self) -> datetime:
        return self._schedule.timeline.date() + timedelta(seconds=self.skew)

    def elapsed(self) -> float:
        return self._schedule.timeline.now

    def start(self, name: str, loop: Callable[[], None]) -> "_Task":
        return _Task(self._schedule, self._schedule.spawn(self._process, loop))

    def flag(self) -> "_Flag":
        return _Flag(self._schedule)

    def calls(self, at_once: int, name: str) -> "_Calls":
        return _Calls(self._schedule, self._process, at_once)


class InOrder(Executor):
    """Does what it is given at once, on the actor that gives it: what could be read side by side is read in order, and
    whoever is killed meanwhile is dead."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        try:
            answer.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the result
            answer.set_exception(error)
        return answer


class _Task:
    def __init__(self, schedule: Schedule, actor: greenlet) -> None:
        self._schedule, self._actor = schedule, actor

    def join(self, timeout: float) -> None:
        until = self._schedule.timeline.now + timeout
        while not self._actor.dead and self._schedule.timeline.now < until:
            self._schedule.sleep(0.5)

    def is_alive(self) -> bool:
        return not self._actor.dead


class _Flag:
    def __init__(self, schedule: Schedule) -> None:
        self._schedule, self._set, self._signal = schedule, False, Signal()

    def set(self) -> None:
        self._set = True
        self._schedule.give(self._signal)

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float) -> bool:
        if not self._set and timeout > 0:
            self._schedule.wait([self._signal], timeout)
        return self._set


class _Answer:
    def __init__(self, schedule: Schedule, call: Callable[[], Any]) -> None:
        self._schedule, self.call = schedule, call
        self.done, self.signal = False, Signal()
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self.call()
        except GreenletExit:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            self._error = error
        self.done = True
        self._schedule.give(self.signal)

    def result(self) -> Any:
        while not self.done:
            self._schedule.wait([self.signal], 3600.0)
        if self._error is not None:
            raise self._error
        return self._value


class _Calls:
    def __init__(self, schedule: Schedule, process: Process, at_once: int) -> None:
        self._schedule, self._process, self._room = schedule, process, at_once
        self._queue: deque[_Answer] = deque()

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> _Answer:
        answer = _Answer(self._schedule, lambda: call(*arguments))
        self._queue.append(answer)
        self._begin()
        return answer

    def finished(self, answers: Iterable[Any], timeout: float) -> list[Any]:
        asked: list[_Answer] = list(answers)
        if not any(a.done for a in asked):
            self._schedule.wait([a.signal for a in asked], timeout)
        return [a for a in asked if a.done]

    def close(self) -> None:
        self._queue.clear()

    def _begin(self) -> None:
        while self._room and self._queue:
            self._room -= 1
            self._schedule.spawn(self._process, lambda answer=self._queue.popleft(): self._run(answer))  # type: ignore[misc]

    def _run(self, answer: _Answer) -> None:
        answer.run()
        self._room += 1
        self._begin()
