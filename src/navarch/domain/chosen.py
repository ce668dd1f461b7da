"""Add-ons that a cluster chose of the catalogue: the wish, and what is judged of it.

Nothing of that touches the cluster's own phase: an add-on that does not come is told with the add-on.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from navarch.domain import disputes
from navarch.domain.catalogue import Beside, ChosenSeen, Item
from navarch.domain.condition import Condition
from navarch.domain.disputes import Dispute
from navarch.domain.errors import Responsible
from navarch.domain.terms import NONE, Terms


class ChosenPhase(StrEnum):
    """One word for people, derived from the conditions."""

    WAITING = "Waiting"
    INSTALLING = "Installing"
    UPGRADING = "Upgrading"
    READY = "Ready"
    DEGRADED = "Degraded"
    BLOCKED = "Blocked"
    REMOVING = "Removing"


@dataclass(frozen=True, slots=True)
class TrialRun:
    """How tests ended that were asked for then; `said`: what failed, or is waited for while `passed` is None."""

    asked_at: datetime
    passed: bool | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is done about add-ons now: a sentence about their cluster. `ends_pods`: what of them runs ends with
    it, and is missed by nobody."""

    why: str
    ends_pods: bool = False


@dataclass(frozen=True, slots=True)
class ChosenStatus:
    """What became of a chosen add-on. `applied`: the mark of the wish that was applied last (`Chosen.mark`);
    `applied_version`: the entry's version then. `items`: the inventory, written before the first of them is made.
    `removal_hooks`, `tests`: of its chart, what runs before or after a removal, and when tests are asked for, in words.
    `test`: how the last ones went. `disputes`: fields that others set and that were taken back of late.
    `beside`: what hangs on it, as it was counted last."""

    phase: ChosenPhase = ChosenPhase.WAITING
    applied: str = ""
    applied_version: str = ""
    conditions: tuple[Condition, ...] = ()
    items: tuple[Item, ...] = ()
    notes: str = ""
    removal_hooks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    test: TrialRun | None = None
    disputes: tuple[Dispute, ...] = ()
    beside: Beside | None = None

    def late(self, now: datetime) -> bool:
        """Whether a condition is not met for longer than it should take, whoever is to act."""
        return any(c.deadline is not None and c.deadline <= now for c in self.conditions)


@dataclass(frozen=True, slots=True)
class Chosen:
    """An add-on that a cluster chose: the wish, without its values, and what became of it. `digest`: of the entry's
    chart, and `terms` of that version. `with_data`: definitions and claims go with it; `no_hooks`: no hook runs at its
    removal. `test_requested_at`: when its tests were asked for last."""

    name: str
    entry: str
    version: str
    namespace: str
    digest: str
    generation: int = 1
    created_at: datetime | None = None
    deletion_requested_at: datetime | None = None
    with_data: bool = False
    no_hooks: bool = False
    test_requested_at: datetime | None = None
    status: ChosenStatus = ChosenStatus()
    terms: Terms = NONE

    @property
    def leaving(self) -> bool:
        """Whether it is to go."""
        return self.deletion_requested_at is not None

    @property
    def to_test(self) -> bool:
        """Whether tests are asked for that have not ended."""
        asked, run = self.test_requested_at, self.status.test
        return asked is not None and (run is None or run.asked_at != asked or run.passed is None)

    def mark(self, kubernetes: str) -> str:
        """Changes with all that the rendering depends on but what lookups find: the wish, its values by its
        generation, the chart, and the cluster's version."""
        return f"{self.generation} {self.digest[:16]} {kubernetes}"


APPLIED, HEALTHY, TESTED = "Applied", "Healthy", "Tested"
_NOT_HEALTHY = "NotHealthy"
_HELD = "WaitingForCluster"
HOOK_SECONDS = 600
"""As long as a hook of a chart may run."""
COUNTED_EVERY = timedelta(minutes=10)
"""What hangs on an add-on is counted so often: for its removal's preview."""
LATE_AFTER = timedelta(minutes=10)
"""After which somebody is told to act who might."""


def judge(
    chosen: Chosen,
    seen: ChosenSeen | None,
    mark: str,
    trouble: Condition | None,
    waits: str,
    now: datetime,
    *,
    held: Hold | None = None,
) -> ChosenStatus:
    """Its conditions and phase. `seen`: as a look found it, None: it was not looked at; `mark`: of the wish as it would
    be applied now; `trouble`: why its last step failed; `waits`: what that step waits for. `held`: why nothing is done
    about it now."""
    status = chosen.status
    applied, healthy = _applied(chosen, seen, mark, trouble, waits), _healthy(status, seen)
    if held is not None and applied.status == "False":
        applied = Condition(APPLIED, "Unknown", _HELD, held.why)
    if held is not None and held.ends_pods and healthy.status == "False":
        healthy = Condition(HEALTHY, "Unknown", _HELD, held.why)
    before = {c.type: c for c in status.conditions}
    if seen is not None and seen.beside is not None:
        status = replace(status, beside=replace(seen.beside, at=now))
    conditions = tuple(_since(c, before.get(c.type), chosen, now, held) for c in (applied, healthy))
    phase = _phase(chosen, status, conditions)
    beside = (*_disputed(chosen, before.get(disputes.UNDISPUTED), now), *_tested(chosen, before.get(TESTED), now))
    return replace(status, phase=phase, conditions=(*conditions, *beside))


