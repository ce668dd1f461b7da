"""Issuing kubeconfigs: client certificates that end by themselves, noted in the timeline and kept nowhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from navarch.bootstrap.kubeconfig import kubeconfig
from navarch.bootstrap.vault import SECRETS, open_secrets
from navarch.domain.errors import FieldError
from navarch.domain.status import Event
from navarch.service.access import Access, being_deleted
from navarch.service.refusals import InTheWay, Invalid
from navarch.service.understanding import understand

# Bound to cluster roles by the add-on `access`.
ROLE_GROUPS = {"admin": "navarch:admins", "edit": "navarch:editors", "view": "navarch:viewers"}
_LEAST_SECONDS = 300
_MOST_GROUPS = 8
_LONGEST_NAME = 64  # of a certificate's common name and organisations
_KUBERNETES_OWN = ("system:", "kubeadm:")


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


def issue(access: Access, reference: str, document: dict[str, Any]) -> tuple[str, datetime]:
    """A kubeconfig, and when it ends. Raises Missing, Invalid, InTheWay, and the store's Unreadable, Unavailable."""
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
    text, expires_at = kubeconfig(
        open_secrets(service.sealer, cluster.id, sealed),
        cluster_name=cluster.name,
        url=url,
        user=_certificate_name(access),
        groups=groups,
        ttl=timedelta(seconds=ttl),
        now=now,
    )
    message = (
        f"{access.user_name} ({access.user_id}) got a certificate as {', '.join(groups)} "
        f"until {expires_at:%Y-%m-%d %H:%M} UTC, {access.request_id}"
    )
    # Written before it is handed out: a credential that nobody knows of must not exist.
    service.store.add_event(cluster.id, Event(now, "KubeconfigIssued", message, subject=access.user_name))
    return text, expires_at


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
        elif group.startswith(_KUBERNETES_OWN):
            yield FieldError(f"groups[{index}]", f"{group!r} is Kubernetes' own; for an administrator ask role admin")


def _certificate_name(access: Access) -> str:
    """The caller's name, as Kubernetes' audit log will show it; the id where the name could pose as a component."""
    name = access.user_name
    usable = name.isprintable() and len(name) <= _LONGEST_NAME and not name.startswith(_KUBERNETES_OWN)
    return name if usable and name != "navarch" else f"keystone:{access.user_id}"[:_LONGEST_NAME]
