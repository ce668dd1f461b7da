"""What a cluster's own controllers show to the cloud, for whoever fears that somebody else has it."""

from dataclasses import replace

from navarch.domain.credentials import Credentials
from navarch.domain.status import Event
from navarch.service.access import Access
from navarch.service.refusals import Missing
from navarch.store.contract import NotFound


def known(access: Access, reference: str) -> Credentials:
    """Since when they are, and whether others are asked for. Raises Missing, and the store's Unreadable,
    Unavailable."""
    cluster = access.cluster(reference).cluster
    try:
        return access.service.store.credentials(cluster.id)
    except NotFound:  # it has just gone
        raise Missing("cluster") from None


def renew(access: Access, reference: str) -> Credentials:
    """Have them replaced; while that is being done, asking again changes nothing. Raises Missing, InTheWay, and the
    store's Unreadable, Unavailable."""
    cluster = access.changeable(reference).cluster
    message = f"{access.user_name} ({access.user_id}) asked for other cloud credentials, {access.request_id}"
    event = Event(access.service.now(), "CredentialsRequested", message, subject=access.user_name)
    try:
        return access.service.store.request_credentials(cluster.id, event, request_id=access.request_id)
    except NotFound:
        raise Missing("cluster") from None


def plan_renewal(access: Access, reference: str) -> Credentials:
    """As they would be right after the request; changes nothing. Raises as `renew`."""
    access.changeable(reference)
    before = known(access, reference)
    return replace(before, requested_at=before.requested_at or access.service.now())
