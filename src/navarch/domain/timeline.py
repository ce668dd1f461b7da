"""What a cluster's timeline tells beside the steps themselves: what came true, what is there though no step could say
that it was made, and conditions that changed their mind.

Pure. Whatever Navarch made is named by an event.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from re import escape, search

from navarch.domain.duplicates import api_balancer
from navarch.domain.names import owner
from navarch.domain.observed import CloudState, Kind, Observed, Resource
from navarch.domain.spec import Cluster, Owner
from navarch.domain.status import Event, Status
from navarch.domain.steps import MAKES, Done, Result, subject

_FOUND, _TAKEN_OVER = "Found", "TakenOver"
_KINDS = {step.__name__: kind for step, kind in MAKES.items()}
TELL_OF_OBJECTS = (*_KINDS, _FOUND, _TAKEN_OVER)  # reasons of events


def arrivals(before: Observed | None, seen: Observed, cluster: Cluster, now: datetime) -> list[Event]:
    """What came true since the last look without a step of ours: servers that run, a balancer that is there, nodes."""
    if before is None:
        return []
    events: list[Event] = []

    def arrived(reason: str, subject: str, since: datetime | None, component: str) -> None:
        seconds = _seconds(since, now)
        events.append(
            Event(
                since or now, reason, f"{subject}: {reason}", subject, component, seconds, "Normal", cluster.generation
            )
        )

    ran = {s.id for s in before.cloud.servers or () if s.status == "ACTIVE"}
    for server in seen.cloud.servers or ():
        if server.status == "ACTIVE" and server.id not in ran and before.cloud.servers is not None:
            arrived("ServerActive", server.name, server.created_at, "cloud")
    was, now_is = _balancer(before, owner(cluster)), _balancer(seen, owner(cluster))
    if now_is == "ACTIVE" and was not in (None, "ACTIVE"):
        arrived("LoadBalancerActive", "api", None, "cloud")
    if seen.kube is not None:
        machines = {m.name: m for m in seen.machines}
        ready = {n.name for n in before.kube.nodes if n.ready} if before.kube is not None else set()
        for node in seen.kube.nodes:
            if node.ready and node.name not in ready and node.name in machines:
                arrived("NodeReady", node.name, machines[node.name].created_at, "kubernetes")
        available = {a.name for a in before.kube.addons if a.available} if before.kube is not None else set()
        for addon in seen.kube.addons:
            if addon.available and addon.name not in available:
                arrived("AddonAvailable", addon.name, None, "kubernetes")
    return events


def taken_over(cloud: CloudState, cluster: Cluster, now: datetime) -> Iterator[Event]:
    """What is there already where the last cycle did not come to its end, here or elsewhere: it may not have been able
    to tell what it did. All of it: what was lost and made anew has the name of what was told long ago."""
    ours = [f"{kind} {resource.name}" for kind, resource in _ours(cloud)]
    if ours:
        yield _event(_TAKEN_OVER, f"a worker goes on from what is there: {', '.join(ours)}", cluster.name, cluster, now)


def untold(cloud: CloudState, told: Iterable[Event], cluster: Cluster, now: datetime) -> Iterator[Event]:
    """What is there and not named by `told`, the timeline's events for the reasons in TELL_OF_OBJECTS: a request that
    arrived when its worker no longer had the cluster, as a rule."""
    made, listed = set(), []
    for event in told:
        if event.reason in _KINDS:
            made.add((_KINDS[event.reason], event.subject))
        else:
            listed.append(event.message)
    for kind, resource in _ours(cloud):
        if (kind, _named(kind, resource)) in made:
            continue
        a_whole_name = rf"{kind} {escape(resource.name)}(?![\w.-])"
        if not any(search(a_whole_name, text) for text in listed):
            message = f"{kind} {resource.name} is there, though no worker told that it was made"
            yield _event(_FOUND, message, resource.name, cluster, now)


def found(
    before: CloudState, seen: CloudState, results: Iterable[Result], cluster: Cluster, now: datetime
) -> Iterator[Event]:
    """What came to be since `before` without a step of ours that says so: the answer to its creation was lost, as a
    rule."""
    known = {resource.id for _, resource in _ours(before)}
    made = {(MAKES.get(type(r.step)), subject(r.step)) for r in results if isinstance(r.outcome, Done)}
    for kind, resource in _ours(seen):
        if before.knows(kind) and resource.id not in known and (kind, _named(kind, resource)) not in made:
            message = f"{kind} {resource.name} is there, though the cloud did not answer that it was made"
            yield _event(_FOUND, message, resource.name, cluster, now)


def transitions(previous: Status, status: Status, cluster: Cluster, now: datetime) -> tuple[Event, ...]:
    """Conditions that changed their mind, in the customer's words."""
    events = []
    for condition in status.conditions:
        before = previous.condition(condition.type)
        if before is not None and (before.status, before.reason) == (condition.status, condition.reason):
            continue
        if condition.status != "True" and condition.responsible is None:
            continue  # progress is told by the steps themselves
        level = "Normal" if condition.status == "True" else "Warning"
        seconds = _seconds(cluster.created_at, now) if condition.type == "Ready" and level == "Normal" else None
        remedy = f" ({condition.responsible}: {condition.remedy})" if condition.responsible else ""
        reason = condition.type if level == "Normal" else condition.reason
        events.append(
            Event(
                cluster.created_at if seconds is not None else now,
                reason,
                (condition.message or f"{condition.type}: {condition.reason}") + remedy,
                cluster.name,
                "navarch",
                seconds,
                level,
                cluster.generation,
            )
        )
    return tuple(events)


def _ours(cloud: CloudState) -> Iterator[tuple[Kind, Resource]]:
    """What Navarch made: not what the cluster's controllers did."""
    for kind in Kind:
        for resource in cloud.of(kind):
            if getattr(resource, "made_by", "navarch") == "navarch" and kind is not Kind.SNAPSHOT:
                yield kind, resource


def _named(kind: Kind, resource: Resource) -> str:
    """What the step that makes it is about."""
    return "" if kind is Kind.IDENTITY else resource.name


def _event(reason: str, message: str, about: str, cluster: Cluster, now: datetime) -> Event:
    component = "navarch" if reason == _TAKEN_OVER else "cloud"
    return Event(now, reason, message, about, component, None, "Normal", cluster.generation)


def _seconds(since: datetime | None, now: datetime) -> float | None:
    """How long it took. Clocks differ: what would have taken less than no time took none."""
    return max(0.0, (now - since).total_seconds()) if since is not None else None


def _balancer(seen: Observed, of: Owner) -> str | None:
    balancer = api_balancer(seen, of)
    return balancer.provisioning_status if balancer is not None else None
