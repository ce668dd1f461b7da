"""`navarch-server explain CLUSTER`: what Navarch would do next for a cluster, why, and why it is not done yet.

It looks as a worker does (database, cloud, Kubernetes API), plans and judges in imagination. It claims nothing, and
writes nothing: its connections to the database are read-only, and looking changes nothing in a cloud.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_type_hints

from navarch.domain.cloud import Trouble
from navarch.domain.codec import encode
from navarch.domain.conditions import judge
from navarch.domain.errors import NavarchError
from navarch.domain.offer import Offer
from navarch.domain.plan import plan
from navarch.domain.selection import Selection
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Event, Status
from navarch.domain.steps import Step
from navarch.domain.texts import harmless
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.observer import Observer
from navarch.store.contract import Claim, NotFound, Pause, Stored
from navarch.store.operator_side import Schedule
from navarch.store.postgres import PostgresStore

_EVENTS_SHOWN = 10
_EVENTS_SEARCHED = 200  # for what became of a step when it was last tried
_NEVER_CLAIMED = -1  # no look was ever remembered for it: everything is read anew


class Ambiguous(NavarchError):
    """Several clusters answer to the name."""


@dataclass(frozen=True, slots=True)
class Next:
    """A step that could be taken now. `last_try`: what came of it if that failed. A network, its subnet and its router
    share a name, by which tries are found: it may be that of a neighbour, and its message says of which."""

    step: Step
    last_try: Event | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`judged` is the status that a worker wrote last, `seen` the one that it would write now, before acting.
    `holdups`: why no step is taken at the moment, the weightiest first. `unread`: what could not be looked at."""

    cluster: Cluster
    judged: Status
    seen: Status
    schedule: Schedule
    pauses: tuple[Pause, ...]
    holdups: tuple[str, ...]
    steps: tuple[Next, ...]
    unread: tuple[Trouble, ...]
    kubernetes: str
    events: tuple[Event, ...]


def find(store: PostgresStore, reference: str, project_id: str | None) -> Stored:
    """The cluster of that id, or of that name: in the project, or if it is the only one of that name, in any. Raises
    NotFound, Ambiguous."""
    try:
        return store.cluster(reference, project_id=project_id)
    except NotFound:
        if project_id is not None:
            raise
    found = store.clusters(project_id=None, selection=Selection(name=reference)).clusters
    if not found:
        raise NotFound(f"no cluster {reference}")
    if len(found) > 1:
        places = ", ".join(f"{s.cluster.id} in project {s.cluster.project_id}" for s in found)
        raise Ambiguous(f"{len(found)} clusters are named {reference}: {places}; give an id, or --project")
    return found[0]


def explain(store: PostgresStore, dependencies: Dependencies, stored: Stored) -> Explanation:
    """Look, plan and judge in imagination. Raises Unavailable if the database is away."""
    cluster, now = stored.cluster, dependencies.clock.now()
    schedule = store.schedule(cluster.id)
    pauses = tuple(p for p in store.pauses() if p.project_id in (None, cluster.project_id))
    offer = store.offer()
    looks = dependencies.runtime.calls(4, "look")
    try:
        claim = Claim(cluster, stored.status, _NEVER_CLAIMED, 0, now, store.objects(cluster.id))
        look = Observer(dependencies, looks).look(claim, offer or Offer())
    finally:
        looks.close()
    seen = look.observed
    steps = plan(cluster, seen, look.wanted, now=now)
    events = store.latest_events(cluster.id, limit=_EVENTS_SEARCHED)
    return Explanation(
        cluster=cluster,
        judged=stored.status,
        seen=judge(cluster, seen, look.wanted, (), stored.status, now=now),
        schedule=schedule,
        pauses=pauses,
        holdups=tuple(_holdups(cluster, schedule, pauses, offer_known=offer is not None)),
        steps=tuple(Next(step, _last_failure(step, events)) for step in steps),
        unread=seen.cloud.trouble,
        kubernetes=_kubernetes(seen.kube.version if seen.kube else None, seen.kube_trouble),
        events=events[-_EVENTS_SHOWN:],
    )


def document(explanation: Explanation) -> dict[str, Any]:
    """For `-o json`."""
    hints = get_type_hints(Explanation)
    shown = {name: encode(getattr(explanation, name), hint) for name, hint in hints.items() if name != "steps"}
    return {
        **shown,
        "steps": [
            {
                "kind": type(following.step).__name__,
                "words": following.step.words,
                "step": encode(following.step),
                "last_try": None if following.last_try is None else encode(following.last_try),
            }
            for following in explanation.steps
        ],
    }


