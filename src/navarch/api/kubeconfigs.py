"""`/kaas/v1/clusters/{cluster}/kubeconfigs`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from navarch.api import policy
from navarch.api.access import DryRun, MayRead, OptionalBody, allowed
from navarch.api.models.responses import IssuedKubeconfigView, KubeconfigPage, KubeconfigView
from navarch.api.problems import documented
from navarch.api.views import kubeconfig_view
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
    """Issue a client certificate that ends by itself, as a kubeconfig. It is kept nowhere; that there is one, and
    whose, is in the timeline."""
    text, issued = kubeconfigs.issue(access, cluster, body)
    return KubeconfigView(id=issued.id, kubeconfig=text, expires_at=issued.expires_at)


@router.get("", response_model=KubeconfigPage, responses=documented(400, 401, 403, 404, 503))
def list_kubeconfigs(access: MayRead, cluster: str) -> Any:
    """Kubeconfigs of a cluster that were issued and have not ended, oldest first."""
    return KubeconfigPage(kubeconfigs=[kubeconfig_view(k) for k in kubeconfigs.listed(access, cluster)])


@router.get("/{kubeconfig}", response_model=IssuedKubeconfigView, responses=documented(400, 401, 403, 404, 503))
def show_kubeconfig(access: MayRead, cluster: str, kubeconfig: str) -> Any:
    """What is known of one of them."""
    return kubeconfig_view(kubeconfigs.one(access, cluster, kubeconfig))


@router.delete(
    "/{kubeconfig}",
    status_code=202,
    response_model=IssuedKubeconfigView,
    responses={
        200: {"model": IssuedKubeconfigView, "description": "dry_run: as it would be."},
        202: {"model": IssuedKubeconfigView, "description": "Accepted."},
        **documented(400, 401, 403, 404, 503),
    },
)
def revoke_kubeconfig(
    access: Annotated[Access, Depends(allowed(policy.REVOCATIONS))],
    response: Response,
    cluster: str,
    kubeconfig: str,
    dry_run: DryRun = False,
) -> Any:
    """Have the cluster refuse a kubeconfig before its end: `state` says when it does. Asking again changes nothing.
    What was made with it in the cluster, service accounts for instance, stays."""
    if dry_run:
        response.status_code = 200
        return kubeconfig_view(kubeconfigs.plan_revocation(access, cluster, kubeconfig))
    return kubeconfig_view(kubeconfigs.revoke(access, cluster, kubeconfig))
