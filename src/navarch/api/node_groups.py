"""`/kaas/v1/clusters/{cluster}/node_groups`: resources of their own, so that an autoscaler, Terraform and a person
never write over each other."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from navarch.api import policy
from navarch.api.clusters import DryRun, MayRead
from navarch.api.models.requests import NewNodeGroup, NodeGroupPatch
from navarch.api.models.responses import NodeGroupPage, NodeGroupView, PlanView
from navarch.api.parsing import Document, judged, merge, understand
from navarch.api.plans import change_text, plan_view
from navarch.api.problems import Problem, documented, invalid, not_found
from navarch.api.service import Access, Body, IfMatch, allowed, etag, matched
from navarch.api.views import node_group_view
from navarch.domain.admission import Refusal
from navarch.domain.change import admit_node_group, admit_node_group_change, growth
from navarch.domain.errors import FieldError
from navarch.domain.spec import Cluster, NodeGroup
from navarch.domain.status import Status
from navarch.store.contract import NameTaken, NotFound, Stale, Stored

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/node_groups", tags=["node groups"])

MayWrite = Annotated[Access, Depends(allowed(policy.NODE_GROUPS))]
_RETRIES = 5


@router.get("", response_model=NodeGroupPage, responses=documented(400, 401, 403, 404, 503))
def list_node_groups(access: MayRead, cluster: str) -> Any:
    """All node groups of a cluster."""
    stored = access.cluster(cluster)
    return NodeGroupPage(node_groups=[node_group_view(g, stored.status) for g in stored.cluster.node_groups])


@router.post(
    "",
    status_code=202,
    response_model=NodeGroupView | PlanView,
    responses={
        200: {"model": PlanView, "description": "dry_run: what would be done."},
        202: {"model": NodeGroupView, "description": "Accepted."},
        **documented(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra={"x-body": "NewNodeGroup"},
)
def create_node_group(
    access: MayWrite, body: Body, request: Request, response: Response, cluster: str, dry_run: DryRun = False
) -> Any:
    """Ask for a node group."""
    stored = _changeable(access, request, cluster)
    parsed, malformed = understand(NewNodeGroup, body)
    offer, quota = access.service.offer(), access.quota(stored.cluster.project_id)
    group = admit_node_group(stored.cluster, parsed.asked(), offer, None if dry_run else quota)
    errors = judged(malformed, group.errors if isinstance(group, Refusal) else ())
    if errors or isinstance(group, Refusal):
        raise invalid(errors)
    if stored.cluster.group(group.name) is not None:
        raise _taken(group.name)
    if dry_run:
        response.status_code = 200
        after = replace(stored.cluster, node_groups=(*stored.cluster.node_groups, group))
        needs = growth(stored.cluster, after, offer, quota)
        return plan_view(after, status=stored.status, before=stored.cluster, needs=needs, quota=quota)
    try:
        made = access.service.store.add_node_group(stored.cluster.id, group, request_id=access.request_id)
    except NameTaken:
        raise _taken(group.name) from None
    except NotFound:
        raise not_found("cluster") from None
    text = f"asked for node group {made.name}, {made.spec.replicas} of {made.spec.flavor}"
    access.note(stored.cluster.id, "NodeGroupRequested", text, subject=made.name)
    response.headers["Location"] = f"/kaas/v1/clusters/{stored.cluster.id}/node_groups/{made.name}"
    return _shown(response, made, stored.status)


@router.get("/{name}", response_model=NodeGroupView, responses=documented(400, 401, 403, 404, 503))
def show_node_group(access: MayRead, response: Response, cluster: str, name: str) -> Any:
    """One node group."""
    stored = access.cluster(cluster)
    return _shown(response, _group(stored, name), stored.status)


@router.patch(
    "/{name}",
    response_model=NodeGroupView | PlanView,
    responses=documented(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    openapi_extra={"x-body": "NodeGroupPatch", "x-body-media-type": "application/merge-patch+json"},
)
def change_node_group(
    access: MayWrite,
    body: Body,
    request: Request,
    response: Response,
    cluster: str,
    name: str,
    dry_run: DryRun = False,
    if_match: IfMatch = None,
) -> Any:
    """Merge a patch (RFC 7396) into a node group. Labels and taints are those of nodes made from now on."""
    for _ in range(_RETRIES):
        stored = _changeable(access, request, cluster)
        before = _group(stored, name)
        matched(if_match, before.generation)
        if before.deletion_requested_at is not None:
            raise Problem(409, "deleting", f"node group {name} is being deleted")
        after, plan = _changed(access, stored, before, body, dry_run)
        if plan is not None:
            return plan
        if after == before:
            return _shown(response, before, stored.status)
        try:
            changed = access.service.store.change_node_group(
                stored.cluster.id, after, generation=before.generation, request_id=access.request_id
            )
        except Stale:
            continue
        except NotFound:
            raise not_found("node group") from None
        text = change_text(node_group_view(before, stored.status), node_group_view(changed, stored.status))
        access.note(stored.cluster.id, "NodeGroupChangeRequested", f"asked for {name} {text}", subject=name)
        return _shown(response, changed, stored.status)
    raise Problem(409, "busy", "it is being changed by others all the time; try again")


@router.delete(
    "/{name}", status_code=202, response_model=NodeGroupView, responses=documented(400, 401, 403, 404, 409, 412, 503)
)
def delete_node_group(
    access: MayWrite, request: Request, response: Response, cluster: str, name: str, if_match: IfMatch = None
) -> Any:
    """Ask a node group to go: its nodes are drained and removed. Asking again changes nothing."""
    stored = _changeable(access, request, cluster)
    before = _group(stored, name)
    generation = matched(if_match, before.generation)
    try:
        gone = access.service.store.request_node_group_deletion(
            stored.cluster.id, name, at=access.service.now(), generation=generation, request_id=access.request_id
        )
    except NotFound:
        raise not_found("node group") from None
    if before.deletion_requested_at is None:
        access.note(stored.cluster.id, "NodeGroupDeletionRequested", f"asked to delete node group {name}", subject=name)
    return _shown(response, gone, stored.status)


def _changed(
    access: Access, stored: Stored, before: NodeGroup, patch: Document, dry_run: bool
) -> tuple[NodeGroup, PlanView | None]:
    """The node group with the patch merged in, and the plan where one was asked for. Raises Problem."""
    current = {"name": before.name, "spec": node_group_view(before, stored.status).spec.model_dump(mode="json")}
    parsed, malformed = understand(NodeGroupPatch, merge(current, patch))
    asked, cluster = parsed.asked(), stored.cluster
    offer = access.service.offer()
    grows = dry_run or (asked.replicas or 0) > before.spec.replicas
    quota = access.quota(cluster.project_id) if grows else None
    after = admit_node_group_change(cluster, before, asked, offer, None if dry_run else quota)
    errors = judged(malformed, after.errors if isinstance(after, Refusal) else ())
    if errors or isinstance(after, Refusal):
        raise invalid(errors)
    if not dry_run:
        return after, None
    changed = _with(cluster, after)
    needs = growth(cluster, changed, offer, quota)
    return after, plan_view(changed, status=stored.status, before=cluster, needs=needs, quota=quota)


def _with(cluster: Cluster, group: NodeGroup) -> Cluster:
    return replace(cluster, node_groups=tuple(group if g.name == group.name else g for g in cluster.node_groups))


def _changeable(access: Access, request: Request, cluster: str) -> Stored:
    stored = access.cluster(cluster)
    request.state.cluster_id = stored.cluster.id
    if stored.cluster.deleting:
        raise Problem(409, "deleting", f"{stored.cluster.name} is being deleted")
    return stored


def _group(stored: Stored, name: str) -> NodeGroup:
    group = stored.cluster.group(name)
    if group is None:
        raise not_found("node group")
    return group


def _taken(name: str) -> Problem:
    errors = [FieldError("name", f"{name!r} is taken")]
    return Problem(409, "name-taken", f"the cluster has a node group named {name} already", errors=errors)


def _shown(response: Response, group: NodeGroup, status: Status) -> NodeGroupView:
    response.headers["ETag"] = etag(group.generation)
    return node_group_view(group, status)
