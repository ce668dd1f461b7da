"""Dry runs: what a request would do, shown before anything is done."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from navarch.api.models.responses import ChangeView, NeedView, PlanView, StepView
from navarch.api.views import cluster_view
from navarch.domain.codec import encode
from navarch.domain.needs import Need
from navarch.domain.offer import Quota
from navarch.domain.spec import Cluster
from navarch.domain.status import Status
from navarch.domain.steps import Step
from navarch.store.contract import Stored

_LONGEST_TEXT = 1000


def plan_view(
    cluster: Cluster,
    *,
    status: Status,
    steps: Sequence[Step] = (),
    needs: tuple[Need, ...] = (),
    quota: Quota | None = None,
    before: Cluster | None = None,
) -> PlanView:
    """The answer to a dry run that would make `cluster`, out of `before` where there is one."""
    after = cluster_view(Stored(cluster, status))
    changes: list[ChangeView] = []
    if before is not None:
        old = cluster_view(Stored(before, status)).model_dump(mode="json", include={"labels", "spec"})
        changes = list(_changes("", old, after.model_dump(mode="json", include={"labels", "spec"})))
    return PlanView(
        cluster=after,
        fits=not any(need.short for need in needs),
        quota_known=quota is not None,
        needs=[_need(need) for need in needs],
        steps=[_step(step) for step in steps],
        changes=changes,
    )


def _need(need: Need) -> NeedView:
    return NeedView(
        resource=need.resource,
        needed=need.needed,
        free=need.free,
        limit=need.limit,
        used=need.used,
        unit=need.unit,
        short=need.short,
    )


def _step(step: Step) -> StepView:
    details: Any = encode(step)
    name = details.pop("name", "")
    # Ids of what does not exist yet are made up, and tell nothing.
    known = {k: v for k, v in details.items() if k == "image_id" or not k.endswith(("_id", "_ids"))}
    return StepView(kind=type(step).__name__, name=name, details=known)


def change_text(before: Any, after: Any) -> str:
    """What differs between two views, on one line."""
    dumped = [view.model_dump(mode="json", include={"labels", "spec"}) for view in (before, after)]
    said = (f"{c.field} {json.dumps(c.before)} -> {json.dumps(c.after)}" for c in _changes("", *dumped))
    return ", ".join(said)[:_LONGEST_TEXT]


def _changes(path: str, before: Any, after: Any) -> Iterator[ChangeView]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _changes(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif before != after:
        yield ChangeView(field=path, before=before, after=after)
