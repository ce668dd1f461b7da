"""`/kaas/v1/clusters/{cluster}/machines`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from navarch.api import policy
from navarch.api.access import DryRun, IfMatch, MayRead, allowed, answer
from navarch.api.models.responses import MachinePage, MachineView, PlanView
from navarch.api.node_groups import planned
from navarch.api.problems import documented
from navarch.api.views import machine_view
from navarch.service import machines
from navarch.service.access import Access

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/machines", tags=["clusters"])


@router.get("", response_model=MachinePage, responses=documented(400, 401, 403, 404, 503))
def list_machines(
    access: MayRead,
    cluster: str,
    removed: Annotated[bool, Query(description="Also those that are gone.")] = False,
) -> Any:
    """A cluster's machines in order of their making, with the boot phases that each reported."""
    stored = access.cluster(cluster)
    found = access.service.store.machines(stored.cluster.id, removed=removed)
    return MachinePage(machines=[machine_view(m) for m in found])


@router.delete(
    "/{machine}",
    status_code=202,
    response_model=MachineView | PlanView,
    responses={
        200: {"model": PlanView, "description": "dry_run: what would be done."},
        202: {"model": MachineView, "description": "Accepted."},
        **documented(400, 401, 403, 404, 409, 412, 422, 503),
    },
)
def delete_machine(
    access: Annotated[Access, Depends(allowed(policy.MACHINES))],
    cluster: str,
    machine: str,
    if_match: IfMatch,
    keep_size: Annotated[
        bool, Query(description="Another takes its place. Otherwise its node group becomes one smaller.")
    ] = False,
    dry_run: DryRun = False,
) -> Any:
    """Ask a machine to go, its pods first. Asking again changes nothing. One of the control plane can only be replaced:
    keep_size. If-Match: the ETag of its node group, or of the cluster for one of the control plane."""
    if dry_run:
        return planned(machines.plan_deletion(access, cluster, machine, keep_size=keep_size, generations=if_match))
    gone = machines.delete(access, cluster, machine, keep_size=keep_size, generations=if_match)
    return answer(machine_view(gone).model_dump_json().encode(), 202)
