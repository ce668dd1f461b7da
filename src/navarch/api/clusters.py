"""`/kaas/v1/clusters`."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from navarch.api import policy, watch
from navarch.api.models.requests import ClusterPatch, NewCluster
from navarch.api.models.responses import ClusterPage, ClusterView, PlanView
from navarch.api.parsing import Document, judged, merge, understand
from navarch.api.plans import change_text, plan_view
from navarch.api.problems import Problem, documented, invalid, not_found
from navarch.api.service import Access, Body, IfMatch, allowed, answer, etag, matched
from navarch.api.views import cluster_view, spec_view
from navarch.domain.admission import Origin, Refusal, consider_cluster
from navarch.domain.change import admit_change
from navarch.domain.errors import FieldError
from navarch.domain.needs import compare, needs_of, shortages
from navarch.domain.spec import Cluster
from navarch.domain.status import Status
from navarch.store.contract import ApiStore, NameTaken, NotFound, Page, Stale, Stored, Unreadable

router = APIRouter(prefix="/kaas/v1/clusters", tags=["clusters"])

MayRead = Annotated[Access, Depends(allowed(policy.READ))]
DryRun = Annotated[bool, Query(description="Answer what would be done, and do nothing.")]
Watch = Annotated[bool, Query(description="Stream changes as server-sent events.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Entries a page.")]
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
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "As it is; or a stream of it.",
    }
}
_RETRIES = 5


@router.get("", response_model=ClusterPage, responses=STREAMED | documented(400, 401, 403, 503))
def list_clusters(
    access: MayRead,
    request: Request,
    marker: Annotated[
        str | None, Query(max_length=63, description="Id of the last cluster of the page before.")
    ] = None,
    limit: Limit = 100,
    name: Annotated[str | None, Query(max_length=63)] = None,
    label: Annotated[list[str], Query(description="key=value; may be repeated: all must match.")] = [],  # noqa: B006
    watch_: Annotated[bool, Query(alias="watch", description="Stream changes as server-sent events.")] = False,
) -> Any:
    """Clusters of the project, in order of creation."""
    labels = tuple(_label(text) for text in label)
    limit = min(limit, access.service.settings.page)
    if watch_:
        return watch.stream(request, access, lambda: _views(_page(access, None, limit, name, labels)))
    page = _page(access, marker, limit, name, labels)
    following = None
    if page.marker is not None:
        query = [(k, v) for k, v in request.query_params.multi_items() if k not in ("marker", "limit")]
        query += [("limit", str(limit)), ("marker", page.marker)]
        following = f"{request.url.path}?{urlencode(query)}"
    views = [cluster_view(stored) for stored in page.clusters]
    return answer(ClusterPage(clusters=views, unreadable=list(page.unreadable), next=following))


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
    response: Response,
    dry_run: DryRun = False,
    idempotency_key: Key = None,
) -> Any:
    """Ask for a cluster. Nothing but its name is needed; every default is in the answer."""
    store, project_id, digest = access.service.store, access.own_project_id, _digest(body)
    key = None if dry_run else idempotency_key
    earlier = _made_earlier(store, project_id, key, digest)
    if earlier is not None:
        return _accepted(response, earlier)
    offer, quota = access.service.offer(), access.quota(project_id)
    new, malformed = understand(NewCluster, body)
    caller = access.caller
    origin = Origin(str(uuid4()), project_id, access.service.now(), caller.user_name, access.request_id)
    cluster, wrong = consider_cluster(new.asked(), origin, offer)
    needs, errors = compare(needs_of(cluster, offer), quota), judged(malformed, wrong)
    if dry_run:
        if errors:
            raise invalid(errors)
        response.status_code = 200
        steps = access.service.planner(cluster)
        return plan_view(cluster, status=Status(), steps=steps, needs=needs, quota=quota)
    errors = (*errors, *shortages(needs))
    if errors:
        # What is missing may be what a repeat of this request, a moment faster, has taken.
        earlier = _made_earlier(store, project_id, key, digest)
        if earlier is not None:
            return _accepted(response, earlier)
        raise invalid(errors)
    most = access.service.settings.clusters_per_project
    try:
        stored = store.create_cluster(cluster, idempotency_key=key, body_digest=digest, most=most)
    except NameTaken:
        raise Problem(
            409, "name-taken", f"the project has a cluster named {cluster.name} already",
            errors=[FieldError("name", f"{cluster.name!r} is taken")],
        ) from None  # fmt: skip
    except NotFound:
        raise _gone() from None
    if stored.cluster.id == origin.id:  # and not what a request with the same key made at the same time
        access.note(stored.cluster.id, "ClusterRequested", "asked for the cluster", subject=cluster.name)
    return _accepted(response, stored)


@router.get("/{cluster}", response_model=ClusterView, responses=STREAMED | documented(400, 401, 403, 404, 503))
def show_cluster(
    access: MayRead,
    request: Request,
    cluster: str,
    watch_: Annotated[bool, Query(alias="watch")] = False,
) -> Any:
    """One cluster, by id or by name."""
    stored = access.cluster(cluster)
    request.state.cluster_id = stored.cluster.id
    if watch_:
        return watch.stream(request, access, lambda: _views(_still_there(access, stored.cluster.id)))
    return answer(cluster_view(stored), ETag=etag(stored.cluster.generation))


@router.patch(
    "/{cluster}",
    response_model=ClusterView | PlanView,
    responses=documented(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    openapi_extra={"x-body": "ClusterPatch", "x-body-media-type": "application/merge-patch+json"},
)
def change_cluster(
    access: Annotated[Access, Depends(allowed(policy.UPDATE))],
    body: Body,
    request: Request,
    response: Response,
    cluster: str,
    dry_run: DryRun = False,
    if_match: IfMatch = None,
) -> Any:
    """Merge a patch (RFC 7396) into a cluster's labels and spec."""
    for _ in range(_RETRIES):
        stored = access.cluster(cluster)
        before = stored.cluster
        request.state.cluster_id = before.id
        matched(if_match, before.generation)
        if before.deleting:
            raise Problem(409, "deleting", f"{before.name} is being deleted")
        after = _changed(before, body)
        if dry_run:
            return plan_view(after, status=stored.status, before=before)
        if after == before:
            return _shown(response, stored)
        try:
            wish = replace(after, request_id=access.request_id)
            changed = access.service.store.change_cluster(wish, generation=before.generation)
        except Stale:
            continue  # somebody was faster: the patch is merged into what is there now, unless If-Match objects
        except NotFound:
            raise not_found("cluster") from None
        text = change_text(cluster_view(stored), cluster_view(changed))
        access.note(before.id, "ChangeRequested", f"asked for {text}", subject=before.name)
        return _shown(response, changed)
    raise Problem(409, "busy", "it is being changed by others all the time; try again")


