"""`/kaas/v1/clusters/{cluster}/events`."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from navarch.api.access import Limit, MayRead, service_of
from navarch.api.models.responses import EventPage
from navarch.api.problems import documented
from navarch.api.views import event_view

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/events", tags=["clusters"])


@router.get("", response_model=EventPage, responses=documented(400, 401, 403, 404, 503))
def list_events(
    access: MayRead,
    request: Request,
    cluster: str,
    marker: Annotated[int, Query(ge=0, lt=2**63, description="Id of the last event of the page before.")] = 0,
    limit: Limit = 1000,
) -> Any:
    """A cluster's timeline, oldest first; the newest 5000 events are kept."""
    stored = access.cluster(cluster)
    limit = min(limit, service_of(request).settings.page)
    found = access.service.store.events(stored.cluster.id, marker=marker, limit=limit + 1)
    following = None
    if len(found) > limit:
        found = found[:limit]
        following = f"{request.url.path}?{urlencode({'limit': limit, 'marker': found[-1].id})}"
    return EventPage(events=[event_view(e) for e in found], next=following)
