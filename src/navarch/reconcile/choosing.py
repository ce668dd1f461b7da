"""Add-ons that a cluster chose: rendering, applying, removing, and what is judged of each at the end of a cycle."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from navarch.addons.contract import Access, Installation, Removal
from navarch.bootstrap.vault import open_values
from navarch.charts.differing import secrets_in, veiled
from navarch.charts.objects import malformed
from navarch.charts.rendering import Circumstances, Found, Rendered, Renderer, Unrenderable
from navarch.domain.catalogue import Item
from navarch.domain.chosen import APPLIED, Chosen, ChosenPhase, ChosenStatus, judge
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.observed import Observed, Wanted
from navarch.domain.outcomes import Again, Failed, Result
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition
from navarch.domain.steps import InstallChosen, RemoveChosen
from navarch.reconcile.dependencies import Dependencies
from navarch.store.contract import NotFound, StoredEntry

SOON, LATER = 3.0, 30.0
"""Seconds until the next look at a cluster while a chosen add-on is on its way, and while it is late or somebody
has to act."""
_ROUNDS = 3  # of rendering: what a lookup finds may lead to another


def install(
    dependencies: Dependencies, cluster: Cluster, token: int, access: Access, wish: Chosen, mark: str
) -> Again | None:
    """Render a chosen add-on and apply it as far as it goes now. Raises Temporary or Permanent."""
    store, status = dependencies.store, wish.status
    entry, chart = _entry(dependencies, wish)
    values = _values(dependencies, cluster.id, wish.name)
    version = cluster.spec.kubernetes_version
    apis = dependencies.addons.served(access)
    at = Circumstances(wish.name, wish.namespace, version, apis, upgrade=bool(status.applied))
    rendered = _rendered(dependencies, cluster.project_id, access, chart, values, at)
    wrong = malformed((*rendered.definitions, *rendered.objects))
    if wrong:
        raise _faulty(wish, wrong)

    def note(items: tuple[Item, ...]) -> None:
        nonlocal status
        status = replace(status, items=items)
        store.note_chosen(cluster.id, token, wish.name, status)

    wanted = Installation(
        name=wish.name,
        namespace=wish.namespace,
        mark=mark,
        upgrade=bool(status.applied),
        objects=(*rendered.definitions, *_namespace(wish, rendered), *rendered.objects),
        before=status.items,
        ignore=entry.card.ignore,
        applied=status.applied == mark,
    )
    done = dependencies.addons.install(access, wanted, note)
    status = replace(status, items=done.items, notes=veiled(rendered.notes[:5000], secrets_in(values, entry.schema)))
    if not done.waits:
        status = replace(status, applied=mark, applied_version=wish.version)
    store.note_chosen(cluster.id, token, wish.name, status)
    return Again(SOON, "WaitingForObjects", "; ".join(done.waits)) if done.waits else None


def uninstall(dependencies: Dependencies, cluster: Cluster, token: int, access: Access, wish: Chosen) -> Again | None:
    """Take a chosen add-on out as far as it goes now, and forget it once it is gone. Raises Temporary or Permanent."""
    waits = dependencies.addons.uninstall(access, Removal(wish.name, wish.status.items, wish.with_data))
    if waits:
        return Again(SOON, "WaitingForRemoval", "; ".join(waits[:10]))
    dependencies.store.forget_chosen(cluster.id, token, wish.name)
    return None


def judge_chosen(
    dependencies: Dependencies,
    cluster: Cluster,
    token: int,
    observed: Observed,
    wanted: Wanted,
    results: Iterable[Result],
    now: datetime,
) -> float:
    """Write what is to be said of each chosen add-on; gives in how many seconds the cluster is to be looked at."""
    if not observed.record.chosen:
        return inf
    about = {r.step.subject: r for r in results if isinstance(r.step, InstallChosen | RemoveChosen)}
    seen = {c.name: c for c in observed.kube.chosen} if observed.kube is not None else {}
    kube = observed.kube
    held = cluster.spec.paused or kube is None or not wanted.addons or bool(wanted.missing(kube))
    after = inf
    for wish in dependencies.store.chosen(cluster.id):
        result = about.get(wish.name)
        waits = result.outcome.message if result is not None and isinstance(result.outcome, Again) else ""
        mark = wish.mark(cluster.spec.kubernetes_version)
        judged = judge(wish, seen.get(wish.name), mark, _trouble(result), waits, now, held=held)
        if judged != wish.status:
            dependencies.store.note_chosen(cluster.id, token, wish.name, judged)
        after = min(after, inf if held else _look_again(judged, now))
    return after


def _look_again(status: ChosenStatus, now: datetime) -> float:
    if status.phase is ChosenPhase.READY:
        return inf
    return LATER if status.late(now) or status.phase is ChosenPhase.BLOCKED else SOON


def _trouble(result: Result | None) -> Condition | None:
    if result is None or not isinstance(result.outcome, Failed):
        return None
    failed = result.outcome
    return Condition(APPLIED, "False", failed.reason, failed.message, failed.responsible, failed.remedy)


def _entry(dependencies: Dependencies, wish: Chosen) -> tuple[StoredEntry, bytes]:
    try:
        chart = dependencies.store.chart(wish.entry, wish.version)
        return next(e for e in dependencies.store.entries(wish.entry) if e.card.version == wish.version), chart
    except (NotFound, StopIteration):
        raise Permanent(
            f"the catalogue has no {wish.entry} {wish.version}",
            reason="EntryMissing",
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Add that version of the entry to the catalogue again.",
        ) from None


def _values(dependencies: Dependencies, cluster_id: str, name: str) -> dict[str, Any]:
    sealed = dependencies.store.values(cluster_id, name)
    return {} if sealed is None else open_values(dependencies.sealer, cluster_id, name, sealed)


def _rendered(
    dependencies: Dependencies, owner: str, access: Access, chart: bytes, values: dict[str, Any], at: Circumstances
) -> Rendered:
    """The chart with what its lookups find. They are answered within the add-on's own namespace alone."""
    found: tuple[Found, ...] = ()
    for _ in range(_ROUNDS):
        try:
            rendered = _renderer(dependencies).render(chart, values, replace(at, found=found), owner=owner)
        except Unrenderable as error:
            raise Permanent(
                f"the chart does not render: {'; '.join(error.problems[:5])}",
                reason="NotRendered",
                responsible=Responsible.USER,
                remedy="Change the values; if these are right, tell the operator of the catalogue.",
            ) from None
        if not rendered.lookups:
            break
        mine = [asked for asked in rendered.lookups if asked.namespace in ("", at.namespace)]
        others = tuple(Found(asked, ()) for asked in rendered.lookups if asked not in mine)
        found = (*found, *others, *dependencies.addons.answer(access, mine))
    return rendered


def _renderer(dependencies: Dependencies) -> Renderer:
    if dependencies.renderer is None:
        raise Permanent(
            "this worker renders no charts",
            reason="RendererMissing",
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Say in the setting `catalogue.renderer` where navarch-render is.",
        )
    return dependencies.renderer


def _namespace(wish: Chosen, rendered: Rendered) -> tuple[dict[str, Any], ...]:
    """The add-on's namespace, where its chart does not make it itself."""
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wish.namespace}}
    there = any(o.get("kind") == "Namespace" and o["metadata"]["name"] == wish.namespace for o in rendered.objects)
    return () if there else (made,)


def _faulty(wish: Chosen, wrong: list[str]) -> Permanent:
    return Permanent(
        f"{wish.entry} {wish.version} renders what cannot be applied: {'; '.join(wrong[:5])}",
        reason="ChartFaulty",
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="Mend the entry and add it as a new version: `navarch-server catalogue check` shows the same.",
    )
