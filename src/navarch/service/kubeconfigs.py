"""Kubeconfigs: client certificates that end by themselves and are kept nowhere. Who has one until when is written down,
so that it can be revoked."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from navarch.bootstrap.authorization import NAME as AUTHORIZER
from navarch.bootstrap.kubeconfig import kubeconfig
from navarch.bootstrap.vault import SECRETS, open_secrets
from navarch.domain.errors import FieldError
from navarch.domain.kubeconfigs import GROUP_PREFIX, Kubeconfig
from navarch.domain.status import Event
from navarch.service.access import Access, being_deleted
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.service.understanding import understand
from navarch.store.contract import NotFound

# Bound to cluster roles by the add-on `access`.
ROLE_GROUPS = {"admin": "navarch:admins", "edit": "navarch:editors", "view": "navarch:viewers"}
_LEAST_SECONDS = 300
_MOST_GROUPS = 8
_MOST_OF_A_CLUSTER = 5000  # that have not ended
_LONGEST_NAME = 64  # of a certificate's common name and organisations
_KUBERNETES_OWN = ("system:", "kubeadm:")
_NAVARCHS_OWN = frozenset({"navarch", AUTHORIZER})


class NewKubeconfig(BaseModel):
    """Which certificate: a role, or groups of one's own choice."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["admin", "edit", "view"] | None = Field(
        default=None, description="Default: admin, where no groups are given."
    )
    groups: list[str] | None = Field(
        default=None, description="Kubernetes groups, in place of a role. Not system: ones."
    )
    ttl_seconds: int | None = Field(
        default=None, description="From 300 to what the operator allows: a day, where nothing is said. Default: 28800."
    )


def issue(access: Access, reference: str, document: dict[str, Any]) -> tuple[str, Kubeconfig]:
    """A kubeconfig, and what is written down of it. Raises Missing, Invalid, InTheWay, and the store's TooMany,
    Unreadable, Unavailable."""
    stored = access.cluster(reference)
    service, cluster = access.service, stored.cluster
    asked, malformed = understand(NewKubeconfig, document)
    ttl = service.settings.kubeconfig_seconds if asked.ttl_seconds is None else asked.ttl_seconds
    errors = (*malformed, *_wrong(asked, ttl, service.settings.kubeconfig_seconds_most))
    if errors:
        raise Invalid(errors)
    if cluster.deleting:
        raise being_deleted(cluster.name)
    url, sealed = stored.status.api_url, service.store.sealed(cluster.id, SECRETS)
    if url is None or sealed is None:
        raise InTheWay("not-ready", f"{cluster.name} has no address yet: wait until its status has api_url")
    groups, now = tuple(dict.fromkeys(asked.groups or (ROLE_GROUPS[asked.role or "admin"],))), service.now()
    its = secrets.token_hex(8)
    text, expires_at = kubeconfig(
        open_secrets(service.sealer, cluster.id, sealed),
        cluster_name=cluster.name,
        url=url,
        user=_certificate_name(access),
        groups=groups,
        kubeconfig_id=its,
        ttl=timedelta(seconds=ttl),
        now=now,
    )
    message = (
        f"{access.user_name} ({access.user_id}) got a certificate as {', '.join(groups)} "
        f"until {expires_at:%Y-%m-%d %H:%M} UTC, kubeconfig {its}, {access.request_id}"
    )
    issued = Kubeconfig(its, access.user_id, access.user_name, groups, now, expires_at)
    # Written before it is handed out: a credential that nobody knows of must not exist.
    event = Event(now, "KubeconfigIssued", message, subject=access.user_name)
    service.store.add_kubeconfig(cluster.id, issued, event, most=_MOST_OF_A_CLUSTER)
    return text, issued


def listed(access: Access, reference: str) -> tuple[Kubeconfig, ...]:
    """Those of a cluster that have not ended, oldest first. Raises Missing, and the store's Unreadable, Unavailable."""
    cluster, service = access.cluster(reference).cluster, access.service
    return service.store.kubeconfigs(cluster.id, now=service.now())


def one(access: Access, reference: str, its: str) -> Kubeconfig:
    """One that has not ended. Raises Missing, and the store's Unreadable, Unavailable."""
    cluster, service = access.cluster(reference).cluster, access.service
    try:
        return service.store.kubeconfig(cluster.id, its, now=service.now())
    except NotFound:
        raise Missing("kubeconfig") from None


def revoke(access: Access, reference: str, its: str) -> Kubeconfig:
    """Have the cluster refuse it from now on; asking again changes nothing. Raises Missing, and the store's Unreadable,
    Unavailable."""
    before = one(access, reference, its)
    cluster, service = access.cluster(reference).cluster, access.service
    message = (
        f"{access.user_name} ({access.user_id}) revoked the kubeconfig {its} of {before.user_name} "
        f"({before.user_id}) as {', '.join(before.groups)}, {access.request_id}"
    )
    event = Event(service.now(), "KubeconfigRevoked", message, subject=before.user_name)
    try:
        return service.store.revoke_kubeconfig(cluster.id, its, event, by=access.user_id, request_id=access.request_id)
    except NotFound:  # it has just ended
        raise Missing("kubeconfig") from None


def plan_revocation(access: Access, reference: str, its: str) -> Kubeconfig:
    """As it would be once it is revoked; changes nothing. Raises as `revoke`."""
    before = one(access, reference, its)
    if before.revoked_at is not None:
        return before
    return replace(before, revoked_at=access.service.now(), revoked_by=access.user_id)


def _wrong(asked: NewKubeconfig, ttl: int, most: int) -> Iterator[FieldError]:
    groups = asked.groups or ()
    if not _LEAST_SECONDS <= ttl <= most:
        yield FieldError("ttl_seconds", f"must be between {_LEAST_SECONDS} and {most}, got {ttl}")
    if asked.role is not None and groups:
        yield FieldError("groups", "and role exclude each other")
    if len(groups) > _MOST_GROUPS:
        yield FieldError("groups", f"must be at most {_MOST_GROUPS}, got {len(groups)}")
    for index, group in enumerate(groups):
        if not group.isprintable() or not 0 < len(group) <= _LONGEST_NAME:
            yield FieldError(f"groups[{index}]", f"must be 1 to {_LONGEST_NAME} printable characters")
        elif group.startswith(GROUP_PREFIX):
            yield FieldError(f"groups[{index}]", f"{group!r} is Navarch's own: it says which kubeconfig it is")
        elif group.startswith(_KUBERNETES_OWN):
            yield FieldError(f"groups[{index}]", f"{group!r} is Kubernetes' own; for an administrator ask role admin")


def _certificate_name(access: Access) -> str:
    """The caller's name, as Kubernetes' audit log will show it; the id where the name could pose as a component."""
    name = access.user_name
    usable = name.isprintable() and len(name) <= _LONGEST_NAME and not name.startswith(_KUBERNETES_OWN)
    return name if usable and name not in _NAVARCHS_OWN else f"keystone:{access.user_id}"[:_LONGEST_NAME]
