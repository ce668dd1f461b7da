"""What a cluster's timeline tells beside the steps themselves: what came true, what is there though no step could say
that it was made, and conditions that changed.

Pure. Whatever Navarch made is named by an event.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from re import escape, search

from navarch.domain.cloud import Resource
from navarch.domain.conditions import ABLE_TO_SCALE, READY
from navarch.domain.infrastructure import Existence
from navarch.domain.observed import Observed
from navarch.domain.outcomes import Done, Failed, Result
from navarch.domain.providers import CLOUD_STEPS, infrastructure
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Event, Status
from navarch.domain.steps import Component

_FOUND, _TAKEN_OVER = "Found", "TakenOver"
_KINDS = {step.__name__: step.makes.value for step in CLOUD_STEPS if step.makes is not None}
TELL_OF_OBJECTS = (*_KINDS, _FOUND, _TAKEN_OVER)  # reasons of events


@dataclass(frozen=True, slots=True)
class Chapter:
    """One cycle, for the timeline: what was known before it (None: nothing), what the look showed, what was seen after
    acting, what came of each step, and the statuses before and after.

    `told`: events that tell of objects (TELL_OF_OBJECTS), where nothing was known before; `broken_off`: the last cycle
    did not come to its end or could not see everything, here or elsewhere, and may have done what it did not tell."""

    cluster: Cluster
    before: Observed | None
    seen: Observed
    after: Observed
    results: tuple[Result, ...]
    previous: Status
    status: Status
    now: datetime
    told: tuple[Event, ...] = ()
    broken_off: bool = False


def tell(chapter: Chapter) -> tuple[Event, ...]:
    """Every event of a cycle but those of its steps, which are told while it goes on (`step_event`)."""
    return (
        *(_taken_over(chapter) if chapter.broken_off else () if chapter.before is not None else _untold(chapter)),
        *_arrivals(chapter),
        *_unanswered(chapter),
        *_transitions(chapter),
    )


def step_event(result: Result, cluster: Cluster, now: datetime) -> Event | None:
    """The timeline's entry for what came of a step; None for what is only tried again."""
    step, started = result.step, now - timedelta(seconds=result.seconds)
    match result.outcome:
        case Done():
            reason, message, level = type(step).__name__, step.done, "Normal"
        case Failed(reason=reason, message=message):
            level = "Warning"
        case _:
            return None
    return Event(started, reason, message, step.subject, step.component, result.seconds, level, cluster.generation)


def _arrivals(chapter: Chapter) -> Iterator[Event]:
    """What came true since the last look without a step of ours: machines that run, the API's address, nodes."""
    cluster, before, seen, now = chapter.cluster, chapter.before, chapter.seen, chapter.now
    if before is None:
        return

    def arrived(reason: str, subject: str, since: datetime | None, component: Component) -> Event:
        text, seconds = f"{subject}: {reason}", _seconds(since, now)
        return Event(since or now, reason, text, subject, component, seconds, "Normal", cluster.generation)

    then, today = infrastructure(cluster, before, now), infrastructure(cluster, seen, now)
    for machine in seen.record.live:
        was, view = then.machine(machine), today.machine(machine)
        if view.existence is Existence.RUNNING and was.existence not in (Existence.RUNNING, Existence.UNKNOWN):
            yield arrived("ServerActive", machine.name, view.created_at, Component.CLOUD)
    if today.endpoint.passes and then.endpoint.passes is False:
        yield arrived("LoadBalancerActive", "api", None, Component.CLOUD)
    if seen.kube is None:
        return
    ready = {n.name for n in before.kube.nodes if n.ready} if before.kube is not None else set()
    for node in seen.kube.nodes:
        known = seen.record.machine(node.name)
        if node.ready and node.name not in ready and known is not None:
            yield arrived("NodeReady", node.name, known.created_at, Component.KUBERNETES)
    available = {a.name for a in before.kube.addons if a.available} if before.kube is not None else set()
    for addon in seen.kube.addons:
        if addon.available and addon.name not in available:
            yield arrived("AddonAvailable", addon.name, None, Component.KUBERNETES)


