"""Node groups of a cluster: asking for one, changing it, asking it to go."""

from dataclasses import replace
from typing import Any

from navarch.domain import drafts
from navarch.domain.change import admit_node_group, admit_node_group_change, with_node_group
from navarch.domain.errors import FieldError
from navarch.domain.needs import needs_of_change
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster, NodeGroup
from navarch.service import wish
from navarch.service.access import ANY, Access, Generations, being_deleted
from navarch.service.attempts import attempts, overtaken
from navarch.service.plans import Plan, change_text, changes, plan_of_change
from navarch.service.refusals import InTheWay, Missing
from navarch.service.understanding import accepted, understand
from navarch.store.contract import NameTaken, NotFound, Stale, Stored

Document = dict[str, Any]


def create(access: Access, reference: str, document: Document) -> tuple[Stored, NodeGroup]:
    """Ask for a node group; gives its cluster, too. Raises Missing, Invalid, InTheWay, NotYet, and the store's
    Unreadable, Unavailable, as all here."""
    stored = access.changeable(reference)
    cluster = stored.cluster
    quota = access.quota(cluster.project_id)
    group = _admitted(access, cluster, document, access.service.offer().beside(quota), quota)
    try:
        made = access.service.store.add_node_group(cluster.id, group, request_id=access.request_id)
    except NameTaken:
        raise _taken(group.name) from None
    except NotFound:
        raise Missing("cluster") from None
    text = f"asked for node group {made.name}, {made.spec.replicas} of {made.spec.flavor}"
    access.note(cluster.id, "NodeGroupRequested", text, subject=made.name)
    return stored, made


def plan_creation(access: Access, reference: str, document: Document) -> Plan:
    """What `create` would do, and whether the quotas suffice."""
    stored = access.changeable(reference)
    offer = access.offer(stored.cluster.project_id)
    group = _admitted(access, stored.cluster, document, offer, None)
    after = replace(stored.cluster, node_groups=(*stored.cluster.node_groups, group))
    return plan_of_change(access, stored, after, offer)


def change(
    access: Access, reference: str, name: str, patch: Document, *, generations: Generations = ANY
) -> tuple[Stored, NodeGroup]:
    """Merge a patch into a node group. Raises Stale where it is not of one of these generations."""
    for _ in attempts():
        stored, before = _found(access, reference, name, generations)
        draft, malformed = _drafted(access, before, patch)
        offer = access.offer(stored.cluster.project_id)
        after = _judged(stored.cluster, before, draft, malformed, offer, None)
        if needs_of_change(stored.cluster, with_node_group(stored.cluster, name, after), offer):
            quota = access.quota(stored.cluster.project_id)
            after = _judged(stored.cluster, before, draft, malformed, offer, quota)
        if after == before:
            return stored, before
        try:
            changed = access.service.store.change_node_group(
                stored.cluster.id, after, generation=before.generation, request_id=access.request_id
            )
        except Stale:
            continue
        except NotFound:
            raise Missing("node group") from None
        text = change_text(wish.of_node_group(before), wish.of_node_group(changed))
        if changed.spec.autoscaling is not None and changed.spec.replicas != before.spec.replicas:
            text += "; autoscaling goes on from there"
        access.note(stored.cluster.id, "NodeGroupChangeRequested", f"asked for {name} {text}", subject=name)
        return stored, changed
    raise overtaken()


def plan_change(access: Access, reference: str, name: str, patch: Document, *, generations: Generations = ANY) -> Plan:
    """What `change` would do, and whether the quotas suffice."""
    stored, before = _found(access, reference, name, generations)
    draft, malformed = _drafted(access, before, patch)
    offer = access.offer(stored.cluster.project_id)
    after = _judged(stored.cluster, before, draft, malformed, offer, None)
    differs = changes(wish.of_node_group(before), wish.of_node_group(after))
    return plan_of_change(access, stored, with_node_group(stored.cluster, name, after), offer, differs)


def delete(access: Access, reference: str, name: str, *, generations: Generations = ANY) -> tuple[Stored, NodeGroup]:
    """Ask a node group to go: its nodes are drained and removed. Asking again changes nothing."""
    stored = access.changeable(reference)
    before = group_of(stored, name)
    generation = generations.check(before.generation)
    try:
        gone = access.service.store.request_node_group_deletion(
            stored.cluster.id, name, at=access.service.now(), generation=generation, request_id=access.request_id
        )
    except NotFound:
        raise Missing("node group") from None
    if before.deletion_requested_at is None:
        access.note(stored.cluster.id, "NodeGroupDeletionRequested", f"asked to delete node group {name}", subject=name)
    return stored, gone


def group_of(stored: Stored, name: str) -> NodeGroup:
    """The node group of that name. Raises Missing."""
    group = stored.cluster.group(name)
    if group is None:
        raise Missing("node group")
    return group


def _found(access: Access, reference: str, name: str, generations: Generations) -> tuple[Stored, NodeGroup]:
    stored = access.changeable(reference)
    group = group_of(stored, name)
    generations.check(group.generation)
    if group.deletion_requested_at is not None:
        raise being_deleted(f"node group {name}")
    return stored, group


def _admitted(access: Access, cluster: Cluster, document: Document, offer: Offer, quota: Quota | None) -> NodeGroup:
    given, malformed = understand(wish.NewNodeGroup, document)
    draft = drafts.new_node_group(drafts.merge({}, wish.given(given)))
    group = accepted(malformed, admit_node_group(cluster, draft, offer, quota))
    if cluster.group(group.name) is not None:
        raise _taken(group.name)
    return group


def _drafted(access: Access, before: NodeGroup, patch: Document) -> tuple[NodeGroup, tuple[FieldError, ...]]:
    given, malformed = understand(wish.NodeGroupPatch, patch)
    draft = drafts.changed_node_group(before, drafts.merge(wish.of_node_group(before), wish.given(given)))
    return drafts.said_to_follow(before, draft, access.service.now()), malformed


def _judged(
    cluster: Cluster,
    before: NodeGroup,
    draft: NodeGroup,
    malformed: tuple[FieldError, ...],
    offer: Offer,
    quota: Quota | None,
) -> NodeGroup:
    return accepted(malformed, admit_node_group_change(cluster, before, draft, offer, quota))


def _taken(name: str) -> InTheWay:
    errors = (FieldError("name", f"{name!r} is taken"),)
    return InTheWay("name-taken", f"the cluster has a node group named {name} already", errors)
