"""Hooks of charts: what runs before or after an add-on's objects are applied or removed, or as a test when asked.

Jobs and pods run once for each wish, one after the other, within a time of ours; other kinds are there for them. All
of them bear the mark of the wish, and what bears another one is made anew, as Helm does it by itself. What ended stays
until all is done, so that nothing has to be remembered of it, and stays after that where it failed, for people to read.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from datetime import datetime

from navarch.addons import errors, foreign, held_up
from navarch.addons.connection import Connection
from navarch.addons.contract import Trial
from navarch.addons.discovery import discover
from navarch.addons.targets import LABEL, Target, targets
from navarch.charts.objects import HOOK_DELETE, RUN, TEST, Key, Object, annotation, group_of, hooks_of
from navarch.domain.catalogue import Item
from navarch.domain.chosen import HOOK_SECONDS
from navarch.domain.errors import Permanent, Responsible, Temporary

Note = Callable[[tuple[Item, ...]], None]
_NO_ACCOUNT = "error looking up service account"  # of a pod, as its admission plugin says it
_LATE_SECONDS = 60  # after its time, until whoever is to end it is not waited for any more
_RAN_FOR = "navarch.io/hook-of"  # annotation: the mark of the wish
_WITH_REMOVAL = "or remove the add-on without hooks: navarch addon remove NAME --no-hooks."


def due(hooks: Iterable[Object], *moments: str) -> list[Object]:
    """The hooks of one of these moments, such as `pre-install`, in order."""
    return [hook for hook in hooks if set(moments) & set(hooks_of(hook))]


def run(connection: Connection, addon: str, hooks: Sequence[Target], mark: str, *, removal: bool = False) -> str:
    """Run them; what is waited for, in words, or nothing. Raises Permanent for one that failed. `removal`: the remedy
    says how to do without."""
    for hook in hooks:
        name, kind = hook.key.name, hook.key.kind
        what = f"hook {name}" if kind == "Job" else f"hook {kind} {name}"
        try:
            seen = connection.get(hook.path)
        except errors.Absent:
            _create(connection, hook, mark, what, removal=removal)
            if not _runs(hook.made):
                continue
            return f"{what} is started"
        metadata = seen["metadata"]
        if (metadata.get("labels") or {}).get(LABEL) != addon:
            raise Permanent(
                f"{what}: there is one of its name, and not of the add-on",
                reason="ObjectsInTheWay",
                responsible=Responsible.USER,
                remedy=f"Remove the {kind} {name}{f', {_WITH_REMOVAL}' if removal else '.'}",
            )
        if (metadata.get("annotations") or {}).get(_RAN_FOR) != mark:
            connection.delete(hook.path, uid=metadata["uid"])  # of another wish; made anew once it is gone
            return f"{what} of before is being removed"
        if not _runs(hook.made):
            continue
        said = _lacking(connection, seen)
        if said.startswith("failed"):
            raise _failed(f"{what} {said}", kind, name, removal=removal)
        if said and _overdue(connection, seen):
            raise _failed(f"{what} did not end within {_seconds(seen)} s: {said}", kind, name, removal=removal)
        if said:
            return f"{what}: {said}"
    return ""


def test(connection: Connection, trial: Trial, note: Note) -> str:
    """Run an add-on's tests; what is waited for, in words; nothing: they passed. `note` is handed the inventory before
    anything is made. Raises Permanent for one that failed."""
    tests = targets(trial.name, trial.namespace, due(trial.hooks, *TEST), trial.served or discover(connection))
    there = {t.key for t in tests}
    others = [i for i in trial.items if Key(i.group, i.kind, i.namespace, i.name) not in there]
    note((*others, *(t.item for t in tests)))
    if waits := run(connection, trial.name, tests, trial.mark):
        return waits
    gone = [t for t in tests if "hook-succeeded" in annotation(t.made, HOOK_DELETE)]
    tidy(connection, gone)
    note((*others, *(t.item for t in tests if t not in gone)))
    return ""


def passing(hooks: Iterable[Target]) -> list[Target]:
    """Those that have done their work once all is done: what ran, and what the chart says goes then. Others stay for as
    long as the add-on is there, as pods may use them."""
    return [h for h in hooks if _runs(h.made) or "hook-succeeded" in annotation(h.made, HOOK_DELETE)]


def tidy(connection: Connection, hooks: Iterable[Target]) -> None:
    """Remove them."""
    for hook in hooks:
        connection.delete(hook.path)


def _runs(made: Object) -> bool:
    return (group_of(made), made["kind"]) in RUN


def _create(connection: Connection, hook: Target, mark: str, what: str, *, removal: bool) -> None:
    try:
        connection.create(hook.collection, _marked(hook.made, mark))
    except errors.Absent as error:
        raise _failed(f"{what} cannot be made: {error}", hook.key.kind, hook.key.name, removal=removal) from error
    except errors.Exists:  # by a worker that was here just now
        return
    except Permanent as error:
        if _NO_ACCOUNT in error.message:  # of a namespace that was made just now, or by a hook before
            raise Temporary(f"{what}: {error.message}", reason="WaitingForServiceAccount", after=2.0) from error
        said = f"{what} cannot be made: {error.message}"  # by its owner's rules: Pod Security, a quota, a webhook
        raise _failed(said, hook.key.kind, hook.key.name, removal=removal) from error


def _lacking(connection: Connection, seen: Object) -> str:
    """What a hook that runs lacks: a pod has to end, and not only to run."""
    if seen["kind"] != "Pod":
        return held_up.lacking(connection, seen)
    status = seen.get("status") or {}
    phase = status.get("phase", "")
    if phase == "Succeeded":
        return ""
    if phase == "Failed":
        ended = [c.get("state", {}).get("terminated") or {} for c in status.get("containerStatuses") or ()]
        codes = ", ".join(str(e["exitCode"]) for e in ended if e.get("exitCode"))
        said = status.get("message") or (f"exit code {codes}" if codes else "no reason is said")
        return foreign.text(f"failed: {said}", 200)
    return held_up.trouble(seen) or "not complete"


def _seconds(seen: Object) -> int:
    return int(seen["spec"].get("activeDeadlineSeconds") or HOOK_SECONDS)


def _overdue(connection: Connection, seen: Object) -> bool:
    """Whether it should have been ended by now, by the API server's clock: by the Job controller or the kubelet, which
    counts only once the pod has a node."""
    now, made = connection.said_at, datetime.fromisoformat(seen["metadata"]["creationTimestamp"])
    return now is not None and (now - made).total_seconds() > _seconds(seen) + _LATE_SECONDS


def _failed(said: str, kind: str, name: str, *, removal: bool) -> Permanent:
    again = f"Read the logs of the {kind} {name}; delete it to have it run again"
    return Permanent(
        said,
        reason="HookFailed",
        responsible=Responsible.USER,
        remedy=f"{again}; {_WITH_REMOVAL}" if removal else f"{again}.",
    )


def _marked(hook: Object, mark: str) -> Object:
    """The hook with the wish's mark, and one that runs with our bounds. It must not go by itself before its end was
    seen."""
    made = deepcopy(hook)
    made["metadata"]["annotations"] = {**(made["metadata"].get("annotations") or {}), _RAN_FOR: mark}
    if _runs(made):
        spec = made["spec"]
        spec["activeDeadlineSeconds"] = min(HOOK_SECONDS, spec.get("activeDeadlineSeconds") or HOOK_SECONDS)
    if made["kind"] == "Job":
        spec.pop("ttlSecondsAfterFinished", None)
        spec["backoffLimit"] = min(6, spec.get("backoffLimit", 6))
    return made