@router.delete(
    "/{cluster}", status_code=202, response_model=ClusterView, responses=documented(400, 401, 403, 404, 412, 503)
)
def delete_cluster(
    access: Annotated[Access, Depends(allowed(policy.DELETE))],
    request: Request,
    response: Response,
    cluster: str,
    keep: Annotated[
        Literal["volumes"] | None, Query(description="volumes: leave the persistent volumes of claims.")
    ] = None,
    if_match: IfMatch = None,
) -> Any:
    """Ask a cluster to go, with everything that it and its own controllers made. Asking again changes nothing."""
    stored = access.cluster(cluster)
    request.state.cluster_id = stored.cluster.id
    generation = matched(if_match, stored.cluster.generation)
    try:
        gone = access.service.store.request_deletion(
            stored.cluster.id,
            at=access.service.now(),
            keep_volumes=keep == "volumes",
            generation=generation,
            request_id=access.request_id,
        )
    except NotFound:
        raise not_found("cluster") from None
    if not stored.cluster.deleting:
        what = "delete the cluster, but to keep its volumes" if keep else "delete the cluster"
        access.note(gone.cluster.id, "DeletionRequested", f"asked to {what}", subject=gone.cluster.name)
    return _accepted(response, gone)


def _changed(before: Cluster, patch: Document) -> Cluster:
    """The cluster with the patch merged in. Raises Problem."""
    unknown = {"node_groups"} & set(spec) if isinstance(spec := patch.get("spec"), dict) else set()
    if unknown:
        raise invalid([FieldError("spec.node_groups", "is changed at /kaas/v1/clusters/{id}/node_groups/{name}")])
    current = {"labels": dict(before.labels), "spec": spec_view(before.spec).model_dump(mode="json")}
    parsed, malformed = understand(ClusterPatch, merge(current, patch))
    after = admit_change(before, parsed.asked())
    wrong = after.errors if isinstance(after, Refusal) else ()
    errors = judged(malformed, wrong)
    if errors or isinstance(after, Refusal):
        raise invalid(errors)
    return after


def _page(
    access: Access, marker: str | None, limit: int, name: str | None, labels: tuple[tuple[str, str], ...]
) -> Page:
    try:
        return access.service.store.clusters(
            project_id=access.project_id, marker=marker, limit=limit, name=name, labels=labels
        )
    except NotFound:
        raise Problem(400, "malformed", "marker is not the id of a cluster in this list") from None


def _still_there(access: Access, cluster_id: str) -> Page:
    try:
        return Page((access.service.store.cluster(cluster_id, project_id=access.project_id),))
    except NotFound:
        return Page(())
    except Unreadable:
        return Page((), (cluster_id,))


def _views(page: Page) -> dict[str, str | None]:
    views: dict[str, str | None] = {s.cluster.id: cluster_view(s).model_dump_json() for s in page.clusters}
    return views | dict.fromkeys(page.unreadable)


def _label(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key or "\x00" in text:
        raise Problem(400, "malformed", "label must be key=value")
    return key, value


def _made_earlier(store: ApiStore, project_id: str, key: str | None, digest: str) -> Stored | None:
    """What the same request made before; None where it has no key. Raises Problem, IdempotencyMismatch."""
    if key is None:
        return None
    try:
        return store.made_with_key(project_id, key, digest)
    except NotFound:
        raise _gone() from None


def _gone() -> Problem:
    return Problem(409, "gone", "the cluster that was made with this key has been deleted")


def _digest(body: Document) -> str:
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _accepted(response: Response, stored: Stored) -> ClusterView:
    response.headers["Location"] = f"/kaas/v1/clusters/{stored.cluster.id}"
    return _shown(response, stored)


def _shown(response: Response, stored: Stored) -> ClusterView:
    response.headers["ETag"] = etag(stored.cluster.generation)
    return cluster_view(stored)