def _taken_over(chapter: Chapter) -> Iterator[Event]:
    """What is there already where the last cycle may not have been able to tell what it did. All of it: what was lost
    and made anew has the name of what was told long ago."""
    ours = [f"{r.kind} {r.name}" for r in infrastructure(chapter.cluster, chapter.seen, chapter.now).ours()]
    if ours:
        message = f"a worker goes on from what is there: {', '.join(ours)}"
        yield _event(_TAKEN_OVER, message, chapter.cluster.name, chapter, Component.NAVARCH)


def _untold(chapter: Chapter) -> Iterator[Event]:
    """What is there and not named by the events told so far: a request that arrived when its worker no longer had the
    cluster, as a rule."""
    made = {(_KINDS[event.reason], event.subject) for event in chapter.told if event.reason in _KINDS}
    listed = [event.message for event in chapter.told if event.reason not in _KINDS]
    for resource in infrastructure(chapter.cluster, chapter.seen, chapter.now).ours():
        if _is_told(resource, made):
            continue
        a_whole_name = rf"{resource.kind} {escape(resource.name)}(?![\w.-])"
        if not any(search(a_whole_name, text) for text in listed):
            message = f"{resource.kind} {resource.name} is there, though no worker told that it was made"
            yield _event(_FOUND, message, resource.name, chapter)


def _unanswered(chapter: Chapter) -> Iterator[Event]:
    """What came to be since the last look without a step that says so: the answer to its creation was lost, as a
    rule."""
    cluster, now = chapter.cluster, chapter.now
    before = infrastructure(cluster, chapter.before or chapter.seen, now)
    if not before.complete:
        before = infrastructure(cluster, chapter.seen, now)
    known = {resource.id for resource in before.ours()}
    made = {
        (r.step.makes.value, r.step.subject)
        for r in chapter.results
        if isinstance(r.outcome, Done) and r.step.makes is not None
    }
    for resource in infrastructure(cluster, chapter.after, now).ours():
        if resource.kind in before.cloud.seen and resource.id not in known and not _is_told(resource, made):
            message = f"{resource.kind} {resource.name} is there, though the cloud did not answer that it was made"
            yield _event(_FOUND, message, resource.name, chapter)


def _is_told(resource: Resource, made: Set[tuple[str, str]]) -> bool:
    """Whether one of these steps (kind made, subject) is about it; one without a subject makes the only one of its
    kind."""
    return bool(made & {(resource.kind.value, resource.name), (resource.kind.value, "")})


def _transitions(chapter: Chapter) -> Iterator[Event]:
    """Conditions that changed, in the customer's words."""
    cluster, now = chapter.cluster, chapter.now
    for condition in chapter.status.conditions:
        before = chapter.previous.condition(condition.type)
        if before is not None and (before.status, before.reason) == (condition.status, condition.reason):
            continue
        if condition.status != "True" and condition.responsible is None:
            continue  # progress is told by the steps themselves
        if condition.type == ABLE_TO_SCALE:
            continue  # autoscaling tells it of each node group
        level = "Normal" if condition.status == "True" else "Warning"
        since = _not_ready_since(chapter, before) if condition.type == READY and level == "Normal" else None
        remedy = f" ({condition.responsible}: {condition.remedy})" if condition.responsible else ""
        yield Event(
            since or now,
            condition.type if level == "Normal" else condition.reason,
            (condition.message or f"{condition.type}: {condition.reason}") + remedy,
            cluster.name,
            Component.NAVARCH,
            _seconds(since, now),
            level,
            cluster.generation,
        )


def _not_ready_since(chapter: Chapter, before: Condition | None) -> datetime:
    """Since when a cluster that is Ready now was waited for: since it was asked for, and later since it stopped."""
    if chapter.previous.ready_at is None or before is None or before.last_transition_at is None:
        return chapter.cluster.created_at
    return before.last_transition_at


def _event(reason: str, message: str, about: str, chapter: Chapter, component: Component = Component.CLOUD) -> Event:
    return Event(chapter.now, reason, message, about, component, None, "Normal", chapter.cluster.generation)


def _seconds(since: datetime | None, now: datetime) -> float | None:
    """How long it took. Clocks differ: what would have taken less than no time took none."""
    return max(0.0, (now - since).total_seconds()) if since is not None else None
