"""Asking for a cluster, changing it, asking it to go."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from navarch.bootstrap.vault import close_values
from navarch.domain import drafts
from navarch.domain.admission import consider_cluster
from navarch.domain.change import admit_change, growth
from navarch.domain.errors import FieldError
from navarch.domain.maintenance import behind
from navarch.domain.needs import compare, needs_of, shortages
from navarch.domain.offer import Offer
from navarch.domain.prices import price_of
from navarch.domain.spec import Cluster
from navarch.domain.status import Status
from navarch.domain.upgrades import Circumstances, turning_point
from navarch.service import wish
from navarch.service.access import ANY, Access, Generations, being_deleted
from navarch.service.attempts import attempts, overtaken
from navarch.service.choice import NO_LONGER, consider_new
from navarch.service.chosen import note_asked
from navarch.service.plans import Plan, change_text, changes, plan_of_change
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.service.understanding import accepted, judged, understand
from navarch.service.upgrades import circumstances
from navarch.store.contract import EntryGone, NameTaken, NotFound, Stale, Stored

Document = dict[str, Any]


def create(access: Access, project_id: str, document: Document, *, key: str | None = None) -> Stored:
    """Ask for a cluster. Nothing but its name is needed. The same `key` and document give the cluster that they made
    before. Raises Invalid, InTheWay, NotYet, and the store's IdempotencyMismatch, TooMany, Unavailable."""
    store, digest = access.service.store, _digest(access, document)
    earlier = _made_before(access, project_id, key, digest)
    if earlier is not None:
        return earlier
    plan, errors = _considered(access, project_id, document)
    errors = (*errors, *shortages(plan.needs))
    if errors:
        # What is missing may be what a repeat of this request, a moment faster, has taken.
        earlier = _made_before(access, project_id, key, digest)
        if earlier is not None:
            return earlier
        raise Invalid(errors)
    cluster, most = plan.cluster, access.service.settings.clusters_per_project
    sealer, chosen = access.service.sealer, [(choice.wish, choice.values) for choice in plan.addons]
    addons = [(wish_, close_values(sealer, cluster.id, wish_.name, values)) for wish_, values in chosen]
    try:
        stored = store.create_cluster(cluster, addons=addons, idempotency_key=key, body_digest=digest, most=most)
    except NameTaken:
        raise _taken(cluster.name) from None
    except EntryGone as error:
        raise Invalid((FieldError("spec.addons", f"{error}: it {NO_LONGER}"),)) from None
    except NotFound:
        raise _gone() from None
    if stored.cluster.id == cluster.id:  # and not what a request with the same key made at the same time
        access.note(cluster.id, "ClusterRequested", "asked for the cluster", subject=cluster.name)
        for asked, _ in addons:
            note_asked(access, cluster.id, asked)
    return stored


def plan_creation(access: Access, project_id: str, document: Document) -> Plan:
    """What `create` would do, and whether the quotas suffice. Raises as it does, but for quotas."""
    plan, errors = _considered(access, project_id, document)
    if errors:
        raise Invalid(errors)
    service, name = access.service, plan.cluster.name
    try:
        service.store.check_room(project_id, name, most=service.settings.clusters_per_project)
    except NameTaken:
        raise _taken(name) from None
    return replace(plan, steps=tuple(access.service.planner(plan.cluster)))


def change(access: Access, reference: str, patch: Document, *, generations: Generations = ANY) -> Stored:
    """Merge a patch into a cluster's labels and spec. Raises Missing, Invalid, InTheWay, and the store's Stale,
    Unreadable, Unavailable."""
    for _ in attempts():
        stored = access.cluster(reference)
        before = stored.cluster
        generations.check(before.generation)
        seen = circumstances(access, stored)
        after = _changed(access, stored, patch, seen)
        if after == before:
            return stored
        try:
            asked = replace(after, request_id=access.request_id)
            changed = access.service.store.change_cluster(
                asked, generation=before.generation, staying=turning_point(before, after, seen.machines)
            )
        except Stale:
            continue  # somebody was faster: the patch is merged into what is there now, unless that is not wanted
        except NotFound:
            raise Missing("cluster") from None
        text = change_text(wish.of_cluster(before), wish.of_cluster(changed.cluster))
        text = text or "what waits for its maintenance window to be done now"
        access.note(before.id, "ChangeRequested", f"asked for {text}", subject=before.name)
        return changed
    raise overtaken()


def plan_change(access: Access, reference: str, patch: Document, *, generations: Generations = ANY) -> Plan:
    """What `change` would do, and whether the quotas suffice. Raises as it does otherwise."""
    stored = access.cluster(reference)
    generations.check(stored.cluster.generation)
    after = _changed(access, stored, patch, circumstances(access, stored), in_earnest=False)
    differs = changes(wish.of_cluster(stored.cluster), wish.of_cluster(after))
    return plan_of_change(access, stored, after, access.offer(stored.cluster.project_id), differs)


