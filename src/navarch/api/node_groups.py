"""`/kaas/v1/clusters/{cluster}/node_groups`: resources of their own, so that an autoscaler, Terraform and a person
never write over each other."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from navarch.api import policy
from navarch.api.access import Body, DryRun, IfMatch, MayRead, allowed, answer, etag
from navarch.api.models.responses import NodeGroupPage, NodeGroupView, PlanView
from navarch.api.problems import documented
from navarch.api.views import node_group_view, plan_view
from navarch.domain.spec import NodeGroup
from navarch.service import node_groups
from navarch.service.access import Access
from navarch.service.plans import Plan
from navarch.store.contract import Stored

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/node_groups", tags=["node groups"])

MayWrite = Annotated[Access, Depends(allowed(policy.NODE_GROUPS))]


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
def create_node_group(access: MayWrite, body: Body, cluster: str, dry_run: DryRun = False) -> Any:
    """Ask for a node group."""
    if dry_run:
        return planned(node_groups.plan_creation(access, cluster, body))
    stored, made = node_groups.create(access, cluster, body)
    location = f"/kaas/v1/clusters/{stored.cluster.id}/node_groups/{made.name}"
    return _shown(stored, made, 202, Location=location)


@router.get("/{name}", response_model=NodeGroupView, responses=documented(400, 401, 403, 404, 503))
def show_node_group(access: MayRead, cluster: str, name: str) -> Any:
    """One node group."""
    stored = access.cluster(cluster)
    return _shown(stored, node_groups.group_of(stored, name))


@router.patch(
    "/{name}",
    response_model=NodeGroupView | PlanView,
    responses=documented(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    openapi_extra={"x-body": "NodeGroupPatch", "x-body-media-type": "application/merge-patch+json"},
)
def change_node_group(
    access: MayWrite, body: Body, cluster: str, name: str, if_match: IfMatch, dry_run: DryRun = False
) -> Any:
    """Merge a patch (RFC 7396) into a node group. Labels and taints reach nodes that run."""
    if dry_run:
        return planned(node_groups.plan_change(access, cluster, name, body, generations=if_match))
    return _shown(*node_groups.change(access, cluster, name, body, generations=if_match))


@router.delete(
    "/{name}", status_code=202, response_model=NodeGroupView, responses=documented(400, 401, 403, 404, 409, 412, 503)
)
def delete_node_group(access: MayWrite, cluster: str, name: str, if_match: IfMatch) -> Any:
    """Ask a node group to go: its nodes are drained and removed. Asking again changes nothing."""
    stored, gone = node_groups.delete(access, cluster, name, generations=if_match)
    return _shown(stored, gone, 202)


def planned(plan: Plan) -> Response:
    """The answer to a dry run."""
    return answer(plan_view(plan).model_dump_json().encode())


def _shown(stored: Stored, group: NodeGroup, status: int = 200, **headers: str) -> Response:
    content = node_group_view(group, stored.status).model_dump_json().encode()
    return answer(content, status, ETag=etag(group.generation), **headers)