def _holdups(cluster: Cluster, schedule: Schedule, pauses: tuple[Pause, ...], *, offer_known: bool) -> list[str]:
    found = []
    for pause in pauses:
        what = "the project is" if pause.project_id else "everything is"
        because = f": {pause.reason}" if pause.reason else ""
        found.append(f"{what} paused since {_time(pause.since)} by {pause.paused_by}{because}")
    if cluster.spec.paused and not cluster.deleting:
        found.append("its user paused it (spec.paused)")
    if not offer_known:
        found.append("no worker has read the cloud's offer yet, without which nothing is planned")
    if schedule.held and schedule.lease_until is not None:
        left = (schedule.lease_until - schedule.now).total_seconds()
        found.append(f"worker {schedule.lease_holder} is at it right now (its lease has {left:.0f} s left)")
        return found
    due = (schedule.due_at - schedule.now).total_seconds()
    failed = (
        f"; looks in a row after which something was left to try again: {schedule.attempts}"
        if schedule.attempts
        else ""
    )
    if due > 0:
        found.append(f"the next look is due in {due:.0f} s{failed}")
    elif not pauses:
        found.append(f"due since {-due:.0f} s: no worker has taken it up yet{failed}")
    return found


def _last_failure(step: Step, events: tuple[Event, ...]) -> Event | None:
    """How the last try ended, if badly: the newest event about the same object is a warning."""
    about = [e for e in events if e.subject == step.subject] if step.subject else []
    return about[-1] if about and about[-1].level == "Warning" else None


def _kubernetes(version: str | None, trouble: str) -> str:
    if version is not None:
        return f"answers, version {version}"
    return f"does not answer: {trouble}" if trouble else "not there yet, or not needed"


# -- for people


def text(explanation: Explanation) -> str:
    """For a terminal. Of a customer's words nothing is obeyed there."""
    return harmless(_text(explanation))


def _text(explanation: Explanation) -> str:
    cluster, judged = explanation.cluster, explanation.judged
    reached = (
        "reached" if judged.observed_generation == cluster.generation else f"reached: {judged.observed_generation}"
    )
    spec = cluster.spec
    groups = ", ".join(f"{g.name} {g.spec.replicas} × {g.spec.flavor}" for g in cluster.node_groups) or "no node group"
    asked = f"to be deleted since {_time(cluster.deletion_requested_at)}" if cluster.deletion_requested_at else "wanted"
    lines = [
        f"{cluster.name} ({cluster.id}) of project {cluster.project_id}",
        f"  {asked}: generation {cluster.generation} ({reached}), by request {cluster.request_id or 'unknown'}",
        f"  Kubernetes {spec.kubernetes_version}, control plane {spec.control_plane.replicas} × "
        f"{spec.control_plane.flavor}, {groups}",
        f"  phase {judged.phase}; Kubernetes API {explanation.kubernetes}",
        "",
        "As a worker judged it last",
        *_conditions(judged.conditions),
    ]
    differing = tuple(c for c in explanation.seen.conditions if _words_of(judged, c.type) != (c.status, c.reason))
    if differing:
        lines += ["", "As it is seen now, before anything is tried", *_conditions(differing)]
    for trouble in explanation.unread:
        lines.append(f"  not read: {trouble.subject}: {trouble.message}")
    lines += ["", "It would now"]
    if not explanation.steps:
        lines.append("  do nothing" + ("" if judged.phase == "Ready" else ", but wait for what is under way"))
    for number, following in enumerate(explanation.steps, 1):
        lines.append(f"  {number}. {following.step.words}")
        if following.last_try is not None:
            lines.append(f"     tried at {_time(following.last_try.at)}: {following.last_try.message}")
    if explanation.holdups:
        lines += ["", "Why not yet" if explanation.steps else "When", *(f"  {h}" for h in explanation.holdups)]
    lines += ["", "Lately", *(f"  {_time(e.at)} {e.level:<7} {e.reason}: {e.message}" for e in explanation.events)]
    return "\n".join(lines)


def _conditions(conditions: tuple[Condition, ...]) -> list[str]:
    lines = [] if conditions else ["  nothing yet"]
    for c in conditions:
        sign = {"True": "✓", "False": "✗"}.get(c.status, "?")
        lines.append(
            f"  {sign} {c.type:<20} {c.reason}" + (f": {c.message}" if c.message and c.status != "True" else "")
        )
        if c.responsible:
            lines.append(f"    {'':<20} {c.responsible}: {c.remedy}")
        elif c.status != "True" and c.deadline is not None:
            lines.append(f"    {'':<20} should have passed by {_time(c.deadline)}")
    return lines


def _words_of(status: Status, type_: str) -> tuple[str, str] | None:
    condition = status.condition(type_)
    return None if condition is None else (condition.status, condition.reason)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
