"""`/kaas/v1/clusters/{cluster}/kubeconfigs`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from navarch.api import policy
from navarch.api.access import OptionalBody, allowed
from navarch.api.models.responses import KubeconfigView
from navarch.api.problems import documented
from navarch.service import kubeconfigs
from navarch.service.access import Access

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/kubeconfigs", tags=["clusters"])


@router.post(
    "",
    status_code=201,
    response_model=KubeconfigView,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra={"x-body": "NewKubeconfig"},
)
def issue_kubeconfig(
    access: Annotated[Access, Depends(allowed(policy.KUBECONFIGS))], body: OptionalBody, cluster: str
) -> Any:
    """Issue a client certificate that ends by itself, as a kubeconfig. It is noted in the timeline and kept nowhere."""
    text, expires_at = kubeconfigs.issue(access, cluster, body)
    return KubeconfigView(kubeconfig=text, expires_at=expires_at)
