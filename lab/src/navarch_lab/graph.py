"""Steps with what they come after, run as early and as parallel as that allows."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to bring about. `run` is idempotent, returns when it is so, and raises when it cannot be."""

    name: str
    run: Callable[[], None]
    after: frozenset[str] = frozenset()
    heavy: bool = False
    """Keeps a processor busy by itself: no more of these at once than there are processors."""


class GraphError(Exception):
    """The steps cannot be ordered: a name is unknown, doubled, or waits for itself."""


def check(steps: Iterable[Step]) -> list[Step]:
    """The steps, each after those it waits for; raises GraphError when there is no such order."""
    waiting = list(steps)
    names = [step.name for step in waiting]
    if len(set(names)) != len(names):
        raise GraphError(f"doubled: {sorted({name for name in names if names.count(name) > 1})}")
    unknown = {need for step in waiting for need in step.after} - set(names)
    if unknown:
        raise GraphError(f"nobody provides: {sorted(unknown)}")
    ordered: list[Step] = []
    done: set[str] = set()
    while waiting:
        ready = [step for step in waiting if step.after <= done]
        if not ready:
            raise GraphError(f"wait for each other: {sorted(step.name for step in waiting)}")
        ordered.extend(ready)
        done |= {step.name for step in ready}
        waiting = [step for step in waiting if step.name not in done]
    return ordered


def run(steps: Iterable[Step], *, workers: int = 32) -> None:
    """Run all steps. After the first failure nothing new starts; what runs is waited for; the failure is raised."""
    todo = check(steps)
    processors = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))
    done: set[str] = set()
    running: dict[Future[None], Step] = {}
    failure: BaseException | None = None

    def perform(step: Step) -> None:
        if step.heavy:
            with processors:
                step.run()
        else:
            step.run()

    pool = ThreadPoolExecutor(workers)
    try:
        while todo or running:
            if failure is None:
                for step in [step for step in todo if step.after <= done]:
                    todo.remove(step)
                    running[pool.submit(perform, step)] = step
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                step = running.pop(future)
                error = future.exception()
                if error is None:
                    done.add(step.name)
                elif failure is None:
                    failure = error
    finally:
        # After an interrupt nobody wants to wait for what runs.
        pool.shutdown(wait=False, cancel_futures=True)
    if failure is not None:
        raise failure
