"""How it goes with a cluster: `/kaas/v1/clusters/{cluster}/events`, `/timeline`, `/progress`."""

import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BeforeValidator

from navarch.api.access import Limit, MayRead, service_of
from navarch.api.models.responses import EventPage, ProgressView, TimelineView
from navarch.api.problems import documented
from navarch.api.views import event_view, progress_view, timeline_view
from navarch.service import accounts

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_documented(value: object) -> object:
    """Pydantic takes numbers for seconds since 1970, and a date for its midnight; the document promises neither."""
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("it has to be a moment as in RFC 3339: 2026-01-31T12:00:00Z")
    return value


router = APIRouter(prefix="/kaas/v1/clusters/{cluster}", tags=["clusters"])


@router.get("/events", response_model=EventPage, responses=documented(400, 401, 403, 404, 503))
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


@router.get("/timeline", response_model=TimelineView, responses=documented(400, 401, 403, 404, 503))
def show_timeline(
    access: MayRead,
    cluster: str,
    everything: Annotated[bool, Query(description="Not only the creation, but all that happened since.")] = False,
) -> Any:
    """Where the time of a cluster's creation went, as the rows of a waterfall."""
    return timeline_view(accounts.timeline(access, cluster, everything=everything))


@router.get("/progress", response_model=ProgressView, responses=documented(400, 401, 403, 404, 503))
def show_progress(
    access: MayRead,
    cluster: str,
    since: Annotated[
        AwareDatetime | None,
        BeforeValidator(_as_documented),
        Query(description="From when on seconds are told of what comes true in a cluster that is Ready. Default: now."),
    ] = None,
) -> Any:
    """How far a cluster is on its way to what was asked for, and what it waits for."""
    return progress_view(accounts.progress(access, cluster, since))
