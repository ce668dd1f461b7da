"""What belongs to a cluster: machines, events, kubeconfigs."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request

from navarch.api import policy
from navarch.api.clusters import Limit, MayRead
from navarch.api.models.requests import NewKubeconfig
from navarch.api.models.responses import EventPage, KubeconfigView, MachinePage
from navarch.api.parsing import understand
from navarch.api.problems import Problem, documented, invalid
from navarch.api.service import Access, OptionalBody, allowed
from navarch.api.settings import ApiSettings
from navarch.api.views import event_view, machine_view
from navarch.bootstrap.kubeconfig import kubeconfig
from navarch.bootstrap.vault import SECRETS, open_secrets
from navarch.domain.errors import FieldError
from navarch.domain.status import Event

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}", tags=["clusters"])

# Bound to cluster roles by the add-on `access`.
ROLE_GROUPS = {"admin": "navarch:admins", "edit": "navarch:editors", "view": "navarch:viewers"}
_LEAST_SECONDS = 300
_MOST_GROUPS = 8
_LONGEST_NAME = 64  # of a certificate's common name and organisations
_KUBERNETES_OWN = ("system:", "kubeadm:")


@router.get("/machines", response_model=MachinePage, responses=documented(400, 401, 403, 404, 503))
def list_machines(
    access: MayRead,
    cluster: str,
    removed: Annotated[bool, Query(description="Also those that are gone.")] = False,
) -> Any:
    """A cluster's machines in order of their making, with the boot phases that each reported."""
    stored = access.cluster(cluster)
    machines = access.service.store.machines(stored.cluster.id, removed=removed)
    return MachinePage(machines=[machine_view(m) for m in machines])


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
    limit = min(limit, access.service.settings.page)
    found = access.service.store.events(stored.cluster.id, marker=marker, limit=limit + 1)
    following = None
    if len(found) > limit:
        found = found[:limit]
        following = f"{request.url.path}?{urlencode({'limit': limit, 'marker': found[-1].id})}"
    return EventPage(events=[event_view(e) for e in found], next=following)


@router.post(
    "/kubeconfigs",
    status_code=201,
    response_model=KubeconfigView,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra={"x-body": "NewKubeconfig"},
)
def issue_kubeconfig(
    access: Annotated[Access, Depends(allowed(policy.KUBECONFIGS))], body: OptionalBody, request: Request, cluster: str
) -> Any:
    """Issue a client certificate that ends by itself, as a kubeconfig. It is noted in the timeline and kept nowhere."""
    stored = access.cluster(cluster)
    request.state.cluster_id = stored.cluster.id
    settings, store = access.service.settings, access.service.store
    asked, errors = understand(NewKubeconfig, body)
    ttl = settings.kubeconfig_seconds if asked.ttl_seconds is None else asked.ttl_seconds
    errors = (*errors, *_wrong(asked, ttl, settings))
    if errors:
        raise invalid(errors)
    url, sealed = stored.status.api_url, store.sealed(stored.cluster.id, SECRETS)
    if stored.cluster.deleting:
        raise Problem(409, "deleting", f"{stored.cluster.name} is being deleted")
    if url is None or sealed is None:
        raise Problem(409, "not-ready", f"{stored.cluster.name} has no address yet: wait until its status has api_url")
    groups = tuple(dict.fromkeys(asked.groups or (ROLE_GROUPS[asked.role or "admin"],)))
    user, now = _certificate_name(access), access.service.now()
    secrets = open_secrets(access.service.sealer, stored.cluster.id, sealed)
    text, expires_at = kubeconfig(
        secrets,
        cluster_name=stored.cluster.name,
        url=url,
        user=user,
        groups=groups,
        ttl=timedelta(seconds=ttl),
        now=now,
    )
    who = f"{access.caller.user_name} ({access.caller.user_id})"
    message = (
        f"{who} got a certificate as {', '.join(groups)} until {expires_at:%Y-%m-%d %H:%M} UTC, {access.request_id}"
    )
    store.add_event(stored.cluster.id, Event(now, "KubeconfigIssued", message, subject=access.caller.user_name))
    return KubeconfigView(kubeconfig=text, expires_at=expires_at)


def _wrong(asked: NewKubeconfig, ttl: int, settings: ApiSettings) -> list[FieldError]:
    errors, groups = [], asked.groups or []
    if not _LEAST_SECONDS <= ttl <= settings.kubeconfig_seconds_most:
        detail = f"must be between {_LEAST_SECONDS} and {settings.kubeconfig_seconds_most}, got {ttl}"
        errors.append(FieldError("ttl_seconds", detail))
    if asked.role is not None and groups:
        errors.append(FieldError("groups", "and role exclude each other"))
    if len(groups) > _MOST_GROUPS:
        errors.append(FieldError("groups", f"must be at most {_MOST_GROUPS}, got {len(groups)}"))
    for index, group in enumerate(groups):
        if not group.isprintable() or not 0 < len(group) <= _LONGEST_NAME:
            errors.append(FieldError(f"groups[{index}]", f"must be 1 to {_LONGEST_NAME} printable characters"))
        elif group.startswith(_KUBERNETES_OWN):
            errors.append(
                FieldError(f"groups[{index}]", f"{group!r} is Kubernetes' own; for an administrator ask role admin")
            )
    return errors


def _certificate_name(access: Access) -> str:
    """The caller's name, as Kubernetes' audit log will show it; the id where the name could pose as a component."""
    name = access.caller.user_name
    usable = name.isprintable() and len(name) <= _LONGEST_NAME and not name.startswith(_KUBERNETES_OWN)
    return name if usable and name != "navarch" else f"keystone:{access.caller.user_id}"[:_LONGEST_NAME]
