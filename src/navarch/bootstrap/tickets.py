"""Join tickets, and the tokens with which machines report.

A ticket is a random word that a machine finds in its user-data and shows once; the database keeps only its digest. A
report token says on its own which machine it is for, under a MAC, so that it needs no row.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets

_MAC_LENGTH = hashlib.sha256().digest_size


def new_ticket() -> tuple[str, bytes]:
    """A ticket of 256 random bits, and the digest to keep of it."""
    ticket = secrets.token_urlsafe(32)
    return ticket, digest(ticket)


def digest(ticket: str) -> bytes:
    """SHA-256 of a ticket. The ticket is random, so nothing slower is needed."""
    return hashlib.sha256(ticket.encode()).digest()


class ReportTokens:
    """Issues and opens report tokens under one key, of at least 32 bytes. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key of report tokens needs at least 32 bytes")
        self._key = hmac.digest(key, b"navarch report token", hashlib.sha256)

    def issue(self, cluster_id: str, machine: str) -> str:
        """The token of a machine of a cluster; always the same for the same machine."""
        claim = json.dumps([cluster_id, machine], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(claim) + claim).decode()

    def open(self, token: str) -> tuple[str, str] | None:
        """(cluster id, machine) of a token that was issued here, else None."""
        try:
            content = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        if base64.urlsafe_b64encode(content).decode() != token:
            return None  # the last letter has spare bits: one token, one spelling
        mac, claim = content[:_MAC_LENGTH], content[_MAC_LENGTH:]
        if not hmac.compare_digest(mac, self._mac(claim)):
            return None
        cluster_id, machine = json.loads(claim)
        return cluster_id, machine

    def _mac(self, claim: bytes) -> bytes:
        return hmac.digest(self._key, claim, hashlib.sha256)
