"""Certificates of a cluster that end. Machines of the control plane renew theirs every three months, long before that;
Navarch looks whether they did. Of which machine a certificate is, stands in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from navarch.domain.credentials import AUTHORITY_LIFETIME
from navarch.domain.errors import Responsible
from navarch.domain.finding import Finding
from navarch.domain.machines import Machine
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import NoteCertificate, Step

NOTED, TOLD = timedelta(days=60), timedelta(days=30)
"""How long before its end. A certificate is for a year, and what ends later is written down of no machine."""
AUTHORITIES_TOLD = timedelta(days=365)


def note(observed: Observed, now: datetime) -> Iterator[Step]:
    """What was seen of the API server that answered this time, where it is not known."""
    serving = observed.kube.serving if observed.kube is not None else None
    if serving is None:
        return
    until = serving.until if serving.until - now < NOTED else None
    for machine in _control_plane(observed):
        if machine.name in serving.names and machine.facts.certificate_until != until:
            yield NoteCertificate(machine.name, until)


def ending(cluster: Cluster, observed: Observed, now: datetime) -> Finding | None:
    """What is to be told; None: nothing ends soon."""
    ends = [(m.facts.certificate_until, m.name) for m in _control_plane(observed) if m.facts.certificate_until]
    until, name = min(ends, default=(None, ""))
    if until is not None and until - now < TOLD:
        return Finding(
            "CertificateEnding",
            f"the certificate of the API server on {name} {_ends(until, now)}: the machine should have renewed it",
            responsible=Responsible.USER.value,
            remedy=f"have another machine take its place: navarch machine delete {name} -c {cluster.name} --keep-size",
            late=None,
        )
    last = cluster.created_at + AUTHORITY_LIFETIME
    if last - now < AUTHORITIES_TOLD:
        return Finding(
            "AuthorityEnding",
            f"the certificate authorities of the cluster {_ends(last, now)}, and cannot be renewed",
            responsible=Responsible.USER.value,
            remedy="move what runs there into a new cluster",
            late=None,
        )
    return None


def _control_plane(observed: Observed) -> Iterator[Machine]:
    return (m for m in observed.record.live if m.role is Role.CONTROL_PLANE)


def _ends(until: datetime, now: datetime) -> str:
    return f"{'ended' if until <= now else 'ends'} {until:%Y-%m-%d %H:%M} UTC"