def delete(access: Access, reference: str, *, keep_volumes: bool = False, generations: Generations = ANY) -> Stored:
    """Ask a cluster to go, with everything that it and its own controllers made; `keep_volumes`: but for the volumes of
    claims. Asking again changes nothing. Raises Missing, InTheWay (it is protected), and the store's Stale, Unreadable,
    Unavailable."""
    for _ in attempts():
        cluster = deletable(access, reference, generations).cluster
        try:
            gone = access.service.store.request_deletion(
                cluster.id,
                at=access.service.now(),
                keep_volumes=keep_volumes,
                generation=cluster.generation,  # the one that is not protected
                request_id=access.request_id,
            )
        except Stale:
            continue
        except NotFound:
            raise Missing("cluster") from None
        if not cluster.deleting:
            what = "delete the cluster, but to keep its volumes" if keep_volumes else "delete the cluster"
            access.note(gone.cluster.id, "DeletionRequested", f"asked to {what}", subject=gone.cluster.name)
        return gone
    raise overtaken()


def deletable(access: Access, reference: str, generations: Generations) -> Stored:
    """The cluster, if it can be asked to go. Raises Missing, InTheWay, and the store's Stale, Unreadable."""
    stored = access.cluster(reference)
    generations.check(stored.cluster.generation)
    if stored.cluster.spec.protected and not stored.cluster.deleting:
        raise _protected(stored.cluster.name)
    return stored


def _considered(access: Access, project_id: str, document: Document) -> tuple[Plan, tuple[FieldError, ...]]:
    """What would come of a request, and what is wrong with it apart from quotas."""
    quota = access.quota(project_id)
    offer = access.service.offer().beside(quota)
    given, malformed = understand(wish.NewCluster, document)
    draft = drafts.new_cluster(
        drafts.merge({}, wish.given(given)),
        id_=str(uuid4()),
        project_id=project_id,
        at=access.service.now(),
        created_by=access.user_name,
        request_id=access.request_id,
        region=access.service.settings.region,
    )
    cluster, wrong = consider_cluster(draft, offer)
    wrong += access.service.wrong_region(cluster.region)
    asked = wish.addons_of(given)
    version_known = any(r.kubernetes_version == cluster.spec.kubernetes_version for r in offer.releases)
    addons, wrong_addons = consider_new(access, cluster, asked, version_known=version_known)
    needs = compare(sum((choice.takes for choice in addons), needs_of(cluster, offer)), quota)
    price = price_of(cluster, offer, access.service.settings.prices)
    plan = Plan(cluster, Status(), needs=needs, quota_known=quota is not None, price=price, addons=addons)
    return plan, judged(malformed, (*wrong, *wrong_addons))


def _changed(
    access: Access, stored: Stored, patch: Document, seen: Circumstances, *, in_earnest: bool = True
) -> Cluster:
    """`in_earnest`: the quotas must suffice."""
    before = stored.cluster
    if before.deleting:
        raise being_deleted(before.name)
    given, malformed = understand(wish.ClusterPatch, patch)
    said = wish.given(given)
    draft = drafts.changed_cluster(before, drafts.merge(wish.of_cluster(before), said))
    of_spec = said.get("spec") or {}
    if "running" in of_spec:
        draft = drafts.said_to_run(before, draft, access.service.now())
    draft = drafts.said_release(before, draft, of_spec, under_way=bool(behind(before, seen.machines)))
    offer = access.service.store.offer() or Offer()
    after = admit_change(before, draft, offer, seen=seen)
    if not isinstance(after, Cluster) or growth(before, after, offer, None):
        quota = access.quota(before.project_id)  # and what this project alone may use
        after = admit_change(before, draft, offer.beside(quota), quota if in_earnest else None, seen=seen)
    return accepted(malformed, after)


def _made_before(access: Access, project_id: str, key: str | None, digest: str) -> Stored | None:
    """What the same request made before; None where it has no key."""
    if key is None:
        return None
    try:
        return access.service.store.made_with_key(project_id, key, digest)
    except NotFound:
        raise _gone() from None


def _taken(name: str) -> InTheWay:
    errors = (FieldError("name", f"{name!r} is taken"),)
    return InTheWay("name-taken", f"the project has a cluster named {name} already", errors)


def _protected(name: str) -> InTheWay:
    remedy = "is true: set it to false first (navarch cluster update --no-protected)"
    return InTheWay(
        "protected",
        f"{name} is protected from being deleted; nothing was changed",
        (FieldError("spec.protected", remedy),),
    )


def _gone() -> InTheWay:
    return InTheWay(
        "gone",
        "the cluster that was made with this key has been deleted; use another Idempotency-Key to make a new one",
    )


def _digest(access: Access, document: Document) -> str:
    """Of a request. Values of add-ons may be secret: what is kept of such a request must not be guessed from."""
    content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    if wish.names_addons(document):
        return access.service.sealer.fingerprint(content)
    return sha256(content).hexdigest()
