"""Join tickets, and the tokens with which machines report.

A ticket is what a machine finds in its user-data and shows once. Both say on their own which machine they are for,
under a MAC: what is made up is refused before the database is asked, and whoever can write to the database can make
none. Of a ticket, which is random beside that, the database keeps the digest; a report token needs no row.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets

_MAC_LENGTH = hashlib.sha256().digest_size


def digest(ticket: str) -> bytes:
    """SHA-256 of a ticket. The ticket is random, so nothing slower is needed."""
    return hashlib.sha256(ticket.encode()).digest()


class MachineTokens:
    """Issues and opens tickets and report tokens under one key, of at least 32 bytes. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key of report tokens needs at least 32 bytes")
        self._tickets = hmac.digest(key, b"navarch join ticket", hashlib.sha256)
        self._reports = hmac.digest(key, b"navarch report token", hashlib.sha256)

    def issue_ticket(self, cluster_id: str, machine: str) -> tuple[str, bytes]:
        """A ticket for a machine of a cluster, each time another, and the digest to keep of it."""
        ticket = _signed(self._tickets, [cluster_id, machine, secrets.token_urlsafe(32)])
        return ticket, digest(ticket)

    def open_ticket(self, ticket: str) -> tuple[str, str] | None:
        """(cluster id, machine) of a ticket that was issued here, else None."""
        claim = _opened(self._tickets, ticket)
        return None if claim is None else (claim[0], claim[1])

    def issue(self, cluster_id: str, machine: str) -> str:
        """The report token of a machine of a cluster; always the same for the same machine."""
        return _signed(self._reports, [cluster_id, machine])

    def open(self, token: str) -> tuple[str, str] | None:
        """(cluster id, machine) of a report token that was issued here, else None."""
        claim = _opened(self._reports, token)
        return None if claim is None else (claim[0], claim[1])


def _signed(key: bytes, claim: list[str]) -> str:
    content = json.dumps(claim, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, content, hashlib.sha256) + content).decode()


def _opened(key: bytes, token: str) -> list[str] | None:
    try:
        content = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    if base64.urlsafe_b64encode(content).decode() != token:
        return None  # the last letter has spare bits: one token, one spelling
    mac, claim = content[:_MAC_LENGTH], content[_MAC_LENGTH:]
    if not hmac.compare_digest(mac, hmac.digest(key, claim, hashlib.sha256)):
        return None
    opened: list[str] = json.loads(claim)
    return opened