def _applied(chosen: Chosen, seen: ChosenSeen | None, mark: str, trouble: Condition | None, waits: str) -> Condition:
    if trouble is not None:
        return trouble
    if chosen.leaving:
        return Condition(APPLIED, "False", "Removing", waits or f"{chosen.name} is being removed")
    if waits:
        return Condition(APPLIED, "False", "Waiting", waits)
    if chosen.status.applied != mark:
        return Condition(APPLIED, "False", "Applying", f"version {chosen.version} is not applied yet")
    if seen is not None and seen.lost:
        return Condition(APPLIED, "False", "PuttingBack", "; ".join(seen.lost))
    return Condition(APPLIED, "True", "Applied", f"version {chosen.version} is applied")


def _healthy(status: ChosenStatus, seen: ChosenSeen | None) -> Condition:
    if not status.applied:
        return Condition(HEALTHY, "Unknown", "NotApplied", "it is not applied yet")
    if seen is None:
        return Condition(HEALTHY, "Unknown", "NotSeen", "the cluster was not asked, or does not answer")
    if seen.waiting:
        return Condition(HEALTHY, "False", _NOT_HEALTHY, "; ".join(seen.waiting))
    if its := seen.complaint:
        return Condition(HEALTHY, "False", its.reason, its.message, its.responsible, its.remedy)
    return Condition(HEALTHY, "True", "Healthy", "all of its objects have what they are to have")


def _tested(chosen: Chosen, before: Condition | None, now: datetime) -> tuple[Condition, ...]:
    """How the tests are that somebody asked for. They change nothing about the phase: what they tell is the user's."""
    run = chosen.status.test
    if chosen.to_test:
        waits = run.said if run is not None and run.asked_at == chosen.test_requested_at else ""
        told = Condition(TESTED, "Unknown", "Testing", waits or "they run once the add-on is applied")
    elif run is None:
        return ()
    elif run.passed:
        told = Condition(TESTED, "True", "TestsPassed", f"all of {', '.join(chosen.status.tests)}")
    else:
        told = Condition(TESTED, "False", "TestsFailed", run.said)
    return (replace(told, last_transition_at=_began(told, before, now), observed_generation=chosen.generation),)


def _disputed(chosen: Chosen, before: Condition | None, now: datetime) -> tuple[Condition, ...]:
    """Whether others set what is the add-on's. It has it back: that changes nothing about the phase either."""
    told = disputes.condition(chosen.status.disputes, now)
    if told is None:
        return ()
    return (replace(told, last_transition_at=_began(told, before, now), observed_generation=chosen.generation),)


def _began(condition: Condition, before: Condition | None, now: datetime) -> datetime:
    same = before is not None and (before.status, before.reason) == (condition.status, condition.reason)
    return before.last_transition_at if same and before is not None and before.last_transition_at else now


def _since(
    condition: Condition, before: Condition | None, chosen: Chosen, now: datetime, held: Hold | None
) -> Condition:
    """The condition with since when it is so. What takes too long is for the user to look at: the chart, its values
    and what runs in the cluster are theirs."""
    since = _began(condition, before, now)
    late = condition.status == "False" and condition.responsible is None and now - since >= LATE_AFTER
    if late:
        condition = replace(
            condition,
            responsible=Responsible.USER.value,
            remedy="Look at the pods and events of the objects that are named; Navarch goes on trying.",
        )
    timeless = condition.status == "True" or (held is not None and condition.status == "Unknown")
    deadline = None if timeless else since + LATE_AFTER
    return replace(condition, last_transition_at=since, deadline=deadline, observed_generation=chosen.generation)


def _phase(chosen: Chosen, status: ChosenStatus, conditions: tuple[Condition, ...]) -> ChosenPhase:
    if chosen.leaving:
        return ChosenPhase.REMOVING
    applied, healthy = conditions
    # What its entry's own rule complains of is no hindrance: all of it is there, and goes on with what it can do.
    if applied.responsible is not None or (healthy.responsible is not None and healthy.reason == _NOT_HEALTHY):
        return ChosenPhase.BLOCKED
    if applied.status == "Unknown" or (status.applied and healthy.status == "Unknown"):
        return ChosenPhase.WAITING
    if applied.status == healthy.status == "True":
        return ChosenPhase.READY
    if not status.applied:
        return ChosenPhase.INSTALLING
    if applied.status != "True" and applied.reason != "PuttingBack":
        return ChosenPhase.UPGRADING
    return ChosenPhase.DEGRADED
