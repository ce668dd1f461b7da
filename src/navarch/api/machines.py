"""`/kaas/v1/clusters/{cluster}/machines`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from navarch.api.access import MayRead
from navarch.api.models.responses import MachinePage
from navarch.api.problems import documented
from navarch.api.views import machine_view

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/machines", tags=["clusters"])


@router.get("", response_model=MachinePage, responses=documented(400, 401, 403, 404, 503))
def list_machines(
    access: MayRead,
    cluster: str,
    removed: Annotated[bool, Query(description="Also those that are gone.")] = False,
) -> Any:
    """A cluster's machines in order of their making, with the boot phases that each reported."""
    stored = access.cluster(cluster)
    machines = access.service.store.machines(stored.cluster.id, removed=removed)
    return MachinePage(machines=[machine_view(m) for m in machines])
