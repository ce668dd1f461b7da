"""Carrying out steps: each as soon as it can be taken, side by side with the others.

`Actor.advance` is driven by completions: when a step is done, what it made is merged into what was seen and the plan is
asked again, so that nothing waits for a step it does not depend on. A step never waits inside; what has to be tried
again ends the cycle for that step, not for the others.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from navarch.clouds.fence import fenced
from navarch.domain import names
from navarch.domain.cloud import CloudState, Resource
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.observed import Observed, Wanted
from navarch.domain.outcomes import Again, Done, Failed, Outcome, Result
from navarch.domain.plan import plan
from navarch.domain.providers import infrastructure, recognised
from navarch.domain.status import Event
from navarch.domain.steps import Step
from navarch.domain.timeline import step_event
from navarch.reconcile.executors import Task, execute
from navarch.reconcile.lease import Lease
from navarch.reconcile.runtime import Answer, Calls

GLANCE_EVERY = 0.7  # seconds


class Actor:
    """One cycle's acting for one cluster that this worker holds."""

    def __init__(self, task: Task, calls: Calls, lease: Lease, wanted: Wanted) -> None:
        self._task, self._calls, self._lease, self._wanted = task, calls, lease, wanted
        self._runtime, self._clock = task.dependencies.runtime, task.dependencies.clock

    def advance(
        self, observed: Observed, report: Callable[[Event], None], saw: Callable[[Observed], None]
    ) -> tuple[Observed, tuple[Result, ...]]:
        """Take every step that can be taken until none is left; gives what would be seen now, and what came of each.
        `report` is told of each step that was done, `saw` of what there is: again and again while steps run."""
        tried: set[Step] = set()
        running: dict[Answer[tuple[Result, Resource | None, datetime]], Step] = {}
        results: list[Result] = []
        glance: Answer[CloudState] | None = None
        glanced_at = self._runtime.elapsed()
        while True:
            busy = set[tuple[str, ...]]().union(*map(claims, running.values()))
            for step in plan(self._task.cluster, observed, self._wanted, now=self._clock.now()):
                if step not in tried and busy.isdisjoint(claims(step)):
                    tried.add(step)
                    busy |= claims(step)
                    running[self._calls.submit(self._carry_out, step, observed)] = step
            if not running:
                return observed, tuple(results)
            # What is on its way may arrive while a slow step runs: a server waits for its volume, not for a router.
            if glance is None and self._runtime.elapsed() - glanced_at > GLANCE_EVERY:
                glance = self._glance(observed)
            awaited: list[Answer[Any]] = [*running, *([glance] if glance is not None else [])]
            finished = self._calls.finished(awaited, GLANCE_EVERY)
            if glance is not None and glance in finished:
                observed = replace(observed, cloud=_with_glance(observed.cloud, glance.result()))
                glance, glanced_at = None, self._runtime.elapsed()
            for answer in [a for a in finished if a in running]:
                running.pop(answer)
                result, made, at = answer.result()
                results.append(result)
                if isinstance(result.outcome, Done):
                    observed = result.step.after(observed, made, at)
                event = step_event(result, self._task.cluster, self._clock.now())
                if event is not None:
                    report(event)
            saw(observed)

    def _glance(self, observed: Observed) -> Answer[CloudState] | None:
        """A look at what is on its way, where something is."""
        cluster, cloud = self._task.cluster, self._task.dependencies.cloud
        kinds = infrastructure(cluster, observed, self._clock.now()).unsettled()
        known = observed.record.objects

        def read() -> CloudState:
            return recognised(cloud.observe(names.owner(cluster), kinds, known), known)

        return self._calls.submit(read) if kinds else None

    def _carry_out(self, step: Step, observed: Observed) -> tuple[Result, Resource | None, datetime]:
        self._lease.check()
        start, at = self._runtime.elapsed(), self._clock.now()
        made: Resource | None = None
        outcome: Outcome = Done()
        try:
            with fenced(self._lease.check):
                answer = execute(replace(self._task, at=at), step, observed)
            if isinstance(answer, Again):
                outcome = answer
            else:
                made = answer
        except Temporary as error:
            outcome = Again(error.after, error.reason, error.message)
        except Permanent as error:
            outcome = Failed(error.reason, error.message, error.responsible.value, error.remedy)
        result = Result(step, outcome, self._runtime.elapsed() - start)
        self._task.dependencies.metrics.step(result)
        return result, made, at


def claims(step: Step) -> frozenset[tuple[str, ...]]:
    """What no other step may have while this one is carried out: what the step says itself, and what it is about: it
    may be planned in another way while it runs, and one thing is not made twice."""
    return frozenset({step.key, (type(step).__name__, step.subject)})


def _with_glance(known: CloudState, glance: CloudState) -> CloudState:
    """What a glance showed, added to what is known. What it did not show may be younger than it, so nothing goes."""
    for resource in glance.everything():
        known = known.having(resource)
    return known
