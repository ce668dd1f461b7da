"""`/kaas/v1/clusters/{cluster}/credentials`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from navarch.api import policy
from navarch.api.access import DryRun, MayRead, allowed
from navarch.api.models.responses import CredentialsView
from navarch.api.problems import documented
from navarch.domain.credentials import Credentials
from navarch.service import credentials
from navarch.service.access import Access

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/credentials", tags=["clusters"])


@router.get("", response_model=CredentialsView, responses=documented(400, 401, 403, 404, 503))
def show_credentials(access: MayRead, cluster: str) -> Any:
    """What is known of the credentials that the cluster's own controllers show to the cloud; never the credentials."""
    return _view(credentials.known(access, cluster))


@router.post(
    "",
    status_code=202,
    response_model=CredentialsView,
    responses={
        200: {"model": CredentialsView, "description": "dry_run: as it would be."},
        202: {"model": CredentialsView, "description": "Accepted."},
        **documented(400, 401, 403, 404, 409, 503),
    },
)
def renew_credentials(
    access: Annotated[Access, Depends(allowed(policy.CREDENTIALS))],
    response: Response,
    cluster: str,
    dry_run: DryRun = False,
) -> Any:
    """Give the cluster's own controllers another Keystone user in the place of the one they have: what somebody may
    have copied of it, tokens and application credentials too, opens nothing any more. Asking again while that is being
    done changes nothing. Load balancers and volumes that are there go on; changes to them wait for about a minute."""
    if dry_run:
        response.status_code = 200
        return _view(credentials.plan_renewal(access, cluster))
    return _view(credentials.renew(access, cluster))


def _view(known: Credentials) -> CredentialsView:
    return CredentialsView(state=known.state, requested_at=known.requested_at, renewed_at=known.renewed_at)
