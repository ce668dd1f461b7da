"""`/kaas/v1/clusters`."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from navarch.api import policy, watch
from navarch.api.access import (
    Body,
    DryRun,
    IfMatch,
    Limit,
    MayRead,
    allowed,
    also_allowed,
    answer,
    etag,
    own_project,
    service_of,
)
from navarch.api.models.objects import DeletionPlanView
from navarch.api.models.responses import ClusterPage, ClusterView, PlanView, UpgradePage
from navarch.api.node_groups import planned
from navarch.api.objects import deletion_plan
from navarch.api.problems import Problem, documented
from navarch.api.selecting import AskedFor, Listed
from navarch.api.views import cluster_json, upgrade_view
from navarch.service import clusters, inventory, upgrades
from navarch.service.access import Access
from navarch.service.wish import names_addons
from navarch.store.contract import NotFound, Page, Stored

router = APIRouter(prefix="/kaas/v1/clusters", tags=["clusters"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="The same key and body answer the same cluster, for 24 hours.",
    ),
]
Watch = Annotated[bool, Query(alias="watch", description="Stream changes as server-sent events.")]


def _watch_options(
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="Of a watch: tell only what changed since that event.")
    ] = None,
    timeout_seconds: Annotated[
        int | None, Query(ge=1, le=86400, description="Of a watch: end it after so many seconds, if not before.")
    ] = None,
    events: Annotated[bool, Query(description="Of a watch: tell also what is new in timelines.")] = False,
    machines: Annotated[bool, Query(description="Of a watch of a list: tell also which machines change.")] = False,
) -> watch.Options:
    return watch.Options(last_event_id, timeout_seconds, events, machines)


WatchOptions = Annotated[watch.Options, Depends(_watch_options)]
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "As it is; or a stream of it.",
    }
}


@router.get("", response_model=ClusterPage, responses=STREAMED | documented(400, 401, 403, 503))
def list_clusters(
    access: MayRead,
    request: Request,
    listed: AskedFor,
    options: WatchOptions,
    marker: Annotated[
        str | None, Query(max_length=63, description="Id of the last cluster of the page before.")
    ] = None,
    limit: Limit = 50,
    watch_: Watch = False,
) -> Any:
    """Clusters of the project, a page at a time; `total` counts those on all pages. A watch has no pages: it is told
    all of them."""
    if watch_:
        return watch.watch_clusters(request, access, listed.selection, options)
    limit = min(limit, service_of(request).settings.page)
    page = _page(access, listed, marker, limit)
    following = None
    if page.marker is not None:
        query = [(k, v) for k, v in request.query_params.multi_items() if k not in ("marker", "limit")]
        query += [("limit", str(limit)), ("marker", page.marker)]
        following = f"{request.url.path}?{urlencode(query)}"
    total = access.service.store.count_clusters(project_id=access.project_id, selection=listed.selection)
    return answer(_page_json(page, following, total))


@router.post(
    "",
    status_code=202,
    response_model=ClusterView | PlanView,
    responses={
        200: {"model": PlanView, "description": "dry_run: what would be done."},
        202: {"model": ClusterView, "description": "Accepted; `status` tells how it goes."},
        **documented(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra={"x-body": "NewCluster"},
)
def create_cluster(
    access: Annotated[Access, Depends(allowed(policy.CREATE))],
    body: Body,
    request: Request,
    dry_run: DryRun = False,
    idempotency_key: Key = None,
) -> Any:
    """Ask for a cluster. Nothing but its name is needed; every default is in the answer."""
    project_id = own_project(request)
    if names_addons(body):
        also_allowed(request, access, policy.ADDONS)
    if dry_run:
        return planned(clusters.plan_creation(access, project_id, body))
    return _accepted(clusters.create(access, project_id, body, key=idempotency_key))


@router.get("/{cluster}", response_model=ClusterView, responses=STREAMED | documented(400, 401, 403, 404, 503))
def show_cluster(
    access: MayRead,
    request: Request,
    cluster: str,
    options: WatchOptions,
    watch_: Watch = False,
) -> Any:
    """One cluster, by id or by name. A watch is told its machines and its progress, too."""
    stored = access.cluster(cluster)
    if watch_:
        return watch.watch_cluster(request, access, stored, options)
    return _shown(stored)


@router.patch(
    "/{cluster}",
    response_model=ClusterView | PlanView,
    responses=documented(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    openapi_extra={"x-body": "ClusterPatch", "x-body-media-type": "application/merge-patch+json"},
)
def change_cluster(
    access: Annotated[Access, Depends(allowed(policy.UPDATE))],
    body: Body,
    cluster: str,
    if_match: IfMatch,
    dry_run: DryRun = False,
) -> Any:
    """Merge a patch (RFC 7396) into a cluster's labels and spec."""
    if dry_run:
        return planned(clusters.plan_change(access, cluster, body, generations=if_match))
    return _shown(clusters.change(access, cluster, body, generations=if_match))


@router.delete(
    "/{cluster}",
    status_code=202,
    response_model=ClusterView | DeletionPlanView,
    responses={
        200: {"model": DeletionPlanView, "description": "dry_run: what would go, and what would stay."},
        202: {"model": ClusterView, "description": "Accepted."},
        **documented(400, 401, 403, 404, 409, 412, 503),
    },
)
def delete_cluster(
    access: Annotated[Access, Depends(allowed(policy.DELETE))],
    cluster: str,
    if_match: IfMatch,
    keep: Annotated[
        Literal["volumes"] | None, Query(description="volumes: leave the persistent volumes of claims.")
    ] = None,
    dry_run: DryRun = False,
) -> Any:
    """Ask a cluster to go, with everything that it and its own controllers made. Asking again changes nothing. One
    whose `spec.protected` is true is refused. A dry run lists each object, and has a worker look first where the last
    look is not recent."""
    if dry_run:
        keep_volumes = keep == "volumes"
        return deletion_plan(inventory.plan_deletion(access, cluster, keep_volumes=keep_volumes, generations=if_match))
    return _accepted(clusters.delete(access, cluster, keep_volumes=keep == "volumes", generations=if_match))


@router.get("/{cluster}/upgrades", response_model=UpgradePage, responses=documented(400, 401, 403, 404, 503))
def list_upgrades(access: MayRead, cluster: str) -> Any:
    """Versions above a cluster's that are offered, newest first, and what is in the way of each. One is asked for by
    changing `kubernetes_version`."""
    return UpgradePage(upgrades=[upgrade_view(upgrade) for upgrade in upgrades.upgrades(access, cluster)])


def _page(access: Access, listed: Listed, marker: str | None, limit: int) -> Page:
    try:
        return access.service.store.clusters(
            project_id=access.project_id,
            selection=listed.selection,
            order=listed.order,
            descending=listed.descending,
            marker=marker,
            limit=limit,
        )
    except NotFound:
        if marker is None:
            raise
        raise Problem(
            400, "malformed", "marker is not the id of a cluster in this list; begin again without marker"
        ) from None


def _page_json(page: Page, following: str | None, total: int) -> bytes:
    """A ClusterPage, out of clusters that are JSON already."""
    rest = json.dumps({"unreadable": page.unreadable, "next": following, "total": total}).encode()
    return b'{"clusters":[' + b",".join(cluster_json(stored) for stored in page.clusters) + b"]," + rest[1:]


def _accepted(stored: Stored) -> Response:
    return _shown(stored, 202, Location=f"/kaas/v1/clusters/{stored.cluster.id}")


def _shown(stored: Stored, status: int = 200, **headers: str) -> Response:
    return answer(cluster_json(stored), status, ETag=etag(stored.cluster.generation), **headers)
