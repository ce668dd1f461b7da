"""Hooks of charts: Jobs that run before or after an add-on's objects are applied.

They run once for each wish, one after the other, within a time of ours. A Job that ended stays until all of the add-on
is done, so that nothing has to be remembered of it, and stays after that where it failed, for people to read.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy

from navarch.addons import errors, held_up
from navarch.addons.connection import Connection
from navarch.charts.objects import Object, hooks_of
from navarch.domain.errors import Permanent, Responsible

MOST_SECONDS = 600
_RAN_FOR = "navarch.io/hook-of"  # annotation: the mark of the wish


def due(jobs: Iterable[Object], when: str, *, upgrade: bool) -> list[Object]:
    """The hooks of this moment (`pre` or `post`), in order."""
    wanted = f"{when}-{'upgrade' if upgrade else 'install'}"
    return [job for job in jobs if wanted in hooks_of(job)]


def run(connection: Connection, jobs: Sequence[tuple[str, str, Object]], mark: str) -> str:
    """Run Jobs, each given with its path and the path of its list; what is waited for, in words, or nothing. Raises
    Permanent for one that failed."""
    for path, collection, job in jobs:
        name = job["metadata"]["name"]
        try:
            seen = connection.get(path)
        except errors.Absent:
            connection.create(collection, _bounded(job, mark))
            return f"hook {name} is started"
        if (seen["metadata"].get("annotations") or {}).get(_RAN_FOR) != mark:
            connection.delete(path, uid=seen["metadata"]["uid"])  # of another wish; made anew once it is gone
            return f"hook {name} of before is being removed"
        said = held_up.lacking(connection, seen)
        if said.startswith("failed"):
            raise Permanent(
                f"hook {name} {said}",
                reason="HookFailed",
                responsible=Responsible.USER,
                remedy=f"Read the logs of the Job {name}; delete the Job to have it run again.",
            )
        if said:
            return f"hook {name}: {said}"
    return ""


def tidy(connection: Connection, paths: Iterable[str]) -> None:
    """Remove Jobs that have done their work."""
    for path in paths:
        connection.delete(path)


def _bounded(job: Object, mark: str) -> Object:
    """The Job with our bounds. It must not go by itself before its end was seen."""
    made = deepcopy(job)
    made["metadata"]["annotations"] = {**(made["metadata"].get("annotations") or {}), _RAN_FOR: mark}
    spec = made["spec"]
    spec.pop("ttlSecondsAfterFinished", None)
    spec["activeDeadlineSeconds"] = min(MOST_SECONDS, spec.get("activeDeadlineSeconds") or MOST_SECONDS)
    spec["backoffLimit"] = min(6, spec.get("backoffLimit", 6))
    return made
