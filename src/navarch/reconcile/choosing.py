"""Add-ons that a cluster chose: rendering, applying, removing, and what is judged of each at the end of a cycle."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from navarch.addons.contract import Access, Installation, Removal, Trial
from navarch.addons.kinds import Discovery
from navarch.bootstrap.vault import open_values
from navarch.charts.differing import secrets_in, veiled
from navarch.charts.given import FACTS, completed
from navarch.charts.objects import RUN, TEST, group_of, hangs_more, hooks_of, kept_apart, malformed
from navarch.charts.rendering import Circumstances, Found, Rendered, Renderer, Unrenderable
from navarch.domain.catalogue import Item
from navarch.domain.chosen import APPLIED, COUNTED_EVERY, Chosen, ChosenPhase, TrialRun, judge
from navarch.domain.disputes import remembered
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.neighbours import awaited
from navarch.domain.observed import Observed, Wanted
from navarch.domain.outcomes import Again, Failed, Result
from navarch.domain.plan.chosen import hold
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition
from navarch.domain.steps import InstallChosen, RemoveChosen
from navarch.reconcile.dependencies import Dependencies
from navarch.store.contract import NotFound, StoredEntry

SOON, LATER = 3.0, 30.0
"""Seconds until the next look at a cluster while a chosen add-on is on its way, and while it is late or somebody
has to act."""
_WITHOUT = "To remove it without its hooks: navarch addon remove NAME --no-hooks."
_ROUNDS = 3  # of rendering: what a lookup finds may lead to another


def install(
    dependencies: Dependencies, cluster: Cluster, token: int, access: Access, wish: Chosen, mark: str
) -> Again | None:
    """Render a chosen add-on and apply it as far as it goes now. Raises Temporary or Permanent."""
    store, status = dependencies.store, wish.status
    served = dependencies.addons.served(access)
    entry, values, rendered = _made(dependencies, cluster, access, served, wish)

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
        served=served,
    )
    hooks = kept_apart(rendered.objects)[1]
    removal_hooks, tests = _told(hooks, "pre-delete", "post-delete"), _told(hooks, *TEST)
    if not status.applied:  # a version that comes after another has no say before it is there as a whole
        status = replace(status, removal_hooks=removal_hooks, tests=tests)
    done = dependencies.addons.install(access, wanted, note)
    status = replace(status, items=done.items, notes=veiled(rendered.notes[:5000], secrets_in(values, entry.schema)))
    status = replace(status, disputes=remembered(status.disputes, done.taken, dependencies.clock.now()))
    if not done.waits:
        status = replace(status, applied=mark, applied_version=wish.version, removal_hooks=removal_hooks, tests=tests)
    store.note_chosen(cluster.id, token, wish.name, status)
    return Again(SOON, "WaitingForObjects", "; ".join(done.waits)) if done.waits else None


def uninstall(dependencies: Dependencies, cluster: Cluster, token: int, access: Access, wish: Chosen) -> Again | None:
    """Take a chosen add-on out as far as it goes now, and forget it once it is gone. Raises Temporary or Permanent."""
    hooks: tuple[dict[str, Any], ...] = ()
    served = dependencies.addons.served(access)
    if wish.status.removal_hooks and not wish.no_hooks:
        there = replace(wish, version=wish.status.applied_version or wish.version)
        hooks = _hooks(dependencies, cluster, access, served, there, _WITHOUT)
    mark = f"removal {wish.generation}"
    items, where = wish.status.items, wish.namespace
    # Where nothing was ever made (others' objects were in the way) no program of it ran: what is called so is others'.
    came = bool(wish.status.applied) or any(item.uid for item in items)
    made = wish.terms.created_by(wish.name, wish.namespace) if came else ()
    removal = Removal(wish.name, items, wish.with_data, hooks, mark, where, creates=made, served=served)
    waits = dependencies.addons.uninstall(access, removal, _noting(dependencies, cluster, token, wish))
    if waits:
        return Again(SOON, "WaitingForRemoval", "; ".join(waits[:10]))
    dependencies.store.forget_chosen(cluster.id, token, wish.name)
    return None


def test(dependencies: Dependencies, cluster: Cluster, token: int, access: Access, wish: Chosen) -> Again | None:
    """Run a chosen add-on's tests as far as they go now, and note how they ended. Raises Temporary, and Permanent for
    those that failed."""
    wish = _as_noted(dependencies, cluster, wish)  # since the look, what it has may have been installed anew
    asked, items = wish.test_requested_at, wish.status.items
    if asked is None:
        return None

    def note(now: tuple[Item, ...]) -> None:
        nonlocal items
        items = now
        end(None, "")

    def end(passed: bool | None, said: str) -> None:
        status = replace(wish.status, items=items, test=TrialRun(asked, passed, said))
        dependencies.store.note_chosen(cluster.id, token, wish.name, status)

    try:
        served = dependencies.addons.served(access)
        hooks = _hooks(dependencies, cluster, access, served, wish)
        trial = Trial(wish.name, wish.namespace, f"test {asked.isoformat()}", items, hooks, served)
        waits = dependencies.addons.test(access, trial, note)
    except Permanent as error:
        end(False, error.message)
        raise
    end(None if waits else True, waits)
    return Again(SOON, "WaitingForTests", waits) if waits else None


def is_to_be_counted(wish: Chosen, now: datetime) -> bool:
    """Whether a look is to ask what hangs on an add-on: it has what more may hang on, and was not asked of late."""
    counted = wish.status.beside
    if not wish.status.applied or not any(map(hangs_more, wish.status.items)):
        return False
    return counted is None or counted.at is None or now - counted.at >= COUNTED_EVERY


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
    held = hold(cluster, observed, wanted, now)
    after = inf
    wishes = dependencies.store.chosen(cluster.id)
    for wish in wishes:
        result = about.get(wish.name)
        waits = result.outcome.message if result is not None and isinstance(result.outcome, Again) else ""
        mark = wish.mark(cluster.spec.kubernetes_version)
        if result is None and (wish.leaving or wish.status.applied != mark):
            waits = awaited(wish, wishes)
        judged = judge(wish, seen.get(wish.name), mark, _trouble(result), waits, now, held=held)
        if judged != wish.status:
            dependencies.store.note_chosen(cluster.id, token, wish.name, judged)
        after = min(after, inf if held is not None else _look_again(replace(wish, status=judged), now))
    return after


def _look_again(wish: Chosen, now: datetime) -> float:
    status = wish.status
    if status.phase is ChosenPhase.READY:
        return SOON if wish.to_test else inf
    acts = any(c.responsible is not None for c in status.conditions)  # somebody, whom to ask often hurries nothing
    return LATER if acts or status.late(now) else SOON


def _as_noted(dependencies: Dependencies, cluster: Cluster, wish: Chosen) -> Chosen:
    return next((c for c in dependencies.store.chosen(cluster.id) if c.name == wish.name), wish)


def _trouble(result: Result | None) -> Condition | None:
    if result is None or not isinstance(result.outcome, Failed):
        return None
    failed = result.outcome
    return Condition(APPLIED, "False", failed.reason, failed.message, failed.responsible, failed.remedy)


def _made(
    dependencies: Dependencies, cluster: Cluster, access: Access, served: Discovery, wish: Chosen
) -> tuple[StoredEntry, dict[str, Any], Rendered]:
    """The entry, the values that its user set, and what its chart makes of them. Raises Permanent."""
    entry, chart = _entry(dependencies, wish)
    values = _values(dependencies, cluster.id, wish.name)
    version = cluster.spec.kubernetes_version
    at = Circumstances(wish.name, wish.namespace, version, served.apis(), upgrade=bool(wish.status.applied))
    whole = completed(values, entry.schema, cluster, FACTS)
    rendered = _rendered(dependencies, cluster.project_id, access, served, chart, whole, at)
    if wrong := malformed((*rendered.definitions, *rendered.objects)):
        raise _faulty(wish, wrong)
    return entry, values, rendered


def _hooks(
    dependencies: Dependencies, cluster: Cluster, access: Access, served: Discovery, wish: Chosen, else_: str = ""
) -> tuple[dict[str, Any], ...]:
    """The hooks of its chart. `else_`: what one can do where it does not render."""
    try:
        _, _, rendered = _made(dependencies, cluster, access, served, wish)
    except Permanent as error:
        raise Permanent(
            error.message,
            reason=error.reason,
            responsible=error.responsible,
            remedy=f"{error.remedy} {else_}".strip(),
        ) from error
    return kept_apart(rendered.objects)[1]


def _told(hooks: Iterable[dict[str, Any]], *moments: str) -> tuple[str, ...]:
    """What runs then, in words, in order."""
    return tuple(
        f"{h['kind']} {h['metadata']['name']}"
        for h in hooks
        if (group_of(h), h["kind"]) in RUN and set(moments) & set(hooks_of(h))
    )


def _noting(
    dependencies: Dependencies, cluster: Cluster, token: int, wish: Chosen
) -> Callable[[tuple[Item, ...]], None]:
    return lambda items: dependencies.store.note_chosen(cluster.id, token, wish.name, replace(wish.status, items=items))


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
    dependencies: Dependencies,
    owner: str,
    access: Access,
    served: Discovery,
    chart: bytes,
    values: dict[str, Any],
    at: Circumstances,
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
        found = (*found, *others, *dependencies.addons.answer(access, mine, served))
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
